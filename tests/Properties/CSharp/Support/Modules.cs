using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Modules as users write them, by how they keep their tensors.</summary>
internal sealed class ParameterField : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    public Parameter second;

    public ParameterField(bool registered = true)
        : base(nameof(ParameterField))
    {
        weight = nn.Parameter(randn(4, 4));
        second = nn.Parameter(randn(4));
        if (registered)
            RegisterComponents();
    }

    public Parameter Weight => weight;

    public override Tensor forward(Tensor input) => nn.functional.linear(input, weight, second);
}

internal sealed class TensorField : nn.Module<Tensor, Tensor>
{
    public Tensor table;

    public TensorField()
        : base(nameof(TensorField))
    {
        table = randn(4, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => input.matmul(table);
}

internal class Ancestor(string name) : nn.Module<Tensor, Tensor>(name)
{
    private Parameter inherited = nn.Parameter(randn(4, 4));

    public override Tensor forward(Tensor input) => input.matmul(inherited);
}

internal sealed class Inheriting : Ancestor
{
    public Inheriting()
        : base(nameof(Inheriting)) => RegisterComponents();
}

internal sealed class AutoProperty : nn.Module<Tensor, Tensor>
{
    public AutoProperty()
        : base(nameof(AutoProperty))
    {
        Weight = nn.Parameter(randn(4, 4));
        register_parameter(nameof(Weight), Weight);
    }

    public Parameter Weight { get; private set; }

    public override Tensor forward(Tensor input) => input.matmul(Weight);
}

/// <summary>Has its parameter in what a field holds: an array, a tuple, ...</summary>
internal sealed class Keeping<T> : nn.Module<Tensor, Tensor>
{
    private readonly Func<T, Tensor> read;
    private readonly T keeper;

    public Keeping(Func<Parameter, T> keep, Func<T, Tensor> read)
        : base("Keeping")
    {
        var weight = nn.Parameter(randn(4, 4));
        this.read = read;
        keeper = keep(weight);
        register_parameter(nameof(weight), weight);
    }

    public override Tensor forward(Tensor input) => input.matmul(read(keeper));
}

/// <summary>No field: forward asks the registry.</summary>
internal sealed class Fieldless : nn.Module<Tensor, Tensor>
{
    public Fieldless()
        : base(nameof(Fieldless))
    {
        register_parameter("weight", nn.Parameter(randn(4, 4)));
        register_parameter("bias", nn.Parameter(randn(4)));
    }

    public override Tensor forward(Tensor input) =>
        nn.functional.linear(input, get_parameter("weight")!, get_parameter("bias")!);
}

/// <summary>Two children and several call arguments.</summary>
internal sealed class Pair : nn.Module<Tensor, Tensor, bool, Tensor>
{
    public readonly Linear first = nn.Linear(4, 4);
    public readonly Linear second = nn.Linear(4, 4);
    private readonly Parameter scale = nn.Parameter(randn(4));

    public Pair(bool registered = true)
        : base(nameof(Pair))
    {
        if (registered)
            RegisterComponents();
    }

    public override Tensor forward(Tensor left, Tensor right, bool scaled)
    {
        var sum = first.call(left) + second.call(right);
        return scaled ? sum * scale : sum;
    }
}

/// <summary>A parent that does nothing.</summary>
internal sealed class Around : nn.Module
{
    public readonly nn.Module inside;

    public Around(nn.Module inside)
        : base(nameof(Around))
    {
        this.inside = inside;
        RegisterComponents();
    }
}

/// <summary>Holds its constrained tensor itself.</summary>
internal sealed class Holder : nn.Module<Tensor, Tensor>
{
    public readonly ParametrizedTensor kernel;

    public Holder(Parametrize.Parametrization value, Tensor initial)
        : base(nameof(Holder))
    {
        kernel = new(value, initial);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var w = kernel.Value;
        return input.matmul(w);
    }
}

/// <summary>Fails in the middle of its forward pass when told to.</summary>
internal sealed class Fragile : nn.Module<Tensor, Tensor>
{
    public readonly Parameter weight = nn.Parameter(randn(4, 4));

    public Fragile()
        : base(nameof(Fragile)) => RegisterComponents();

    public bool Fails { get; set; }

    public override Tensor forward(Tensor input)
    {
        if (Fails)
            throw new ApplicationException("forward fails.");
        return input.matmul(weight);
    }
}

/// <summary>Takes a tensor as if it were its own: the field cannot hold a computed one.</summary>
internal sealed class OddParameter(Tensor data) : Parameter(data);

internal sealed class OddField : nn.Module<Tensor, Tensor>
{
    private readonly OddParameter weight = new(randn(4, 4));

    public OddField()
        : base(nameof(OddField)) => RegisterComponents();

    public override Tensor forward(Tensor input) => input.matmul(weight);
}
