using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>The names of modules in messages.</summary>
internal static class ModuleTitles
{
    /// <summary>
    /// The name of the module. For TorchSharp's modules the class, since their names may be those of native code
    /// (`torch::nn::SequentialImpl`, which derived classes inherit), or of another class (every batch norm is named `BatchNorm1d`).
    /// </summary>
    public static string Title(this nn.Module module)
    {
        var (type, name) = (module.GetType(), module.GetName());
        return type.Assembly == typeof(nn.Module).Assembly || name.Contains("::") ? type.Name.Split('`')[0] : name;
    }
}
