using Parametrize.CSharp.Binding;

namespace Parametrize.CSharp.Lists;

/// <summary>The proxy of a ParameterList.</summary>
internal sealed class ParameterListProxy : ParameterList, IListProxy
{
    private readonly ParameterList _real;

    public ParameterListProxy(ParameterList list)
    {
        _real = list;
        ModuleInternals.Items(this) = ModuleInternals.Items(list);
        ListProxies.Share(list, this);
    }

    public nn.Module Real => _real;

    public List<ParentModule> SeenIn { get; } = [];

    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) =>
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
        var plain = all.Where(parameter => parameter is not InjectedParameter).ToList();
        ModuleInternals.Items(this) = plain;
        try
        {
            base._toEpilog(dtype, device, non_blocking);
        }
        finally
        {
            ModuleInternals.Items(this) = all;
            var moved = new Queue<Parameter>(plain);
            for (var index = 0; index < all.Count; index++)
                if (all[index] is not InjectedParameter)
                    all[index] = moved.Dequeue();
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            _real.Dispose();
    }
}
