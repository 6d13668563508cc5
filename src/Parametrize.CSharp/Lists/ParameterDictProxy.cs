using Parametrize.CSharp.Binding;

namespace Parametrize.CSharp.Lists;

/// <summary>The proxy of a ParameterDict.</summary>
internal sealed class ParameterDictProxy : ParameterDict, IListProxy
{
    private readonly ParameterDict _real;

    public ParameterDictProxy(ParameterDict dictionary)
    {
        _real = dictionary;
        ModuleInternals.Items(this) = ModuleInternals.Items(dictionary);
        ModuleInternals.Entries(this) = ModuleInternals.Entries(dictionary);
        ListProxies.Share(dictionary, this);
    }

    public nn.Module Real => _real;

    public List<ParentModule> SeenIn { get; } = [];

    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse) =>
        ListProxies.Parameters(this, base.named_parameters(recurse), recurse);

    protected override void RegisterComponents() { }

    /// <summary>
    /// The base class moves the contents, but not the children, which are moved first, as in other modules. Placeholders are taken
    /// out meanwhile, because a move would destroy them.
    /// </summary>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        ListProxies.MoveChildren(this, dtype, device, non_blocking);
        var all = ModuleInternals.Items(this);
        ModuleInternals.Items(this) = [.. all.Where(pair => pair.Item2 is not InjectedParameter)];
        try
        {
            base._toEpilog(dtype, device!, non_blocking);
        }
        finally
        {
            ModuleInternals.Items(this) = all;
            for (var index = 0; index < all.Count; index++)
                all[index] = (all[index].Item1, this[all[index].Item1]);
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            _real.Dispose();
    }
}
