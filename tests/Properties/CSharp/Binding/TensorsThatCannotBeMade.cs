using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Binding;

/// <summary>What is to stand in a field, where its tensor cannot be made: on a device that is full, of a disposed tensor.</summary>
public class TensorsThatCannotBeMade
{
    /// <summary>An exception of a finalizer would end the process.</summary>
    [Fact]
    public void The_garbage_collector_takes_it()
    {
        var layer = nn.Linear(3, 3);
        var (slot, _) = PlainTensor.Find(TensorPath.Resolve(layer, "weight"));
        var context = new SlotContext(slot, new TensorAccess(() => null), () => { }, _ => { });
        var disposed = ones(3, 3);
        disposed.Dispose();
        for (var count = 0; count < 20; count++)
            Assert.ThrowsAny<Exception>(() => new ExposedValue(context, disposed, false));
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
