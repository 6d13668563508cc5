using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Parametrize;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>A node made of functions, for what PyTorch's tests write as small modules.</summary>
internal sealed class Scripted(string code) : Node
{
    public Func<Tensor[], Tensor> Map { get; init; } = inputs => inputs[0].clone();

    public Func<Tensor, Tensor[]> Inverse { get; init; } = value => [value];

    /// <summary>How far a tensor is from the image of the map.</summary>
    public Func<Tensor, double> Distance { get; init; } = _ => 0;

    public int InputCount { get; init; } = 1;

    /// <summary>The shapes of several inputs. Default: all that of the tensor.</summary>
    public Func<long[], IEnumerable<long[]>> Shapes
    {
        get => field ?? (shape => Enumerable.Repeat(shape, InputCount));
        init;
    }

    public Parametrization Value => Parametrizations.Of(this);

    public override Code Code => Code.NewCall(code, FSharpList<Code>.Empty);

    public override FSharpList<Domain> Domains => ListModule.OfSeq(Enumerable.Repeat(Domain.AnySpace, InputCount));

    public override Space Codomain(FSharpList<Space> before) => new(code);

    public override FSharpResult<FSharpList<Form>, ParametrizationError> Inputs(Form output)
    {
        if (InputCount == 1)
            return base.Inputs(output);
        var forms = Shapes(output.Shape).Select(shape => new Form(shape, output.Dtype, output.Device));
        return FSharpResult<FSharpList<Form>, ParametrizationError>.NewOk(ListModule.OfSeq(forms));
    }

    public override Tensor Forward(Tensor[] inputs, Tensor[] buffers) => Map(inputs);

    public override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon)
    {
        var (size, limit) = (Distance(tensor), 64 * epsilon);
        return size <= limit
            ? FSharpResult<Unit, Violation>.NewOk(null!)
            : FSharpResult<Unit, Violation>.NewError(new Violation(code, size, limit));
    }

    public override FSharpResult<NodeParts, string> Invert(
        Tensor[] present,
        Tensor tensor,
        double epsilon,
        Want want
    ) =>
        FSharpResult<NodeParts, string>.NewOk(new NodeParts(Inverse(want.IsExact ? tensor : Map(Inverse(tensor))), []));
}

internal static class ScriptedNodes
{
    public static Parametrization AddOne =>
        new Scripted("addOne") { Map = inputs => inputs[0] + 1, Inverse = value => [value - 1] }.Value;

    public static Parametrization Double =>
        new Scripted("double") { Map = inputs => inputs[0] * 2, Inverse = value => [value / 2] }.Value;

    /// <summary>Vectors whose first entry is zero.</summary>
    public static Parametrization FirstZero => Zero("firstZero", vector => cat([zeros(1), vector[1..]]));

    /// <summary>Vectors whose last entry is zero.</summary>
    public static Parametrization LastZero => Zero("lastZero", vector => cat([vector[..^1], zeros(1)]));

    /// <summary>Products of a column and a row.</summary>
    public static Parametrization RankOne
    {
        get
        {
            static Tensor Product(Tensor[] inputs) => inputs[0].unsqueeze(-1).matmul(inputs[1].unsqueeze(-2));
            static Tensor[] Vectors(Tensor matrix)
            {
                var (u, s, vh) = linalg.svd(matrix, fullMatrices: false);
                var root = s[0].sqrt();
                return [u[.., 0] * root, vh[0] * root];
            }
            return new Scripted("rankOne")
            {
                InputCount = 2,
                Shapes = shape =>
                    [
                        [shape[0]],
                        [shape[1]],
                    ],
                Map = Product,
                Inverse = Vectors,
                Distance = matrix => Largest(Product(Vectors(matrix)) - matrix),
            }.Value;
        }
    }

    /// <summary>The upper and the lower half of the rows.</summary>
    public static Parametrization Halves =>
        new Scripted("halves")
        {
            InputCount = 2,
            Shapes = shape =>
                [
                    [shape[0] / 2, .. shape[1..]],
                    [shape[0] - shape[0] / 2, .. shape[1..]],
                ],
            Map = inputs => cat([inputs[0], inputs[1]]),
            Inverse = value => [value[..(int)(value.shape[0] / 2)], value[(int)(value.shape[0] / 2)..]],
        }.Value;

    public static double Largest(Tensor tensor) => tensor.abs().max().to(ScalarType.Float64).item<double>();

    private static Parametrization Zero(string code, Func<Tensor, Tensor> map) =>
        new Scripted(code) { Map = inputs => map(inputs[0]), Distance = value => Largest(map(value) - value) }.Value;
}

/// <summary>What a parametrized model is asked in the tests.</summary>
internal static class Questions
{
    /// <summary>What an optimizer trains for a tensor.</summary>
    public static Tensor Original(this nn.Module module, string name = "weight", string part = "original") =>
        module.parametrization(name).state_dict()[part];

    public static Tensor Read(this nn.Module module, string name = "weight") =>
        module.parametrization(name).Value.detach();

    public static bool HasParameter(this nn.Module module, string name) =>
        module.named_parameters().Any(entry => entry.name == name);

    public static bool HasBuffer(this nn.Module module, string name) =>
        module.named_buffers().Any(entry => entry.name == name);
}
