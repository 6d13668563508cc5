namespace Parametrize.CSharp.Binding;

/// <summary>What a cached scope keeps and drops.</summary>
internal interface ICached
{
    /// <summary>The scope has ended: drops what is kept, unless others need it.</summary>
    void Release(CachedScope scope);
}
