using Parametrize.Bench.Formulas;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>
/// A step of SGD of a recurrent net whose kernel is an exponential without a base: h = tanh(W h + U x) over a sequence.
/// </summary>
internal sealed class RecurrentCase
{
    public const int Length = 64;
    private const int Batch = 16;

    private readonly int _size;
    private readonly Tensor _inputs;
    private readonly Net _plain;
    private readonly Net _eachTime;
    private readonly Net _once;
    private readonly Net _registered;

    private RecurrentCase(int size)
    {
        _size = size;
        _inputs = randn(Length, Batch, size);
        _plain = new(nn.Linear(size, size, hasBias: false));
        _eachTime = new(Formula());
        var kernel = Formula();
        _once = new(kernel, kernel.Compute);
        _registered = new(nn.Linear(size, size, hasBias: false));
        // By its name in the net, whose `call` computes it.
        _registered.register_parametrization(
            "_kernel.weight",
            Parametrizations.Orthogonal(OrthogonalMap.MatrixExp, trivialized: false)
        );
    }

    public static IEnumerable<RecurrentCase> All() => new[] { 32, 128, 256 }.Select(size => new RecurrentCase(size));

    public override string ToString() => $"n = {_size}";

    public void Plain() => Step(_plain);

    /// <summary>As `torch.nn.utils.parametrize` computes outside its `cached`.</summary>
    public void FormulaEachTime() => Step(_eachTime);

    public void FormulaOnce() => Step(_once);

    public void Registered() => Step(_registered);

    private FormulaKernel Formula() => new(nn.Parameter(randn(_size, _size) / Math.Sqrt(_size)));

    private void Step(Net net)
    {
        using var _ = NewDisposeScope();
        net.Optimizer.zero_grad();
        net.call(_inputs).square().mean().backward();
        net.Optimizer.step();
    }

    /// <summary>The cell, run by `forward`, as one writes it in PyTorch.</summary>
    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> _kernel;
        private readonly Linear _input;
        private readonly Action? _begin;

        public Net(nn.Module<Tensor, Tensor> kernel, Action? begin = null)
            : base(nameof(Net))
        {
            (_kernel, _begin) = (kernel, begin);
            var size = kernel.parameters().Single().shape[0];
            _input = nn.Linear(size, size);
            RegisterComponents();
            Optimizer = optim.SGD(parameters(), 1e-3);
        }

        public optim.Optimizer Optimizer { get; }

        public override Tensor forward(Tensor inputs)
        {
            _begin?.Invoke();
            var state = zeros(Batch, inputs.shape[2]);
            for (var time = 0; time < Length; time++)
                state = (_kernel.forward(state) + _input.forward(inputs[time])).tanh();
            return state;
        }
    }

    private sealed class FormulaKernel : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _original;
        private Tensor? _weight;

        public FormulaKernel(Parameter original)
            : base(nameof(FormulaKernel))
        {
            _original = original;
            RegisterComponents();
        }

        /// <summary>For all that follows, until it is called again.</summary>
        public void Compute() => _weight = PyTorch.MatrixExp(_original);

        public override Tensor forward(Tensor state) =>
            nn.functional.linear(state, _weight ?? PyTorch.MatrixExp(_original));
    }
}
