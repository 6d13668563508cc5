using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Geotorch;

/// <summary>geotorch's `copying_problem.py`, shorter: symbols are recalled after a wait, by a recurrent orthogonal kernel.</summary>
internal sealed class CopyingProblem : IChapter
{
    private const int Alphabet = 8;
    private const int Recall = 5;
    private const int Wait = 20;
    private const int Batch = 64;

    public string Title => "geotorch: the copying problem";

    public void Check(Claims claims)
    {
        var model = new Model(64);
        var orthogonal = model.cell.kernel.parameters().ToList();
        var others = model.parameters().Where(parameter => !orthogonal.Contains(parameter));
        var optimizer = optim.RMSProp([
            new RMSProp.ParamGroup(others, new RMSProp.Options { LearningRate = 1e-3 }),
            new RMSProp.ParamGroup(orthogonal, new RMSProp.Options { LearningRate = 2e-4 }),
        ]);
        var (recent, baseline) = (0.0, Recall * Math.Log(Alphabet) / (Wait + 2 * Recall));
        for (var step = 0; step < 400; step++)
        {
            using var scope = NewDisposeScope();
            var (x, y) = Data();
            var loss = nn.functional.cross_entropy(model.call(x).flatten(0, 1), y.flatten());
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            recent = step < 390 ? 0 : recent + loss.item<float>() / 10;
        }
        claims.AtMost(0.5 * baseline, recent, $"a net without memory has a loss of {baseline:g3}, this one");
        claims.AtMost(1e-4, Defect(Weight(model.cell.kernel)), "its kernel is orthogonal, |W^T W - I|");
    }

    private static (Tensor X, Tensor Y) Data()
    {
        var symbols = randint(1, Alphabet + 1, [Batch, Recall], dtype: ScalarType.Int64);
        var (before, after) = (zeros([Batch, Wait], ScalarType.Int64), zeros([Batch, Recall - 1], ScalarType.Int64));
        var go = full([Batch, 1], Alphabet + 1, ScalarType.Int64);
        return (
            cat([symbols, before, go, after], 1),
            cat([zeros([Batch, Recall + Wait], ScalarType.Int64), symbols], 1)
        );
    }

    private sealed class Cell : nn.Module<Tensor, Tensor, Tensor>
    {
        public readonly Linear kernel;
        private readonly Linear input;
        private readonly Parameter bias;

        public Cell(int inputs, int hidden)
            : base(nameof(Cell))
        {
            (kernel, input) = (nn.Linear(hidden, hidden, hasBias: false).orthogonal(), nn.Linear(inputs, hidden));
            bias = new Parameter(rand(hidden) * 0.02 - 0.01);
            RegisterComponents();
            nn.init.kaiming_normal_(input.weight!);
            using var start = Rotations.Henaff([hidden, hidden]);
            kernel.parametrization("weight").Value = start;
        }

        /// <summary>modReLU (Arjovsky, Shah & Bengio 2016).</summary>
        public override Tensor forward(Tensor x, Tensor state)
        {
            var sum = input.call(x) + kernel.call(state);
            return sum.sign() * (sum.abs() + bias).relu();
        }
    }

    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        public readonly Cell cell;
        private readonly Linear head;
        private readonly int _hidden;

        public Model(int hidden)
            : base(nameof(Model))
        {
            (_hidden, cell, head) = (hidden, new Cell(Alphabet + 2, hidden), nn.Linear(hidden, Alphabet + 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor tokens)
        {
            using var _ = parametrize.cached();
            var inputs = nn.functional.one_hot(tokens, Alphabet + 2).to(ScalarType.Float32);
            var state = zeros(tokens.shape[0], _hidden);
            var outputs = new List<Tensor>();
            for (var t = 0; t < tokens.shape[1]; t++)
            {
                state = cell.call(inputs.select(1, t), state);
                outputs.Add(head.call(state));
            }
            return stack(outputs, 1);
        }
    }
}
