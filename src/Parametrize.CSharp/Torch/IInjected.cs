namespace Parametrize.CSharp.Torch;

/// <summary>Marks parameters that this library puts into a module's field in place of the module's own tensor.</summary>
internal interface IInjected;
