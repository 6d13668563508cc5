using Parametrize.CSharp.Joint;
using Parametrize.CSharp.State;

namespace Parametrize.CSharp.Saved;

/// <summary>Finds the tensors of a file without a model that would name them.</summary>
internal sealed class SavedReading
{
    private readonly LoadedTensors _file;
    private readonly StateSource _source;
    private readonly NamedMaps _maps;

    public SavedReading(LoadedTensors file, NamedMaps maps)
    {
        (_file, _maps) = (file, maps);
        _source = new(file, "");
        if (_source.Faults is [var fault, ..])
            throw new InvalidDataException(fault);
    }

    /// <summary>In the order of their names.</summary>
    public List<SavedTensor> Tensors()
    {
        var found = new List<SavedTensor>();
        try
        {
            FindAll(found);
            return [.. found.OrderBy(saved => saved.Name, StringComparer.Ordinal)];
        }
        catch
        {
            found.ForEach(saved => saved.Dispose());
            throw;
        }
    }

    private void FindAll(List<SavedTensor> found)
    {
        using var _ = no_grad();
        foreach (var key in _file.Description.Keys.Union(_source.ParametrizedKeys))
            found.Add(
                _source.PiecesOf(key) is { } pieces
                    ? Computed(key, pieces)
                    : new(
                        key,
                        new Dictionary<string, Tensor>(),
                        _source.CodeOf(key),
                        $"{key}: the file says that it is {_source.CodeOf(key)}, but has nothing from which it is computed."
                    )
            );
        foreach (var key in _source.OldKeys)
            // The names alone do not show that these are pieces.
            if (_source.OldPiecesOf(key) is { } pieces && InferredParametrization.Of(pieces) is not null)
                found.Add(Computed(key, pieces));
        var taken = found.SelectMany(saved => saved.Pieces.Keys).ToHashSet();
        foreach (var (key, tensor) in _file.Where(pair => !taken.Contains(pair.Key)))
            found.Add(new(key, new Dictionary<string, Tensor> { [key] = tensor }));
        RequireNames(found);
        if (_maps.Unused(_source).FirstOrDefault() is { } unused)
            throw new ArgumentException(unused);
    }

    /// <summary>A tensor with a new parametrization. Its keys begin as before.</summary>
    public static SavedTensor Converted(SavedTensor before, ParametrizedTensor tensor)
    {
        var prefix =
            before.Pieces.Keys.All(key => key.StartsWith($"{before.Name}.", StringComparison.Ordinal))
                ? $"{before.Name}."
            : before.Name.Length == 0 ? ""
            : StateSource.RegisteredPrefix(before.Name);
        var pieces = tensor.state_dict().ToDictionary(pair => prefix + pair.Key, pair => pair.Value);
        return new(before.Name, pieces, tensor.Parametrization.Code, tensor, before.Layout);
    }

    private SavedTensor Computed(string key, StatePieces pieces)
    {
        var own = pieces.Keys.Values.ToDictionary(piece => piece, piece => _file[piece]);
        var code = pieces.AreOld ? null : _source.CodeOf(key);
        var problems = new List<string>();
        var named = _maps.MapOf(key);
        try
        {
            var map = MapOf(code, named, pieces);
            code = map.Code;
            var (tensor, layout) = Tensor(key, pieces, map, problems);
            if (tensor is not null)
                return new(key, own, code, tensor, layout);
        }
        catch (Exception error)
            when (error is ExternalException or ArgumentException or ParametrizationException or InvalidDataException)
        {
            problems.Add($"{key}: {error.Message.Split('\n')[0]}");
        }
        return new(key, own, code, string.Join(" ", problems));
    }

    /// <summary>
    /// The map: the one that the file names, else the one that the caller has named, else the one that the names of the pieces
    /// show.
    /// </summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    private static Parametrization MapOf(string? code, Parametrization? named, StatePieces pieces)
    {
        if (code is null)
            return named
                ?? InferredParametrization.Of(pieces)
                ?? throw new InvalidDataException(
                    InferredParametrization.MaskFault(pieces)
                        ?? $"it is computed from {pieces}, but they do not show which map computes it."
                );
        var read = Reading.parse(code);
        return read.IsOk
            ? read.ResultValue
            : named
                ?? throw new InvalidDataException(
                    $"the file says that it is {Brief.ofValue(code)}, which cannot be read: {read.ErrorValue.Message}"
                );
    }

    /// <summary>The tensor, and the layout of a joint one; null when problems have been noted.</summary>
    private (ParametrizedTensor?, JointLayout?) Tensor(
        string key,
        StatePieces pieces,
        Parametrization map,
        List<string> problems
    )
    {
        var names = pieces.NamesFor(map, "file");
        Tensor[] parameters = [.. names.Take(Core.parameterCount(map)).Select(name => pieces[name])];
        var layout = LayoutOf(key, pieces, map, Core.shapeOf(parameters, map)?.Value);
        using var scope = NewDisposeScope();
        if (pieces.Parts(map, layout.Shape, parameters[^1], problems) is not { } parts)
            return (null, null);
        var own = Core.ofTensorsOfShape(
            layout.Shape,
            parts.Parameters.Select(parameter => new Parameter(parameter.alias(), requires_grad: false)),
            parts.Buffers.Select(buffer => buffer.alias()),
            map
        );
        var tensor = new ParametrizedTensor(map, own, null, isBuffer: false, isTrained: new bool[own.Parameters.Count]);
        tensor.eval();
        return (tensor, layout.IsJoint ? layout : null);
    }

    private JointLayout LayoutOf(string key, StatePieces pieces, Parametrization map, long[]? told)
    {
        var isJoint = StateSource.IsJoint(key);
        var shapes =
            _file.Description.ShapesOf(key)
            ?? (isJoint || told is null ? null : new[] { told })
            ?? throw new InvalidDataException(
                isJoint
                    ? "it is several tensors as one, and the file does not say their shapes."
                    : $"the pieces of {map} do not tell its shape, and the file does not say it."
            );
        var names = isJoint ? JointName.Keys(key) : [key];
        if (shapes.Count != names.Length)
            throw new InvalidDataException($"the file has {shapes.Count} shapes for {names.Length} tensors.");
        using var scope = NewDisposeScope();
        var layouts = JointLayout.All(names, [.. shapes.Select(shape => empty(shape, device: META))]);
        return layouts.Find(layout =>
                told is null ? pieces.FitMap(map, layout.Shape) : layout.Shape.SequenceEqual(told)
            )
            ?? throw new InvalidDataException(
                $"the shapes in the file, {string.Join(" and ", shapes.Select(Form.Shown))}, do not fit its pieces."
            );
    }

    private static void RequireNames(IEnumerable<SavedTensor> tensors)
    {
        foreach (var name in tensors.SelectMany(tensor => tensor.PlainNames).GroupBy(name => name))
            if (name.Count() > 1)
                throw new InvalidDataException($"The file has '{name.Key}' as a plain tensor and as pieces.");
    }
}
