using Digits.Training;

namespace Digits.Report;

/// <summary>The results and the learning curves as one page that needs no other file and no network.</summary>
public static class HtmlReport
{
    public static void Save(IReadOnlyList<TrainingResult> results, IReadOnlyList<Chart> charts, string path) =>
        File.WriteAllText(
            path,
            $$"""
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>Digits: learning curves</title>
            <style>
              :root { color-scheme: light dark; }
              body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
              table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
              th, td { padding: .3rem 1rem; border-bottom: 1px solid #8884; text-align: right; }
              th:first-child, td:first-child { text-align: left; }
              .charts { display: flex; flex-wrap: wrap; gap: 2rem; }
              figure { flex: 1 1 450px; margin: 1rem 0; }
              figcaption { font-weight: 600; }
              svg text { font-size: 12px; fill: currentColor; }
              .key { display: inline-block; width: 1.2em; height: .3em; margin-right: .5em; vertical-align: middle; }
            </style>
            <h1>Digits, read pixel by pixel</h1>
            <table>
            <tr><th>map<th>test accuracy<th>max |W<sup>T</sup>W &minus; I|<th>ms per step
            {{string.Join('\n', results.Zip(charts[0].Curves, Row))}}
            </table>
            <div class="charts">
            {{string.Join('\n', charts.Select(Figure))}}
            </div>
            </html>

            """
        );

    private static string Row(TrainingResult result, Curve curve) =>
        $"""
            <tr><td><span class="key" style="background: {curve.Colour}"></span>{string.Join("<td>", result.Row)}
            """;

    private static string Figure(Chart chart) =>
        $"<figure><figcaption>{chart.Title}</figcaption>{SvgChart.Draw(chart)}</figure>";
}
