using Microsoft.CodeAnalysis.Text;

namespace Properties.Analyzers.Support;

/// <summary>A source in which what is to be reported stands in `[|` and `|]`.</summary>
internal sealed record Marked(string Text, IReadOnlyList<TextSpan> Spans)
{
    public static Marked Read(string source)
    {
        var spans = new List<TextSpan>();
        var text = "";
        foreach (var (index, piece) in source.Split("[|").Index())
        {
            if (index == 0)
            {
                text = piece;
                continue;
            }
            var parts = piece.Split("|]");
            spans.Add(new TextSpan(text.Length, parts[0].Length));
            text += string.Concat(parts);
        }
        return new(text, spans);
    }
}
