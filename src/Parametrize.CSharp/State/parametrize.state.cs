using Parametrize.CSharp.State;

namespace Parametrize.CSharp;

/// <content>State dictionaries of parametrized models, PyTorch's included.</content>
public static partial class parametrize
{
    /// <summary>
    /// Loads a state dictionary; the model, the state or both may be parametrized. A computed tensor is found under PyTorch's names
    /// (`fc.parametrizations.weight.original`), under a plain one (`fc.weight`), or under those of PyTorch's older functions
    /// (`weight_g` and `weight_v`; `weight_orig` and `weight_mask`, or `weight_u` and `weight_v`).
    /// </summary>
    /// <remarks>
    /// If both are parametrized, the pieces are copied, and rounding by a coarser element type is corrected. The square base that
    /// PyTorch has for a tall matrix is kept as it is, until the base moves. If only the model is parametrized, the right inverse
    /// is taken. If only the state is, the value is computed. Tensors are converted to the model's element type and device and
    /// written in place, so that optimizers keep their parameters. Cached values are dropped. A tied tensor must be in the state
    /// under one of its names.
    /// </remarks>
    /// <param name="state">Tensors by key: of a PyTorch model, or of `state_dict` or <see cref="baked_state_dict"/>.</param>
    /// <param name="strict">Whether keys that the other side lacks are an error. Default: true.</param>
    /// <param name="whenNotAllowed">What to do with a plain tensor outside the space. Default: refuse the dictionary.</param>
    /// <param name="parametrizations">
    /// How the tensors of the dictionary were computed, by plain key or by a pattern with * and ?. Needed only when a value has to
    /// be computed, and neither the file nor the names of the pieces show the map. A map given here is used even if the file names
    /// another one. Default: none.
    /// </param>
    /// <param name="convert">
    /// What to do with pieces that were saved from another parametrization than the model's, according to their file. True: compute
    /// their value and assign it. Default: refuse the dictionary.
    /// </param>
    /// <param name="prefix">
    /// A prefix of the keys that the model's names do not have, dot included, such as `module.` of PyTorch's DataParallel. It is
    /// removed from keys that have it. Default: none.
    /// </param>
    /// <returns>The keys that the dictionary lacks, and those that the model lacks.</returns>
    /// <exception cref="StateDictException">
    /// The dictionary does not fit: missing or unexpected keys when strict, wrong shapes, tensors that a parametrization refuses,
    /// pieces from which nothing can be computed, maps that have to be named. All of them are listed, and nothing has changed.
    /// </exception>
    public static IncompatibleKeys load_parametrized_state_dict(
        this nn.Module model,
        IReadOnlyDictionary<string, Tensor> state,
        bool strict = true,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Refuse,
        IReadOnlyDictionary<string, Parametrization>? parametrizations = null,
        bool convert = false,
        string prefix = ""
    )
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(prefix);
        foreach (var (key, tensor) in state)
            if (tensor.WhyInvalid() is { } absence)
                throw new ArgumentException(
                    $"A tensor was expected for '{key}', but the entry {absence}. Remove the key from the state.",
                    nameof(state)
                );
        return StateLoading.Load(model, state, strict, whenNotAllowed, new(parametrizations), convert, prefix);
    }

    /// <summary>
    /// The state that the model would have without parametrizations: constrained values under plain keys, for a plain
    /// model of the same layers. Training state is not touched. Tensors that were assigned to fields are taken in first, as by a
    /// call.
    /// </summary>
    /// <returns>New tensors without gradients, which share no memory with the model; the caller's to dispose.</returns>
    /// <exception cref="ParametrizationException">A tensor that was assigned to a field is not allowed.</exception>
    public static Dictionary<string, Tensor> baked_state_dict(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var _ = no_grad();
        var state = new Dictionary<string, Tensor>();
        foreach (var target in StateTarget.Current(model))
        foreach (var (key, value) in target.Baked())
            state.TryAdd(key, value);
        return state;
    }

    /// <summary>
    /// The state of the model in the shapes of PyTorch. The base of a tall or wide matrix with orthonormal columns is square in
    /// PyTorch, and no larger than the matrix here. Other tensors are as in `state_dict`. A tensor of several modules is there under
    /// all its names. Tensors that were assigned to fields are taken in first, as by a call.
    /// </summary>
    /// <returns>New tensors without gradients, which share no memory with the model; the caller's to dispose.</returns>
    /// <exception cref="ParametrizationException">A tensor that was assigned to a field is not allowed.</exception>
    public static Dictionary<string, Tensor> pytorch_state_dict(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var _ = no_grad();
        var targets = StateTarget.Current(model);
        var state = StateTarget.StateOf(model, targets).ToDictionary(pair => pair.Key, pair => pair.Value.Copied());
        foreach (var target in targets.Where(target => target.Parametrized is not null))
        {
            var parts = target.Parametrized!.PartsOfPyTorch();
            foreach (var (name, tensor) in StatePieces.NamesOf(target.Parametrized.Parametrization).Zip(parts.Tensors))
                if (!tensor.shape.SequenceEqual(state[target.Prefix + name].shape))
                {
                    state[target.Prefix + name].Dispose();
                    state[target.Prefix + name] = tensor;
                }
        }
        return state;
    }
}
