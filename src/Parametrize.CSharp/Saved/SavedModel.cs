using Parametrize.CSharp.Saved;
using Parametrize.CSharp.State;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <summary>
/// A file of a model without that model: the tensors that its modules compute with, and what these are computed from. For programs
/// that look at files, convert them, or take plain weights out of them.
/// </summary>
/// <remarks>
/// What `Safetensors.Save(path, model)` has written says all that is needed. Of a state of PyTorch the names tell weight norm,
/// spectral norm and masks; name other maps. For one thread at a time.
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

    /// <summary>What the file says besides of which values its tensors are.</summary>
    public IReadOnlyDictionary<string, string> Metadata => new StateDescription(_metadata).Others;

    /// <summary>The element types of what the file has and TorchSharp cannot hold, by name.</summary>
    public IReadOnlyDictionary<string, string> Unread => _file.Unread;

    /// <summary>
    /// Reads a safetensors file. A tensor that cannot be computed is among the others, with its <see cref="SavedTensor.Problem"/>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="parametrizations">
    /// How tensors were computed of which the file does not say it, or says it in a way that cannot be read; by name or by a pattern
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
                throw new InvalidDataException($"{path} cannot be taken apart: {error.Message}", error);
            throw;
        }
    }

    /// <summary>
    /// Computes a tensor by another parametrization from now on: its value stays, as far as the other allows it. A plain tensor can
    /// be given one, too.
    /// </summary>
    /// <param name="name">Its <see cref="SavedTensor.Name"/>.</param>
    /// <param name="parametrization">The other parametrization.</param>
    /// <param name="whenNotAllowed">What to do where it does not allow the value. Default: refuse.</param>
    /// <exception cref="ArgumentException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">The present value cannot be computed.</exception>
    /// <exception cref="ParametrizationException">The other does not allow the value. Nothing has changed.</exception>
    public void Convert(
        string name,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Refuse
    )
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(parametrization);
        var index = _tensors.FindIndex(one => one.Name == name);
        if (index < 0)
            throw new ArgumentException(
                $"There is no tensor '{name}'. There is: {string.Join(", ", _tensors.Select(one => one.Name))}.",
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
    /// The state of the model without parametrizations: values under their plain names, all else as it is. As
    /// <see cref="parametrize.baked_state_dict"/> of the model.
    /// </summary>
    /// <returns>New tensors without gradients, the caller's to dispose.</returns>
    /// <exception cref="InvalidDataException">Tensors cannot be computed, or were not read; all are listed.</exception>
    public Dictionary<string, Tensor> baked_state_dict()
    {
        RequireWhole();
        var problems = _tensors.Select(one => one.Problem).OfType<string>().ToList();
        if (problems.Count > 0)
            throw new InvalidDataException(string.Join(Environment.NewLine, problems));
        return _tensors.SelectMany(one => one.Baked()).ToDictionary(one => one.Name, one => one.Value);
    }

    /// <summary>
    /// Writes the file anew: what was not converted bit for bit as it was, and all that the file says.
    /// </summary>
    /// <param name="path">The file. Its folder must exist.</param>
    /// <exception cref="InvalidDataException">Tensors were not read, and would be lost.</exception>
    /// <exception cref="IOException">The file cannot be written; an older one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">An older file is read-only, or the folder is.</exception>
    public void Save(string path)
    {
        RequireWhole();
        Safetensors.Save(path, _tensors.SelectMany(one => one.Pieces).ToDictionary(), _metadata);
    }

    /// <summary>Frees all tensors.</summary>
    public void Dispose() => _tensors.ForEach(one => one.Dispose());

    private void RequireWhole()
    {
        if (Unread.Count > 0)
            throw new InvalidDataException(
                string.Join(Environment.NewLine, Unread.Keys.Select(name => $"{name} {_file.WhyUnread(name)}"))
            );
    }
}
