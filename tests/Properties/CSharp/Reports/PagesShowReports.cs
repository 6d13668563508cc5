using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Parametrize.CSharp;
using Parametrize.CSharp.Reports;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Reports;

/// <summary>`ToHtml`. What it yields is XML, too, and read as that here.</summary>
public class PagesShowReports
{
    private const string Odd = "<b>&\"'";

    private static Sequential Model()
    {
        var model = nn.Sequential((Odd, nn.Linear(4, 3)), ("head", nn.Linear(3, 2)));
        model.register_parametrization($"{Odd}.weight", Parametrizations.Orthogonal());
        model.register_parametrization("head.weight", Parametrizations.Bounded(-1, 1));
        model.register_parametrization("head.bias", Parametrizations.Sphere());
        return model;
    }

    private static XElement Parsed(string page) => XDocument.Parse(page).Root!;

    private static string[] TextOf(XElement element, string name) =>
        [.. element.Descendants(name).Select(descendant => descendant.Value)];

    /// <summary>The heights of the bars, in the picture's units.</summary>
    private static double[] Heights(XElement figure, string of)
    {
        var path = figure.Descendants("path").Single(path => (string?)path.Attribute("class") == of);
        var found = Regex.Matches((string)path.Attribute("d")!, @"M[-\d.]+ [-\d.]+v(-?[\d.]+)");
        return [.. found.Select(bar => -double.Parse(bar.Groups[1].Value, CultureInfo.InvariantCulture))];
    }

    private static XElement[] FiguresOf(XElement page, string tensor) =>
        [.. page.Descendants("figure").Where(figure => figure.Descendants("b").Single().Value == tensor)];

    [Fact]
    public void A_page_has_the_table_with_all_text_escaped()
    {
        var report = Model().parametrization_report(spectraUpTo: 8);
        var html = report.ToHtml($"Of {Odd}");
        Assert.DoesNotContain(Odd, html);
        var page = Parsed(html);
        Assert.Equal([$"Of {Odd}"], TextOf(page, "title"));
        Assert.Equal([$"Of {Odd}"], TextOf(page, "h1"));
        Assert.Equal(["tensor", "value", "shape", "dtype", "distance", "trained", "dimension"], TextOf(page, "th"));
        Assert.Equal(report.Count, page.Descendants("tbody").Single().Elements("tr").Count());
        var first = page.Descendants("tbody").Single().Elements("tr").First();
        Assert.Equal([$"{Odd}.weight", "orthogonal", "[3, 4]", "Float32", "inside", "12", "6"], TextOf(first, "td"));
    }

    [Fact]
    public void It_needs_nothing_beside_it_and_follows_light_and_width()
    {
        var html = Model().parametrization_report(spectraUpTo: 8).ToHtml();
        Assert.StartsWith("<!DOCTYPE html>", html);
        Assert.DoesNotMatch("<script|<link|src=|href=|url\\(|@import|http", html);
        Assert.Contains("width=device-width", html);
        // Just as it stands: what XML escapes, a style would read wrongly.
        Assert.Contains(ReportStyle.Sheet, html);
        Assert.Contains("prefers-color-scheme: dark", ReportStyle.Sheet);
        Assert.Contains("max-width", ReportStyle.Sheet);
    }

    [Fact]
    public void Names_may_have_any_characters()
    {
        var model = nn.Sequential(("\u0001", nn.Linear(4, 4))).orthogonal("\u0001.weight");
        Assert.Contains("<td data-title=\"tensor\">&#x1;.weight</td>", model.parametrization_report().ToHtml());
    }

    [Fact]
    public void A_fragment_is_the_same_without_a_page()
    {
        var report = Model().parametrization_report();
        var fragment = XElement.Parse(report.ToHtmlFragment());
        Assert.Equal("section", fragment.Name);
        Assert.Equal(TextOf(Parsed(report.ToHtml()), "td"), TextOf(fragment, "td"));
        Assert.Empty(fragment.Descendants("h1"));
    }

    [Fact]
    public void Bars_are_as_high_as_the_singular_values()
    {
        var held = new ParametrizedTensor(Parametrizations.Identity, diag(tensor(new float[] { 1, 4, 2 })));
        var figure = Assert.Single(FiguresOf(Parsed(held.parametrization_report(spectraUpTo: 8).ToHtml()), tensor: ""));
        var heights = Heights(figure, "bars");
        Assert.Equal([1, 0.5, 0.25], heights.Select(height => Math.Round(height / heights[0], 3)));
        Assert.Contains("3 singular values, from 4 to 1, ratio 4.", figure.Value);
    }

    /// <summary>Their ratio would be that of a number to its rounding.</summary>
    [Fact]
    public void Singular_values_that_are_rounding_have_no_ratio()
    {
        var held = new ParametrizedTensor(Parametrizations.LowRank(2), randn(4, 4));
        var figure = Assert.Single(FiguresOf(Parsed(held.parametrization_report(spectraUpTo: 8).ToHtml()), tensor: ""));
        Assert.Contains("4 singular values, from ", figure.Value);
        Assert.DoesNotContain("ratio", figure.Value);
    }

    [Fact]
    public void Of_many_singular_values_some_are_drawn_the_first_and_the_last_among_them()
    {
        var held = new ParametrizedTensor(Parametrizations.Identity, diag(arange(1, 301, float32)));
        var figure = Assert.Single(
            FiguresOf(Parsed(held.parametrization_report(spectraUpTo: 300).ToHtml()), tensor: "")
        );
        var heights = Heights(figure, "bars");
        Assert.Equal(128, heights.Length);
        Assert.Equal(heights.OrderDescending(), heights);
        Assert.Equal(1.0 / 300, heights[^1] / heights[0], 1e-4);
        Assert.Contains("128 are drawn", figure.Value);
    }

    [Fact]
    public void A_ratio_to_what_is_rounding_is_not_told()
    {
        var held = new ParametrizedTensor(Parametrizations.LowRank(1), ones(4, 4));
        Assert.DoesNotContain("ratio", held.parametrization_report(spectraUpTo: 8).ToHtml());
    }

    [Fact]
    public void Saturated_entries_are_a_bar_of_their_own_colour()
    {
        var model = Model();
        using (no_grad())
            model
                .parametrization("head.weight")
                .Original.copy_(tensor(new float[] { -20, 0, 0, 0, 0, 20 }).reshape(2, 3));
        var report = model.parametrization_report();
        var figure = Assert.Single(FiguresOf(Parsed(report.ToHtml()), "head.weight"));
        var (marked, others) = (Heights(figure, "marked"), Heights(figure, "bars"));
        Assert.Equal(report[1].Slopes!.Count, marked.Length + others.Length);
        Assert.Equal(0.5, Assert.Single(marked) / others[^1], 1e-3); // two of six, beside four
        Assert.Contains("33.3% are saturated", figure.Value);
        Assert.Equal("33.3%", Parsed(report.ToHtml()).Descendants("td").Last(cell => cell.Value.EndsWith('%')).Value);
    }

    [Fact]
    public void A_tensor_outside_of_its_space_stands_out()
    {
        var model = Model();
        model.get_buffer($"{Odd}.parametrizations.weight.0.base")!.mul_(0.5);
        var rows = Parsed(model.parametrization_report().ToHtml()).Descendants("tbody").Single().Elements("tr");
        Assert.Equal(["violated", null, null], rows.Select(row => (string?)row.Attribute("class")));
    }

    [Fact]
    public void What_has_no_singular_values_is_named_with_the_reason()
    {
        var model = Model();
        Assert.Equal(
            ["No singular values: not asked for, by parametrization_report(spectraUpTo: 1024)."],
            TextOf(Parsed(model.parametrization_report().ToHtml()), "p")
        );
        Assert.Equal(
            [
                $"No singular values of {Odd}.weight: more work than a matrix of 3 x 3 (spectraUpTo).",
                "No singular values of head.bias: no matrix.",
            ],
            TextOf(Parsed(model.parametrization_report(spectraUpTo: 3).ToHtml()), "p")
        );
    }

    [Fact]
    public void Numbers_are_written_alike_everywhere()
    {
        var report = Model().parametrization_report(spectraUpTo: 8);
        Assert.Equal(report.ToHtml(), Cultures.WithComma(() => report.ToHtml()));
    }

    [Fact]
    public void Without_parametrizations_there_are_only_titles()
    {
        var page = Parsed(nn.Linear(2, 2).parametrization_report().ToHtml());
        Assert.Equal(7, page.Descendants("th").Count());
        Assert.Empty(page.Descendants("td"));
        Assert.Throws<ArgumentNullException>(() => nn.Linear(2, 2).parametrization_report().ToHtml(null!));
    }

    [Fact]
    public void A_matrix_of_zeros_has_bars_of_no_height()
    {
        var layer = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Symmetric);
        layer.parametrization("weight").Value = zeros(3, 3);
        Assert.DoesNotContain("NaN", layer.parametrization_report(spectraUpTo: 8).ToHtmlFragment());
    }
}
