using System.Runtime.InteropServices;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>Tensors whose largest modulus is learnt while training, and every function of which can be told to fail.</summary>
internal sealed class FaultyNode : Node, ILearns, ISampled
{
    public static readonly string[] Functions =
    [
        nameof(Forward),
        nameof(Contains),
        nameof(Want.Exact),
        nameof(Want.Nearest),
        nameof(Want.Start),
        nameof(Sample),
        nameof(Advance),
    ];

    /// <summary>What happens in a function, by its name; nothing by default.</summary>
    public Action<string> Fault { get; set; } = _ => { };

    public Parametrization Value => Parametrizations.Of(this);

    public override Code Code => Code.NewCall("faulty", FSharpList<Code>.Empty);

    public override FSharpList<Domain> Domains => ListModule.OfSeq([Domain.AnySpace]);

    public override FSharpList<Parametrize.Buffer> Buffers =>
        ListModule.OfSeq([
            new Parametrize.Buffer(
                "peak",
                BufferRole.Learned,
                FuncConvert.FromFunc<Form, Form>(form => new Form([], form.Dtype, form.Device))
            ),
        ]);

    public override Space Codomain(FSharpList<Space> before) => new("faulty");

    public override Tensor Forward(Tensor[] inputs, Tensor[] buffers)
    {
        Fault(nameof(Forward));
        return inputs[0].clamp(max: 1);
    }

    public override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon)
    {
        Fault(nameof(Contains));
        return tensor.gt(1).any().item<bool>()
            ? FSharpResult<Unit, Violation>.NewError(new Violation("W <= 1", 1, 0))
            : FSharpResult<Unit, Violation>.NewOk(null!);
    }

    public override FSharpResult<NodeParts, string> Invert(Tensor[] present, Tensor tensor, double epsilon, Want want)
    {
        Fault($"{want}");
        var near = tensor.clamp(max: 1);
        return FSharpResult<NodeParts, string>.NewOk(new NodeParts([near], [near.abs().max()]));
    }

    public Tensor Sample(Form form, Generator? generator)
    {
        Fault(nameof(Sample));
        return rand(form.Shape, dtype: form.Dtype);
    }

    public Tensor[] Advance(Tensor[] inputs, Tensor[] buffers)
    {
        var peak = inputs[0].abs().max();
        Fault(nameof(Advance));
        return [peak];
    }

    /// <summary>The exception is the node's own or, when memory was lacking, one that names the node.</summary>
    public static void AssertIsNamed(Exception? error, bool memory)
    {
        if (!memory)
            Assert.IsType<ApplicationException>(error);
        else
        {
            var named = Assert.IsType<InvalidOperationException>(error);
            Assert.StartsWith("faulty fails in ", named.Message);
            Assert.IsType<ExternalException>(named.InnerException, exactMatch: false);
        }
    }
}
