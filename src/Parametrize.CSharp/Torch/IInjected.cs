namespace Parametrize.CSharp.Torch;

/// <summary>Marks what this library puts where a module holds its tensor, which is none of the module's own.</summary>
internal interface IInjected;
