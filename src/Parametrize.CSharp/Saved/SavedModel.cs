using Parametrize.CSharp.Saved;
using Parametrize.CSharp.State;

namespace Parametrize.CSharp;

/// <summary>
/// The file of a model, read without the model's class: the tensors with which its modules compute, and the parts from which these
/// are computed. For programs that inspect files, convert them, or take plain weights out of them.
/// </summary>
/// <remarks>
/// A file that `Safetensors.Save(path, model)` has written needs no further information. In a state of PyTorch, spectral norm,
/// masks and the old weight norm (`weight_g`, `weight_v`) are recognized by their names; name other maps. Not thread-safe.
/// </remarks>
public sealed class SavedModel : IDisposable
{
    private readonly LoadedTensors _file;
    private readonly Dictionary<string, string> _metadata;
    private readonly List<SavedTensor> _tensors;

    private SavedModel(LoadedTensors file, Dictionary<string, string> metadata, List<SavedTensor> tensors) =>
        (_file, _metadata, _tensors) = (file, metadata, tensors);

    /// <summary>The tensors, in the order of their names.</summary>
    public IReadOnlyList<SavedTensor> Tensors => _tensors;

    /// <summary>The metadata of the file, without the description of its parametrized tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => new StateDescription(_metadata).Others;

    /// <summary>The element types of the tensors that TorchSharp cannot hold, by name.</summary>
    public IReadOnlyDictionary<string, string> Unread => _file.Unread;

    /// <summary>
    /// Reads a safetensors file. A tensor that cannot be computed is listed with the others, and its
    /// <see cref="SavedTensor.Problem"/> says why.
    /// </summary>
    /// <param name="parametrizations">
    /// The parametrizations of tensors for which the file names none, or names one that cannot be read; by name or by a pattern
    /// with * and ?. Default: none.
    /// </param>
    /// <exception cref="ArgumentException">Two patterns name several maps for one tensor, or one names nothing.</exception>
    /// <exception cref="InvalidDataException">The file does not follow the format, or is of a later one.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SavedModel Load(string path, IReadOnlyDictionary<string, Parametrization>? parametrizations = null)
    {
        var file = Safetensors.Load(path, out var metadata);
        try
        {
            var reading = new SavedReading(file, new(parametrizations));
            return new(file, metadata, reading.Tensors());
        }
        catch (Exception error)
        {
            foreach (var tensor in file.Values)
                tensor.Dispose();
            if (error is InvalidDataException)
                throw new InvalidDataException($"The tensors of {path} cannot be found: {error.Message}", error);
            throw;
        }
    }

    /// <summary>
    /// Replaces the parametrization of a tensor. The value stays the same if the new parametrization allows it. A plain tensor can
    /// be given a parametrization, too.
    /// </summary>
    /// <param name="name">The <see cref="SavedTensor.Name"/> of the tensor.</param>
    /// <param name="whenNotAllowed">What to do when the new parametrization does not allow the value. Default: refuse.</param>
    /// <exception cref="ArgumentException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">The present value cannot be computed.</exception>
    /// <exception cref="ParametrizationException">
    /// The new parametrization does not allow the value. Nothing has changed.
    /// </exception>
    public void Convert(
        string name,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Refuse
    )
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(parametrization);
        var index = _tensors.FindIndex(saved => saved.Name == name);
        if (index < 0)
            throw new ArgumentException(
                $"There is no tensor '{name}'. There is: {string.Join(", ", _tensors.Select(saved => saved.Name))}.",
                nameof(name)
            );
        var before = _tensors[index];
        using var value = before.Value();
        // Registering takes the tensor for the parameter then, which is another value.
        if (whenNotAllowed is WhenNotAllowed.Refuse && !Core.hasRightInverse(parametrization))
            throw new ParametrizationException(ParametrizationError.NewNoRightInverse(parametrization.Code), name);
        var tensor = new ParametrizedTensor(parametrization, value, whenNotAllowed);
        tensor.eval();
        var after = SavedReading.Converted(before, tensor);
        _tensors[index] = after;
        before.Dispose();
        StateDescription.Describe(_metadata, name, tensor, after.Layout?.MemberShapes);
    }

    /// <summary>
    /// The state of the model without parametrizations: values under their plain names, other tensors as they are. It equals
    /// <see cref="parametrize.baked_state_dict"/> of the model.
    /// </summary>
    /// <returns>New tensors without gradients, the caller's to dispose.</returns>
    /// <exception cref="InvalidDataException">Tensors cannot be computed, or were not read; all are listed.</exception>
    public Dictionary<string, Tensor> baked_state_dict()
    {
        RequireWhole();
        var problems = _tensors.Select(tensor => tensor.Problem).OfType<string>().ToList();
        if (problems.Count > 0)
            throw new InvalidDataException(string.Join(Environment.NewLine, problems));
        return _tensors.SelectMany(tensor => tensor.Baked()).ToDictionary(baked => baked.Name, baked => baked.Value);
    }

    /// <summary>
    /// Writes the file again. Tensors that were not converted, and all metadata, are written unchanged, bit for bit.
    /// </summary>
    /// <param name="path">The file. Its folder must exist.</param>
    /// <exception cref="InvalidDataException">Tensors were not read, and would be lost.</exception>
    /// <exception cref="IOException">The file cannot be written; an older one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">An older file is read-only, or the folder is.</exception>
    public void Save(string path)
    {
        RequireWhole();
        Safetensors.Save(path, _tensors.SelectMany(tensor => tensor.Pieces).ToDictionary(), _metadata);
    }

    /// <summary>Frees all tensors.</summary>
    public void Dispose() => _tensors.ForEach(tensor => tensor.Dispose());

    private void RequireWhole()
    {
        if (Unread.Count > 0)
            throw new InvalidDataException(
                string.Join(Environment.NewLine, Unread.Keys.Select(name => $"{name} {_file.WhyUnread(name)}"))
            );
    }
}
