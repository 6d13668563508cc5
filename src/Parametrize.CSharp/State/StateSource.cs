using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.State;

/// <summary>A state dictionary, with the names under which the pieces of a parametrized tensor can stand.</summary>
internal sealed class StateSource
{
    /// <summary>The names of pieces in PyTorch's older functions.</summary>
    private static readonly (string Suffix, string Piece)[][] OldNames =
    [
        [("_g", "original0"), ("_v", "original1")],
        [("_orig", "original"), ("_u", "0._u"), ("_v", "0._v")],
        [("_orig", "original"), ("_mask", "0.mask")],
    ];

    private readonly IReadOnlyDictionary<string, Tensor> _state;
    private readonly StateDescription? _description;
    private readonly string _prefix;

    /// <summary>The keys of the state by their names without the prefix, which are those of the model.</summary>
    private readonly Dictionary<string, string> _keys = [];
    private readonly SortedSet<string> _sorted;
    private readonly HashSet<string> _taken = [];

    public StateSource(IReadOnlyDictionary<string, Tensor> state, string prefix)
    {
        (_state, _prefix) = (state, prefix);
        _description = (state as LoadedTensors)?.Description;
        foreach (var key in state.Keys)
            if (!_keys.TryAdd(WithoutPrefix(key), key))
                Faults.Add(
                    $"{_keys[WithoutPrefix(key)]} and {key} are both {WithoutPrefix(key)} without the prefix {prefix}"
                );
        if (_description?.Fault is { } fault)
            Faults.Add(fault);
        _sorted = new(_keys.Keys, StringComparer.Ordinal);
    }

    public IReadOnlyList<string> UnusedKeys => [.. _state.Keys.Where(key => !_taken.Contains(key))];

    /// <summary>The keys of parametrized tensors: `fc.weight` for `fc.parametrizations.weight.original`.</summary>
    public IEnumerable<string> ParametrizedKeys => _sorted.Select(ParametrizedKey).OfType<string>().Distinct();

    /// <summary>The keys of joint tensors: `fc.weight+bias` for `fc.parametrizations.weight+bias.original`.</summary>
    public IEnumerable<string> JointKeys => ParametrizedKeys.Where(IsJoint);

    /// <summary>Whether a key is that of a joint tensor.</summary>
    public static bool IsJoint(string key) => JointName.IsOfSeveral(key[(key.LastIndexOf('.') + 1)..]);

    /// <summary>The keys of tensors that may have pieces under their old names: `weight` for `weight_g`.</summary>
    public IEnumerable<string> OldKeys =>
        (
            from key in _sorted
            from names in OldNames
            let suffix = names[0].Suffix
            where key.EndsWith(suffix, StringComparison.Ordinal)
            select key[..^suffix.Length]
        ).Distinct();

    /// <summary>The keys of all tensors that the state has as pieces.</summary>
    public IEnumerable<string> ComputedKeys =>
        ParametrizedKeys.Concat(OldKeys.Where(key => OldPiecesOf(key) is not null)).Distinct();

    /// <summary>The keys that are no pieces of a parametrized tensor.</summary>
    public IEnumerable<string> PlainKeys => _sorted.Where(key => ParametrizedKey(key) is null);

    /// <summary>Why it cannot be read.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>
    /// The code of the value from which the tensor of that plain key was saved; null when the state does not name it.
    /// </summary>
    public string? CodeOf(string key) => _description?.CodeOf(_prefix + key) ?? _description?.CodeOf(key);

    public Tensor this[string key] => _state[key];

    /// <summary>The key of the state for a tensor that the model has under this name; null when the state has none.</summary>
    public string? KeyOf(string name) => _keys.GetValueOrDefault(name);

    public Tensor Take(string key)
    {
        _taken.Add(key);
        return _state[key];
    }

    public void Take(StatePieces pieces) => _taken.UnionWith(pieces.Keys.Values);

    /// <summary>
    /// The pieces of a tensor, under PyTorch's names or under those of a module that holds its parametrized tensor itself; null
    /// when there are none.
    /// </summary>
    public StatePieces? PiecesOf(StateTarget target) => First(PrefixesOf(target));

    /// <summary>The pieces of a tensor of which only the plain key is known; null when there are none.</summary>
    public StatePieces? PiecesOf(string key) => First(PrefixesOf(key));

    /// <summary>The tensors that the file has for a target, but TorchSharp cannot hold, each with the reason.</summary>
    public IEnumerable<string> UnreadOf(StateTarget target) =>
        _state is LoadedTensors loaded
            ? from key in loaded.Unread.Keys
            where
                target.PlainKeys.Contains(WithoutPrefix(key))
                || PrefixesOf(target).Any(prefix => WithoutPrefix(key).StartsWith(prefix, StringComparison.Ordinal))
            select $"{key} {loaded.WhyUnread(key)}"
            : [];

    /// <summary>The pieces under their old names; null unless all are there.</summary>
    public StatePieces? OldPiecesOf(string key)
    {
        var names = Array.Find(OldNames, names => names.All(name => _keys.ContainsKey(key + name.Suffix)));
        return names is null
            ? null
            : new(this, names.ToDictionary(name => name.Piece, name => _keys[key + name.Suffix])) { AreOld = true };
    }

    private string WithoutPrefix(string key) =>
        key.StartsWith(_prefix, StringComparison.Ordinal) ? key[_prefix.Length..] : key;

    private StatePieces? First(IEnumerable<string> prefixes) =>
        prefixes.Select(PiecesUnder).FirstOrDefault(pieces => pieces.Keys.Count > 0);

    private static string[] PrefixesOf(StateTarget target) =>
        target.Own is null ? [target.Prefix, .. PrefixesOf(target.Key)] : PrefixesOf(target.Key);

    /// <summary>
    /// The beginnings that the keys of a tensor's pieces may have. The key is empty for a ParametrizedTensor that is itself the
    /// model.
    /// </summary>
    private static string[] PrefixesOf(string key) => [RegisteredPrefix(key), key.Length == 0 ? "" : $"{key}."];

    /// <summary>The start of the keys of the pieces, for a tensor that is registered on a module.</summary>
    public static string RegisteredPrefix(string key)
    {
        var dot = key.LastIndexOf('.') + 1;
        return $"{key[..dot]}{ParametrizationSet.ChildName}.{key[dot..]}.";
    }

    private StatePieces PiecesUnder(string prefix)
    {
        // In ordinal order '/' follows '.', so the view has exactly the keys that begin with the prefix.
        var keys = prefix.Length == 0 ? _sorted : _sorted.GetViewBetween(prefix, $"{prefix[..^1]}/");
        return new(this, keys.ToDictionary(key => key[prefix.Length..], key => _keys[key]));
    }

    private static string? ParametrizedKey(string piece)
    {
        var steps = piece.Split('.');
        var set = Array.IndexOf(steps, ParametrizationSet.ChildName);
        return set >= 0 && set + 2 < steps.Length ? string.Join('.', [.. steps[..set], steps[set + 1]]) : null;
    }
}
