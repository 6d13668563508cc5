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
        Disable(true);
    }

    public void Dispose()
    {
        Disable(false);
        _tensors = [];
    }

    /// <summary>For all at once: a pass of another thread computes with all adapters or with none.</summary>
    private void Disable(bool isDisabled)
    {
        using var alone = TensorAccess.WritingAll(_tensors.Select(tensor => tensor.Binding.Access));
        _tensors.ForEach(tensor => tensor.DisableAdapter(isDisabled));
    }
}
