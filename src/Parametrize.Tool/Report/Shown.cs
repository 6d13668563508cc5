using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace Parametrize.Tool.Report;

/// <summary>How things are written.</summary>
internal static partial class Shown
{
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>As it is read again, but for the bits of long masks.</summary>
    public static string Code(string? code) => code is null ? "" : LongMask().Replace(code, "$1...\"");

    [GeneratedRegex("(Mask\\.Parse \"[^\"]{24})[^\"]{8,}\"")]
    private static partial Regex LongMask();

    /// <summary>Names in files may have control characters, which would move the cursor of a terminal or forge lines.</summary>
    public static string Visible(string text, bool keepsLines = false) =>
        (keepsLines ? ControlButLines() : Control()).Replace(text, found => $"\\u{(int)found.Value[0]:x4}");

    [GeneratedRegex("\\p{Cc}")]
    private static partial Regex Control();

    [GeneratedRegex("[\\p{Cc}-[\n]]")]
    private static partial Regex ControlButLines();

    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    public static string Form(Tensor tensor) => $"{Shape(tensor.shape)} {tensor.dtype}";

    public static string Number(double number) => number.ToString("g3", CultureInfo.InvariantCulture);

    public static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    public static string Json<T>(T value) => JsonSerializer.Serialize(value, Options);
}
