using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Tool.Report;

/// <summary>In what two files differ: of which tensor, what it is in each, and by how much numbers differ.</summary>
internal sealed record Difference(string Tensor, string What, string A, string B, double? Largest = null);

/// <summary>Finds the differences of two files.</summary>
/// <param name="tolerance">The largest difference of entries that counts as none.</param>
internal sealed class Differences(double tolerance)
{
    /// <summary>Of what the tensors are, whatever they are computed from.</summary>
    public List<Difference> OfValues(SavedModel a, SavedModel b)
    {
        using var scope = NewDisposeScope();
        var (left, right) = (a.baked_state_dict(), b.baked_state_dict());
        return
        [
            .. Paired(left.Keys, right.Keys)
                .SelectMany(name => Of(name, left.GetValueOrDefault(name), right.GetValueOrDefault(name))),
        ];
    }

    /// <summary>Of all that the files say.</summary>
    public List<Difference> OfAll(SavedModel a, SavedModel b)
    {
        var (left, right) = (
            a.Tensors.ToDictionary(tensor => tensor.Name),
            b.Tensors.ToDictionary(tensor => tensor.Name)
        );
        return
        [
            .. Paired(left.Keys, right.Keys)
                .SelectMany(name => Of(name, left.GetValueOrDefault(name), right.GetValueOrDefault(name))),
            .. from name in Paired(a.Metadata.Keys, b.Metadata.Keys)
            let texts = (A: a.Metadata.GetValueOrDefault(name), B: b.Metadata.GetValueOrDefault(name))
            where texts.A != texts.B
            select new Difference("", $"metadata {name}", texts.A ?? "missing", texts.B ?? "missing"),
        ];
    }

    private List<Difference> Of(string name, SavedTensor? a, SavedTensor? b)
    {
        var found = new List<Difference>();
        if (a is not null && b is not null && a.Code != b.Code)
            found.Add(new(name, "value", Shown.Code(a.Code ?? "none"), Shown.Code(b.Code ?? "none")));
        using var scope = NewDisposeScope();
        if (a?.Problem is null && b?.Problem is null)
            found.AddRange(Of(name, a?.Value(), b?.Value()));
        else if (a?.Problem is null || b?.Problem is null)
            found.Add(new(name, "computed", Computed(a), Computed(b)));
        // Equal numbers can be computed from other pieces; of what cannot be computed, there are only pieces.
        if (found.Count == 0 && (tolerance == 0 || a!.Problem is not null))
            found.AddRange(OfPieces(name, a!.Pieces, b!.Pieces));
        return found;
    }

    private static string Computed(SavedTensor? tensor) =>
        tensor is null ? "missing"
        : tensor.Problem is null ? "yes"
        : "no";

    private IEnumerable<Difference> OfPieces(
        string name,
        IReadOnlyDictionary<string, Tensor> a,
        IReadOnlyDictionary<string, Tensor> b
    ) =>
        Paired(a.Keys, b.Keys)
            .SelectMany(key => Of(key, a.GetValueOrDefault(key), b.GetValueOrDefault(key)))
            .Select(difference =>
                difference with
                {
                    Tensor = name,
                    What = $"{difference.What} of {difference.Tensor}",
                }
            );

    private IEnumerable<Difference> Of(string name, Tensor? a, Tensor? b)
    {
        if (a is null || b is null)
        {
            yield return new(name, "tensor", Form(a), Form(b));
            yield break;
        }
        if (!a.shape.SequenceEqual(b.shape))
        {
            yield return new(name, "shape", Shown.Shape(a.shape), Shown.Shape(b.shape));
            yield break;
        }
        if (a.dtype != b.dtype)
            yield return new(name, "dtype", $"{a.dtype}", $"{b.dtype}");
        if (Distance.Largest(a, b) is var largest && !(largest <= tolerance))
            yield return new(name, "numbers", "", "", largest);
    }

    private static string Form(Tensor? tensor) => tensor is null ? "missing" : Shown.Form(tensor);

    private static IEnumerable<string> Paired(IEnumerable<string> a, IEnumerable<string> b) =>
        a.Union(b).Order(StringComparer.Ordinal);
}
