namespace Parametrize.CSharp.Binding;

/// <summary>What a cached scope keeps and drops.</summary>
internal interface ICached
{
    /// <summary>Drops what is kept: the scope ended, or the tensor has changed.</summary>
    void Forget();
}
