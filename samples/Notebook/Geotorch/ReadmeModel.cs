using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Geotorch;

/// <summary>The model of geotorch's README: a linear layer with orthonormal columns, kernels of rank 1.</summary>
internal sealed class ReadmeModel : IChapter
{
    public string Title => "geotorch: the model of its README";

    public void Check(Claims claims)
    {
        var model = new Model();
        claims.AtMost(1e-5, Defect(Weight(model.linear)), "a layer has orthonormal columns, |W^T W - I|");
        claims.AtMost(1e-5, SecondValue(model.cnn), "every 3 x 3 kernel has rank 1: s_2 / s_1");

        model.linear.parametrization("weight").Value = eye(128, 64);
        claims.AtMost(1e-6, Distance(Weight(model.linear), eye(128, 64)), "a weight is assigned, and is");

        var optimizer = optim.Adam(model.parameters(), lr: 1e-2);
        var x = randn(2, 16, 8, 8);
        for (var step = 0; step < 5; step++)
        {
            optimizer.zero_grad();
            model.call(x).square().mean().backward();
            optimizer.step();
        }
        claims.AtMost(1e-5, Defect(Weight(model.linear)), "after training the columns are orthonormal");
        claims.AtMost(1e-5, SecondValue(model.cnn), "and the kernels of rank 1");
        claims.MoreThan(1e-3, Distance(Weight(model.linear), eye(128, 64)), "the weight has moved by");
    }

    private static double SecondValue(nn.Module layer)
    {
        var values = linalg.svdvals(Weight(layer));
        return (values.select(-1, 1) / values.select(-1, 0)).max().item<float>();
    }

    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        public readonly Linear linear = nn.Linear(64, 128).orthogonal();
        public readonly Conv2d cnn = nn.Conv2d(16, 32, 3)
            .register_parametrization("weight", Parametrizations.LowRank(1));
        private readonly Linear between = nn.Linear(32 * 36, 64);

        public Model()
            : base(nameof(Model)) => RegisterComponents();

        public override Tensor forward(Tensor x) => linear.call(between.call(cnn.call(x).flatten(1)));
    }
}
