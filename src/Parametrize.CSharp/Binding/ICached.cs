namespace Parametrize.CSharp.Binding;

/// <summary>What a cached scope holds until it ends.</summary>
internal interface ICached
{
    /// <summary>Called when the scope has ended. Drops the held value, unless another scope needs it.</summary>
    void Release(CachedScope scope);
}
