using System.Text.Json;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Cases that PyTorch computed in float64.</summary>
internal static class Golden
{
    private static readonly JsonElement Root = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "pytorch.json")))
        .RootElement;

    public static IReadOnlyList<JsonElement> Cases(string kind) =>
        [
            .. Root.GetProperty("cases")
                .EnumerateArray()
                .Where(element => element.GetProperty("kind").GetString() == kind),
        ];

    public static Tensor Tensor(this JsonElement value)
    {
        var numbers = value.GetProperty("data").EnumerateArray().Select(number => number.GetDouble()).ToArray();
        var shape = value.GetProperty("shape").EnumerateArray().Select(length => length.GetInt64()).ToArray();
        return tensor(numbers, dtype: ScalarType.Float64).reshape(shape);
    }

    public static Tensor Tensor(this JsonElement value, string name) => value.GetProperty(name).Tensor();

    public static Dictionary<string, Tensor> State(this JsonElement value, string name) =>
        value.GetProperty(name).EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.Tensor());
}
