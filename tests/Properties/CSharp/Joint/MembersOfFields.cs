using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>What is promised of joint tensors holds for each member, not the first one only.</summary>
public class MembersOfFields
{
    private sealed class Two : nn.Module<Tensor, Tensor>
    {
        public Parameter a = nn.Parameter(eye(4));
        public Parameter b = nn.Parameter(eye(4));

        public Two()
            : base(nameof(Two)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.matmul(a).matmul(b);
    }

    [Fact]
    public void A_second_member_of_inference_mode_is_refused()
    {
        Linear layer;
        using (inference_mode())
            layer = nn.Linear(4, 4);
        layer.weight = nn.Parameter(randn(4, 4));
        var before = layer.state_dict().Keys.ToList();
        Assert.Throws<NotSupportedException>(() =>
            layer.register_parametrization("weight+bias", Parametrizations.Identity)
        );
        Assert.Equal(before, layer.state_dict().Keys);
    }

    [Fact]
    public void Both_members_that_were_assigned_move_along()
    {
        var model = new Two();
        model.register_parametrization("a+b", Parametrizations.Orthogonal());
        // Orthogonal rows in single precision only.
        var allowed = linalg.qr(randn(8, 4, dtype: float64)).Q.T.to(float32);
        var parts = allowed.split(4, 1);
        model.a = nn.Parameter(parts[0].clone());
        model.b = nn.Parameter(parts[1].clone());
        model.to(float64);
        model.call(eye(4, dtype: float64)).Dispose();
        Near.Same(allowed.to(float64), model.parametrization("a+b").Value, 1e-6);
    }

    [Fact]
    public void Tensors_joined_on_top_of_each_other_are_shared()
    {
        var (first, second) = (new Two(), new Two());
        first.register_parametrization(["a", "b"], Parametrizations.WeightNorm(), dim: 0);
        second.share_parametrization("a+b", first.parametrization("a+b"));
        using var x = randn(3, 4);
        Near.Same(first.call(x), second.call(x));
    }
}
