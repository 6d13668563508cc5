using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Maps each feature by parameters that a network tells from the features before it (masked autoregressive flow: Papamakarios et
/// al. 2017). Data to latent is one pass of the network, the way back one for each feature; <see cref="FlowLayer.Inverted"/>
/// exchanges these costs (inverse autoregressive flow: Kingma et al. 2016).
/// </summary>
public sealed class Autoregressive : FlowLayer
{
    private const int Probes = 8;

    private readonly IElementMap _map;
    private readonly long _features;
    private readonly long _contextSize;
    private readonly nn.Module<Tensor, Tensor> network;

    /// <param name="map">The map of single numbers: <see cref="AffineMap"/> or <see cref="SplineMap"/>.</param>
    /// <param name="features">The size of the vectors.</param>
    /// <param name="hidden">The sizes of the hidden layers of a <see cref="MaskedNetwork"/>.</param>
    /// <param name="contextSize">The size of the context that the network reads besides; 0 for none.</param>
    public Autoregressive(IElementMap map, long features, long[] hidden, long contextSize = 0)
        : this(map, features, new MaskedNetwork(features, Given(map).ParameterCount, hidden, contextSize), contextSize)
    { }

    /// <param name="map">The map of single numbers: <see cref="AffineMap"/> or <see cref="SplineMap"/>.</param>
    /// <param name="features">The size of the vectors.</param>
    /// <param name="network">
    /// Reads `[N, features + contextSize]` and yields `[N, features * map.ParameterCount]`, of which the parameters of a feature
    /// may depend on the features before it and the context only. It is tried.
    /// </param>
    /// <param name="contextSize">The size of the context that the network reads behind the features; 0 for none.</param>
    /// <exception cref="ArgumentException">The parameters of a feature depend on that feature or on one behind it.</exception>
    public Autoregressive(IElementMap map, long features, nn.Module<Tensor, Tensor> network, long contextSize = 0)
        : base(nameof(Autoregressive))
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegative(contextSize);
        (_map, _features, _contextSize, this.network) = (CheckedMap.Of(map), features, contextSize, network);
        RegisterComponents();
        if (network is not MaskedNetwork)
            RequireOrder();
    }

    private static IElementMap Given(IElementMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map;
    }

    /// <inheritdoc/>
    public override bool ReadsContext => _contextSize > 0;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Vector(dataShape);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Vector(latentShape);

    private long[] Vector(long[] datum) =>
        Features.Require(datum, _features, this).Length == 1
            ? datum
            : throw new ArgumentException($"{this} takes vectors [{_features}]; found {Batches.Shown(datum)}.");

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var (value, logDerivative) = _map.Forward(data, Parameters(data, context));
        return (value, Batches.Sum(logDerivative));
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context)
    {
        var found = new List<Tensor>();
        var rest = zeros_like(latent);
        for (var feature = 0L; feature < _features; feature++)
        {
            var known = cat([.. found, rest.narrow(1, feature, _features - feature)], 1);
            var parameters = Parameters(known, context).narrow(1, feature, 1);
            found.Add(_map.Inverse(latent.narrow(1, feature, 1), parameters));
        }
        return cat(found, 1);
    }

    private Tensor Parameters(Tensor data, Tensor? context)
    {
        if (_contextSize > 0)
            Contexts.RequireSize(context, _contextSize, this);
        // A user's network gets a copy, because it may work in place.
        var read = network is MaskedNetwork ? data : data.clone();
        var told = network.call(Contexts.Beside(read, _contextSize > 0 ? context : null));
        return Features.Parameters(told, data, _features, _map.ParameterCount, this);
    }

    /// <summary>
    /// Checks that the parameters of a feature do not depend on that feature or a later one: each row changes one feature of the
    /// first row, and the parameters up to that feature must stay the same. The weights are random, because a network whose last
    /// layer starts with zeros does not show its dependencies.
    /// </summary>
    private void RequireOrder()
    {
        var modes = network.modules().Prepend(network).Select(module => (module, module.training)).ToList();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var like = network.parameters().FirstOrDefault();
        var weights = network
            .parameters()
            .Where(weight => weight.requires_grad)
            .Select(weight => (Weight: weight, Copy: weight.clone()))
            .ToList();
        using var generator = new Generator(1);
        network.eval();
        try
        {
            // Several points are tried, because all units of a small network may be inactive at one of them.
            for (var probe = 0; probe < Probes; probe++)
            {
                foreach (var (weight, copy) in weights)
                    weight.copy_(
                        copy.Plus(randn(weight.shape, weight.dtype, CPU, generator: generator).to(weight.device))
                    );
                RequireOrder(randn([1, _features + _contextSize], device: CPU, generator: generator), like);
            }
        }
        finally
        {
            foreach (var (weight, copy) in weights)
                weight.copy_(copy);
            // `train` also sets the children, so the modules are set from the outermost to the innermost.
            foreach (var (module, wasTraining) in modes)
                module.train(wasTraining);
        }
    }

    private void RequireOrder(Tensor at, Tensor? like)
    {
        using var scope = NewDisposeScope();
        var row = at.to(like?.dtype ?? get_default_dtype()).to(like?.device ?? get_default_device());
        var changes = cat([zeros_like(row), eye(_features, row.shape[1], dtype: row.dtype, device: row.device)], 0);
        var parameters = Features.Parameters(
            network.call(row.Plus(changes)),
            changes.narrow(1, 0, _features),
            _features,
            _map.ParameterCount,
            this
        );
        var moved = (parameters.narrow(0, 1, _features) - parameters.narrow(0, 0, 1)).abs().amax([2L]).tril();
        // A row computes in a batch as it does elsewhere, up to rounding.
        var limit = 1e-4 * (1 + parameters.abs().max().to_type(float64).item<double>());
        var most = moved.max().to_type(float64).item<double>();
        if (most > limit)
            throw new ArgumentException(
                $"The parameters of a feature may depend on the features before it only; in this network some moved by {most:g3} with a later one or their own. Use a MaskedNetwork.",
                nameof(network)
            );
    }

    /// <inheritdoc/>
    public override string ToString() => $"Autoregressive({_map}, {_features}{Contexts.Shown(_contextSize)})";
}
