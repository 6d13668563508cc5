using System.Runtime.InteropServices;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Threads;

/// <summary>
/// What TorchSharp's own `load_state_dict` writes, which asks nobody, is later than what was assigned to the field before and is
/// taken by another thread meanwhile.
/// </summary>
public class LoadingWaitsForAssignments
{
    private const string Key = "parametrizations.weight.original";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_loaded_while_an_assignment_is_taken_stays(bool isScoped)
    {
        var (layer, node) = Made();
        using var scope = isScoped ? parametrize.cached(layer) : null;
        layer.weight = nn.Parameter(full([4, 4], 6.0));
        Task? loading = null;
        node.Meanwhile = () =>
        {
            loading = Task.Run(() => layer.load_state_dict(new() { [Key] = full([4, 4], 5.0) }));
            loading.Wait(millisecondsTimeout: 200);
        };
        layer.call(eye(4)).Dispose();
        Assert.NotNull(loading);
        await loading.WaitAsync(Limit);
        Near.Same(full([4, 4], 10.0), layer.call(eye(4)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_was_asked_for_before_and_is_written_meanwhile_stays(bool isScoped)
    {
        var (layer, node) = Made();
        using var scope = isScoped ? parametrize.cached(layer) : null;
        layer.weight = nn.Parameter(full([4, 4], 6.0));
        var state = layer.state_dict();
        node.Meanwhile = () =>
        {
            using var _ = no_grad();
            state[Key].fill_(5);
        };
        layer.call(eye(4)).Dispose();
        Near.Same(full([4, 4], 10.0), layer.call(eye(4)));
    }

    /// <summary>`load` writes into memory without being counted.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_file_has_replaces_what_was_assigned_before(bool isScoped)
    {
        var path = Path.GetTempFileName();
        try
        {
            var (saved, _) = Made();
            saved.parametrization("weight").Value = full([4, 4], 3.0);
            saved.save(path);
            var (layer, _) = Made();
            using var scope = isScoped ? parametrize.cached(layer) : null;
            layer.weight = nn.Parameter(full([4, 4], 6.0));
            layer.load(path);
            Near.Same(full([4, 4], 3.0), layer.call(eye(4)));
            layer.weight = nn.Parameter(full([4, 4], 6.0));
            Near.Same(full([4, 4], 6.0), layer.call(eye(4)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (Linear Layer, Interrupted Node) Made()
    {
        var node = new Interrupted();
        return (nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Parametrizations.Of(node)), node);
    }

    /// <summary>W = 2X; something happens once while a right inverse is computed.</summary>
    private sealed class Interrupted() : CustomNode("interrupted", "doubled tensors")
    {
        public Action? Meanwhile { get; set; }

        protected override Tensor Forward(Tensor input) => input * 2;

        protected override Tensor RightInverse(Tensor value)
        {
            var act = Meanwhile;
            Meanwhile = null;
            act?.Invoke();
            return value / 2;
        }
    }

    /// <summary>A load writes to the parts past the count of versions, and another thread reads between two of its writes.</summary>
    [Fact]
    public void What_a_load_writes_after_another_thread_has_read_is_seen()
    {
        var layer = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Parametrizations.Symmetric);
        using var scope = parametrize.cached(layer);
        layer.parametrization("weight").Value.Dispose();
        var original = layer.state_dict()["parametrizations.weight.original"];
        foreach (var number in new[] { 5f, 6f, 7f })
        {
            // As TorchSharp's `load` writes.
            MemoryMarshal.Cast<byte, float>(original.bytes).Fill(number);
            Tensor? read = null;
            var thread = new Thread(() => read = layer.parametrization("weight").Value.detach());
            thread.Start();
            thread.Join();
            Near.Same(full([4, 4], number), read!);
        }
    }

    [Fact]
    public void What_the_last_thread_that_asked_for_the_state_writes_is_seen()
    {
        var layer = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Parametrizations.Symmetric);
        using var scope = parametrize.cached(layer);
        layer.parametrization("weight").Value.Dispose();
        layer.state_dict();
        using var together = new Barrier(2);
        var thread = new Thread(() =>
        {
            var original = layer.state_dict()["parametrizations.weight.original"];
            together.SignalAndWait();
            together.SignalAndWait();
            // As TorchSharp's `load` writes.
            MemoryMarshal.Cast<byte, float>(original.bytes).Fill(5);
            together.SignalAndWait();
            together.SignalAndWait();
        });
        thread.Start();
        together.SignalAndWait();
        layer.parametrization("weight").Value.Dispose();
        together.SignalAndWait();
        together.SignalAndWait();
        var read = layer.parametrization("weight").Value.detach();
        together.SignalAndWait();
        thread.Join();
        Near.Same(full([4, 4], 5f), read);
    }

    /// <summary>The assignment waits in the second of two modules that share a tensor.</summary>
    [Fact]
    public void What_is_loaded_replaces_an_assignment_to_another_module_of_the_tensor()
    {
        var (first, second) = (nn.Linear(4, 4, hasBias: false), nn.Linear(4, 4, hasBias: false));
        var model = nn.Sequential(("first", first), ("second", second));
        first.register_parametrization("weight", Parametrizations.Symmetric);
        second.share_parametrization("weight", first.parametrization("weight"));
        second.weight = nn.Parameter(full([4, 4], 6f));
        var state = model.state_dict();
        using (no_grad())
            foreach (var part in state.Values)
                part.fill_(5);
        Near.Same(full([4, 4], 5f), first.call(eye(4)));
    }

    [Fact]
    public void Asking_for_the_state_again_keeps_no_more_copies()
    {
        var (layer, _) = Made();
        layer.weight = nn.Parameter(full([4, 4], 6.0));
        layer.state_dict();
        var before = Tensor.TotalCount;
        for (var time = 0; time < 5; time++)
            layer.state_dict();
        Assert.InRange(Tensor.TotalCount, 0, before);
    }
}
