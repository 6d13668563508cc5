using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class Injection : IChapter
{
    public string Title => "Injection on a parameter and on a buffer";

    public void Check(Claims claims)
    {
        var norm = nn.BatchNorm1d(3);
        norm.eval();
        norm.running_mean!.copy_(tensor(new[] { -3f, 0.5f, 3f }));
        norm.register_parametrization(m => m.weight, Parametrizations.Positive);
        norm.register_parametrization(m => m.running_mean, Parametrizations.Bounded(-1, 1));

        var mean = norm.parametrization("running_mean").Value;
        claims.AtMost(
            1e-6,
            Distance(norm.parametrization("weight").Value, ones(3)),
            "the weight keeps its value, difference"
        );
        claims.AtMost(1, Largest(mean), "the largest entry of a mean that was 3");
        claims.AtMost(1e-6, Math.Abs(mean[1].ToDouble() - 0.5), "the entry that was allowed stays, difference");

        var x = randn(5, 3);
        var expected = (x - mean) / (norm.running_var! + 1e-5).sqrt();
        claims.AtMost(1e-5, Distance(norm.call(x), expected), "the layer computes with both, difference");

        claims.Equal(
            "bias, parametrizations.weight.original",
            string.Join(", ", norm.named_parameters().Select(p => p.name).Order()),
            "parameters"
        );
        var buffers = norm.named_buffers().Select(b => b.name).Where(name => name.Contains("mean"));
        claims.Equal("parametrizations.running_mean.original", string.Join(", ", buffers), "the buffer stays a buffer");
        claims.That(!mean.requires_grad, "and has no gradient", $"requires_grad {mean.requires_grad}");

        var own = new Mixture();
        own.register_parametrization("shares", Parametrizations.Bounded(0, 1));
        own.register_parametrization("basis", Parametrizations.Orthogonal());
        own.call(randn(2, 3)).sum().backward();
        claims.AtMost(
            1e-6,
            Defect(own.parametrization("basis").Value),
            "distance from orthogonality in a module of one's own"
        );
        var gradient = own.parametrization("shares").get_parameter("original")!.grad!;
        claims.That(Zeros(gradient) == 0, "gradients arrive there", $"{gradient.numel()} entries, none zero");
    }

    private sealed class Mixture : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter shares = nn.Parameter(rand(3));
        private readonly Tensor basis = randn(3, 3);

        public Mixture()
            : base(nameof(Mixture)) => RegisterComponents();

        public override Tensor forward(Tensor x) => (x * shares).mm(basis);
    }
}
