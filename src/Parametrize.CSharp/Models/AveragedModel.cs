using Parametrize.CSharp.Models;

namespace Parametrize.CSharp;

/// <summary>
/// A running average of a model during training, as torch.optim.swa_utils.AveragedModel: of equal weights (SWA), or
/// exponential (EMA). Parametrized tensors stay in their spaces.
/// </summary>
/// <remarks>
/// Its state is `n_averaged` and the state of the average under `module.`, as in PyTorch. Buffers of the model, such as the
/// statistics of norms, are copied; singular vectors of spectral norms are computed again.
/// </remarks>
/// <typeparam name="T">The class of the model.</typeparam>
public sealed class AveragedModel<T> : nn.Module
    where T : nn.Module
{
    private readonly double? _decay;
    private readonly AverageOf _averageOf;

    /// <param name="module">
    /// A model of the same modules, parametrized alike, whose tensors become the average: `parametrize.copy_parametrizations` makes
    /// it alike. AveragedModel takes ownership of it, and sets it to evaluation.
    /// </param>
    /// <param name="decay">
    /// The weight of the present average at each update, in [0, 1]: an exponential average. Null: all updates have the same weight.
    /// Default: null.
    /// </param>
    /// <param name="averageOf">Values or parameters. Default: values.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is not in [0, 1].</exception>
    public AveragedModel(T module, double? decay = null, AverageOf averageOf = AverageOf.Values)
        : base(nameof(AveragedModel<>))
    {
        ArgumentNullException.ThrowIfNull(module);
        if (decay is not (null or (>= 0 and <= 1)))
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "A decay from 0 to 1 was expected.");
        if (!Enum.IsDefined(averageOf))
            throw new ArgumentOutOfRangeException(
                nameof(averageOf),
                averageOf,
                "`AverageOf.Values` or `AverageOf.Originals` was expected."
            );
        (this.module, _decay, _averageOf) = (module, decay, averageOf);
        register_buffer(nameof(n_averaged), zeros([], dtype: ScalarType.Int64, device: CPU).DetachFromDisposeScope());
        register_module(nameof(module), module);
        module.eval();
    }

    /// <summary>The average.</summary>
    public T module { get; }

    /// <summary>How many models have been averaged.</summary>
    public long n_averaged => get_buffer(nameof(n_averaged))!.item<long>();

    /// <summary>Updates the average by a model, after an optimizer's step. The first model is copied.</summary>
    /// <param name="model">The model that trains. It stays as it is.</param>
    /// <exception cref="ArgumentException">The models are not alike; nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">
    /// They are not parametrized alike; or parameters are averaged, and the bases differ. Nothing has changed.
    /// </exception>
    /// <exception cref="ParametrizationException">A parameter or a value of the model is NaN or infinite; nothing has changed.</exception>
    public void update_parameters(T model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var count = n_averaged;
        var weight = count == 0 ? 1 : 1 - _decay ?? 1.0 / (count + 1);
        ModelAverage.Update(module, model, weight, _averageOf);
        using var _ = no_grad();
        using var handles = NewDisposeScope();
        get_buffer(nameof(n_averaged))!.copy_(tensor(count + 1, device: CPU));
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        // TorchSharp would set the property that has the buffer's name, which is a number.
        var count = get_buffer(nameof(n_averaged))!;
        ModuleInternals.Buffers(this).Remove(nameof(n_averaged));
        base._toEpilog(dtype, device, non_blocking);
        register_buffer(nameof(n_averaged), device is null ? count : count.to(device).DetachFromDisposeScope());
    }
}

/// <summary>What is averaged of parametrized tensors.</summary>
public enum AverageOf
{
    /// <summary>
    /// The constrained tensors: their average is projected into the space, and its right inverse is written. The result depends
    /// neither on the map nor on its bases. Of values that round, of `Aol` and `AolConvolution`, of adapters and of values without a
    /// right inverse, the parameters are averaged.
    /// </summary>
    Values,

    /// <summary>
    /// The parameters, as PyTorch's AveragedModel does. The bases have to be the same, and the averaged value depends on the map.
    /// </summary>
    Originals,
}
