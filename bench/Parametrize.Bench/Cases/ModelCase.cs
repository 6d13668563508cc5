using Parametrize.Bench.Formulas;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.Bench.Cases;

/// <summary>
/// A step of SGD of a model of layers of one size: by PyTorch's formula in each layer, registered and computed one by one,
/// registered and computed as one batch, and stacked by hand.
/// </summary>
internal sealed class ModelCase
{
    private readonly OrthogonalMap _map;
    private readonly int _count;
    private readonly int _size;
    private readonly Tensor _inputs;
    private readonly (nn.Module<Tensor, Tensor> Model, optim.Optimizer Optimizer) _byFormula;
    private readonly (nn.Module<Tensor, Tensor> Model, optim.Optimizer Optimizer) _registered;
    private readonly (nn.Module<Tensor, Tensor> Model, optim.Optimizer Optimizer) _stacked;

    private ModelCase(OrthogonalMap map, Func<Tensor, Tensor> formula, int count, int size)
    {
        (_map, _count, _size, _inputs) = (map, count, size, randn(16, size));
        var value = Parametrizations.Orthogonal(map, trivialized: false);
        _byFormula = Trained(ByFormula(formula));
        var model = Sequential(() => nn.Linear(size, size));
        model.register_parametrizations<Linear>("weight", value);
        StartAlike(model);
        _registered = Trained(model);
        _stacked = Trained(new Stacked(value, count, size));
    }

    public static IEnumerable<ModelCase> All() =>
        from shape in new[] { (64, 16), (64, 32), (32, 64), (16, 128) }
        from map in MapCase.Maps
        select new ModelCase(map.Map, map.Reference, shape.Item1, shape.Item2);

    public override string ToString() => $"{_map}, {_count} of {_size} x {_size}";

    public void ByFormula() => Step(_byFormula);

    public void OneByOne() => Registered(isGrouped: false);

    public void Grouped() => Registered(isGrouped: true);

    public void StackedByHand() => Step(_stacked);

    private static (nn.Module<Tensor, Tensor>, optim.Optimizer) Trained(nn.Module<Tensor, Tensor> model) =>
        (model, optim.SGD(model.parameters(), 1e-3));

    private Sequential ByFormula(Func<Tensor, Tensor> formula) =>
        Sequential(() =>
        {
            var parameter = nn.Parameter(randn(_size, _size) / Math.Sqrt(_size));
            return new HandWrittenLinear(_size, () => formula(parameter), parameter);
        });

    private Sequential Sequential(Func<nn.Module<Tensor, Tensor>> layer) =>
        nn.Sequential(Enumerable.Range(0, _count).Select(index => ($"{index}", layer())).ToArray());

    /// <summary>From numbers such as the formulas have, in place of those that yield the first weights.</summary>
    private void StartAlike(Sequential model)
    {
        using var _ = no_grad();
        foreach (var layer in model.children())
            layer.parametrization("weight").Originals[0].copy_(randn(_size, _size) / Math.Sqrt(_size));
    }

    private void Registered(bool isGrouped)
    {
        parametrize.GroupsAlike = isGrouped;
        Step(_registered);
        parametrize.GroupsAlike = true;
    }

    private void Step((nn.Module<Tensor, Tensor> Model, optim.Optimizer Optimizer) trained)
    {
        using var _ = NewDisposeScope();
        trained.Optimizer.zero_grad();
        trained.Model.call(_inputs).square().sum().backward();
        trained.Optimizer.step();
    }

    /// <summary>What one writes for it: one parameter for all layers, one map.</summary>
    private sealed class Stacked : nn.Module<Tensor, Tensor>
    {
        private readonly Parametrization _value;
        private readonly Parameter _weights;
        private readonly Parameter _biases;

        public Stacked(Parametrization value, int count, int size)
            : base(nameof(Stacked))
        {
            _value = value;
            _weights = nn.Parameter(randn(count, size, size) / Math.Sqrt(size));
            _biases = nn.Parameter(zeros(count, size));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var weights = Core.forward(_value, Core.ofTensors([_weights], [], _value)).unbind(0);
            foreach (var (weight, bias) in weights.Zip(_biases.unbind(0)))
                input = nn.functional.linear(input, weight, bias);
            return input;
        }
    }
}
