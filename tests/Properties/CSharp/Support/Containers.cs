using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Computes with a list of matrices, one behind the other.</summary>
internal sealed class WithList : nn.Module<Tensor, Tensor>
{
    public readonly ParameterList kernels;

    public WithList(int count = 3)
        : this(nn.ParameterList([.. Enumerable.Range(0, count).Select(_ => nn.Parameter(randn(4, 4)))])) { }

    public WithList(ParameterList kernels)
        : base(nameof(WithList))
    {
        this.kernels = kernels;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => kernels.Aggregate(input, (x, kernel) => x.mm(kernel));
}

/// <summary>Computes with a dictionary, by its keys and by its order.</summary>
internal sealed class WithDictionary : nn.Module<Tensor, Tensor>
{
    private readonly ParameterDict parts = nn.ParameterDict(
        ("left", nn.Parameter(randn(4, 4))),
        ("right", nn.Parameter(randn(4, 4)))
    );

    public WithDictionary()
        : base(nameof(WithDictionary)) => RegisterComponents();

    public ParameterDict Parts => parts;

    public override Tensor forward(Tensor input) => input.matmul(parts["left"]).matmul(parts[1].Item2);
}

/// <summary>Has parameters and nothing to call.</summary>
internal sealed class Bag : nn.Module
{
    public readonly Parameter weight = nn.Parameter(randn(4, 4));
    public readonly Tensor shift = randn(4);

    public Bag()
        : base(nameof(Bag)) => RegisterComponents();
}

/// <summary>Computes with what others keep.</summary>
internal sealed class WithBags : nn.Module<Tensor, Tensor>
{
    public readonly Bag bag = new();
    public readonly ModuleList<ParameterList> lists = nn.ModuleList(
        nn.ParameterList(nn.Parameter(randn(4, 4))),
        nn.ParameterList(nn.Parameter(randn(4, 4)), nn.Parameter(randn(4, 4)))
    );

    public WithBags()
        : base(nameof(WithBags)) => RegisterComponents();

    public override Tensor forward(Tensor input) =>
        lists.SelectMany(list => list).Aggregate(input.matmul(bag.weight) + bag.shift, (x, kernel) => x.mm(kernel));
}

/// <summary>Computes with lists that have names. TorchSharp (0.107) cannot move a ModuleDict.</summary>
internal sealed class WithListsByName : nn.Module<Tensor, Tensor>
{
    public readonly ModuleDict<ParameterList> lists = nn.ModuleDict(
        ("left", nn.ParameterList(nn.Parameter(randn(4, 4)))),
        ("right", nn.ParameterList(nn.Parameter(randn(4, 4)), nn.Parameter(randn(4, 4))))
    );

    public WithListsByName()
        : base(nameof(WithListsByName)) => RegisterComponents();

    public override Tensor forward(Tensor input) =>
        lists["right"].Aggregate(input.mm(lists["left"][0]), (x, kernel) => x.mm(kernel));
}
