using System.Runtime.CompilerServices;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>What has started in a scope keeps alive nothing of what the scope has held.</summary>
public class EndedScopesHoldNothing
{
    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        public readonly Linear layer = nn.Linear(3, 3);

        public Net()
            : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => layer.call(x);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (WeakReference Model, WeakReference Tensor, ExecutionContext Started) Started(bool isOfModel)
    {
        var net = new Net();
        net.register_parametrization("layer.weight", Parametrizations.Symmetric);
        using var scope = isOfModel ? parametrize.cached(net) : parametrize.cached();
        net.call(randn(2, 3)).Dispose();
        // What a timer or a task that begins here would hold.
        return (new(net), new(net.parametrization("layer.weight")), ExecutionContext.Capture()!);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_has_started_in_one_holds_neither_the_model_nor_its_tensors(bool isOfModel)
    {
        var (model, tensor, started) = Started(isOfModel);
        Collect();
        Assert.False(model.IsAlive);
        Assert.False(tensor.IsAlive);
        GC.KeepAlive(started);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Removed(Net net)
    {
        net.layer.register_parametrization("weight", Parametrizations.Symmetric);
        using (parametrize.cached(net))
            net.call(randn(2, 3)).Dispose();
        var tensor = new WeakReference(net.layer.parametrization("weight"));
        net.layer.remove_parametrizations("weight");
        return tensor;
    }

    [Fact]
    public void A_model_does_not_hold_what_was_removed()
    {
        var net = new Net();
        var tensor = Removed(net);
        Collect();
        Assert.False(tensor.IsAlive);
        net.call(randn(2, 3)).Dispose();
    }

    private static void Collect()
    {
        for (var count = 0; count < 3; count++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    [Fact]
    public void A_module_that_is_disposed_in_a_scope_leaves_no_value()
    {
        Assert.Equal(Left(isScoped: false), Left(isScoped: true));

        static long Left(bool isScoped)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = Tensor.TotalCount;
            var layer = nn.Linear(3, 3, hasBias: false).register_parametrization("weight", Parametrizations.Symmetric);
            using var scope = isScoped ? parametrize.cached(layer) : null;
            layer.Dispose();
            return Tensor.TotalCount - before;
        }
    }

    private sealed class Outer(Linear inner) : nn.Module<Tensor, Tensor>(nameof(Outer))
    {
        public readonly Linear inner = inner;

        public Outer Made()
        {
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor input) => inner.forward(input);
    }

    [Fact]
    public void A_tensor_that_is_removed_leaves_all_models_that_had_scopes()
    {
        var layer = nn.Linear(4, 4, hasBias: false);
        var (first, second) = (new Outer(layer).Made(), new Outer(layer).Made());
        var (ofFirst, ofSecond) = (Snapshot.Of(first), Snapshot.Of(second));
        layer.register_parametrization("weight", Parametrizations.Identity);
        using (parametrize.cached(first))
        using (parametrize.cached(second))
            layer.remove_parametrizations("weight");
        ofFirst.AssertUnchanged();
        ofSecond.AssertUnchanged();
    }
}
