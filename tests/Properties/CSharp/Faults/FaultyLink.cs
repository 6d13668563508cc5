using System.Runtime.InteropServices;
using Microsoft.FSharp.Core;
using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>Tensors whose largest modulus is learnt while training, and every function of which can be told to fail.</summary>
internal sealed class FaultyLink : Link
{
    public static readonly string[] Functions =
    [
        nameof(Forward),
        nameof(Contains),
        nameof(RightInverse),
        nameof(Nearest),
        nameof(Approximate),
        nameof(Sample),
        nameof(Advance),
    ];

    /// <summary>What happens in a function, by its name; nothing by default.</summary>
    public Action<string> Fault { get; set; } = _ => { };

    public Parametrization Value => Parametrizations.Of(this);

    public override string Code => "faulty";

    public override Space Codomain => Space.NewNamed("faulty");

    public override Domain Domain => Domain.Anything;

    public override bool Learns => true;

    public override Microsoft.FSharp.Collections.FSharpList<string> BufferNames =>
        Microsoft.FSharp.Collections.ListModule.OfSeq(["peak"]);

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

    public override FSharpResult<LinkParts, string> RightInverse(Tensor[] present, Tensor tensor, double epsilon)
    {
        Fault(nameof(RightInverse));
        return Peaked(tensor);
    }

    public override Tensor Nearest(Tensor tensor, double epsilon)
    {
        Fault(nameof(Nearest));
        return tensor.clamp(max: 1);
    }

    public override FSharpResult<LinkParts, string> Approximate(Tensor tensor, double epsilon)
    {
        Fault(nameof(Approximate));
        return Peaked(Nearest(tensor, epsilon));
    }

    public override Tensor Sample(Form form, Generator? generator)
    {
        Fault(nameof(Sample));
        return rand(form.Shape, dtype: form.Dtype);
    }

    public override Tensor[] Advance(Tensor[] inputs, Tensor[] buffers)
    {
        var peak = inputs[0].abs().max();
        Fault(nameof(Advance));
        return [peak];
    }

    /// <summary>What was thrown is the link's own exception or, where memory lacked, one that names the link.</summary>
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

    private static FSharpResult<LinkParts, string> Peaked(Tensor tensor) =>
        FSharpResult<LinkParts, string>.NewOk(new LinkParts([tensor], [tensor.abs().max()]));
}
