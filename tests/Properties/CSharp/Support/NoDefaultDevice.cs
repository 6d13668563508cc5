using TorchSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Until it is disposed, what is made without naming a device has no numbers, and meets with none that has.</summary>
internal sealed class NoDefaultDevice : IDisposable
{
    private readonly Device _before = get_default_device();

    public NoDefaultDevice() => set_default_device(META);

    public void Dispose() => set_default_device(_before);
}
