using Parametrize.Tool;
using static TorchSharp.torch;

namespace Properties.CSharp.Tool;

/// <summary>A folder in which the tool is run.</summary>
internal sealed class Shell : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tool").FullName;

    public sealed record Result(int Code, string Output, string Error);

    public string this[string name] => Path.Combine(_folder, name);

    /// <summary>Runs the tool; words that begin with ./ are files of the folder.</summary>
    public Result Run(params string[] words)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] arguments =
        [
            .. words.Select(word => word.StartsWith("./", StringComparison.Ordinal) ? this[word[2..]] : word),
        ];
        var code = CommandLine.Run(arguments, output, error);
        return new(code, output.ToString().Replace($"{_folder}/", ""), error.ToString().Replace($"{_folder}/", ""));
    }

    public string Save(string name, nn.Module model, Dictionary<string, string>? metadata = null)
    {
        Parametrize.CSharp.Safetensors.Save(this[name], model, metadata);
        return $"./{name}";
    }

    public string Save(string name, Dictionary<string, Tensor> tensors, Dictionary<string, string>? metadata = null)
    {
        Parametrize.CSharp.Safetensors.Save(this[name], tensors, metadata);
        return $"./{name}";
    }

    public Dictionary<string, Tensor> Load(string name) => Parametrize.CSharp.Safetensors.Load(this[name]);

    public Dictionary<string, string> Metadata(string name)
    {
        Parametrize.CSharp.Safetensors.Load(this[name], out var metadata);
        return metadata;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
