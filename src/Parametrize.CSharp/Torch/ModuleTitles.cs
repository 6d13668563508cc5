using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>What modules are called in messages.</summary>
internal static class ModuleTitles
{
    /// <summary>
    /// Its name; of TorchSharp's modules the class, since theirs may be of native code (`torch::nn::SequentialImpl`, which
    /// derived classes inherit), or of another class (`BatchNorm1d` of each batch norm).
    /// </summary>
    public static string Title(this nn.Module module)
    {
        var (type, name) = (module.GetType(), module.GetName());
        return type.Assembly == typeof(nn.Module).Assembly || name.Contains("::") ? type.Name.Split('`')[0] : name;
    }
}
