namespace Properties.CSharp.Adapters;

/// <summary>A new folder, which goes with everything in it.</summary>
internal sealed class Folder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("adapter").FullName;

    public string Config => System.IO.Path.Combine(Path, "adapter_config.json");

    public string Tensors => System.IO.Path.Combine(Path, "adapter_model.safetensors");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
