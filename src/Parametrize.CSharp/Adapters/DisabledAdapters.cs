using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Adapters;

/// <summary>The adapters of a model, which are left out of their weights until this is disposed.</summary>
internal sealed class DisabledAdapters : IDisposable
{
    private List<ParametrizedTensor> _tensors;

    public DisabledAdapters(nn.Module model)
    {
        _tensors = AdapterTargets.AdaptersIn(ModelTree.CurrentTensors(model)).ConvertAll(entry => entry.Tensor);
        if (_tensors.Count == 0)
            throw new InvalidOperationException($"{model.Title()} has no adapter.");
        Disable(_tensors, true);
    }

    /// <summary>Of several calls, also by several threads, one counts.</summary>
    public void Dispose() => Disable(Interlocked.Exchange(ref _tensors, []), false);

    /// <summary>For all at once: a pass of another thread computes with all adapters or with none.</summary>
    private static void Disable(List<ParametrizedTensor> tensors, bool isDisabled)
    {
        using var alone = TensorAccess.WritingAll(tensors.Select(tensor => tensor.Binding.Access));
        tensors.ForEach(tensor => tensor.DisableAdapter(isDisabled));
    }
}
