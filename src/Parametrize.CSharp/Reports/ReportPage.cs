using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Parametrize.CSharp.Reports;

/// <summary>A report as HTML, made as XML: so that whatever text it has is escaped, and every element is closed.</summary>
internal static class ReportPage
{
    /// <summary>The class of elements to which the style sheet applies.</summary>
    private const string Root = "parametrizations";

    public static string Whole(string title, ParametrizationReport report) =>
        "<!DOCTYPE html>\n"
        + Text(
            new(
                "html",
                new XAttribute("lang", "en"),
                new XElement(
                    "head",
                    new XElement("meta", new XAttribute("charset", "utf-8")),
                    new XElement(
                        "meta",
                        new XAttribute("name", "viewport"),
                        new XAttribute("content", "width=device-width, initial-scale=1")
                    ),
                    new XElement(
                        "meta",
                        new XAttribute("name", "color-scheme"),
                        new XAttribute("content", "light dark")
                    ),
                    new XElement("title", title)
                ),
                new XElement("body", Class(Root), new XElement("h1", title), Content(report))
            )
        );

    public static string Fragment(ParametrizationReport report) => Text(new("section", Class(Root), Content(report)));

    /// <summary>Names may have characters that XML does not allow, although HTML does.</summary>
    private static string Text(XElement element)
    {
        var text = new StringBuilder();
        var settings = new XmlWriterSettings
        {
            OmitXmlDeclaration = true,
            CheckCharacters = false,
            NewLineHandling = NewLineHandling.None,
        };
        using (var writer = XmlWriter.Create(text, settings))
            element.Save(writer);
        return text.ToString();
    }

    private static object[] Content(ParametrizationReport report) =>
        [
            new XElement("style", ReportStyle.Sheet),
            TableOf(report),
            new XElement("div", Class("pictures"), report.SelectMany(Pictures.Of), ""),
            MissingSpectra(report),
        ];

    private static XElement TableOf(ParametrizationReport report)
    {
        var (titles, rows) = (report.Table[0], report.Table[1..]);
        return new(
            "table",
            new XElement("thead", new XElement("tr", titles.Select((title, column) => Cell("th", title, column)))),
            new XElement("tbody", rows.Zip(report, Row), "")
        );

        XElement Row(string[] cells, TensorReport row) =>
            new(
                "tr",
                row.Violation is null ? null : Class("violated"),
                cells.Select((cell, column) => Cell("td", cell, column, new XAttribute("data-title", titles[column])))
            );
    }

    private static XElement Cell(string kind, string text, int column, XAttribute? other = null) =>
        new(kind, ParametrizationReport.IsNumber(column) ? Class("number") : null, other, text);

    /// <summary>Which tensors have no singular values, and why.</summary>
    private static IEnumerable<XElement> MissingSpectra(ParametrizationReport report) =>
        from row in report
        where row.Spectrum.Missing is not null
        group row.Name by row.Spectrum.Missing into names
        let which = names.Count() == report.Count ? "" : $" of {string.Join(", ", names)}"
        select new XElement("p", $"No singular values{which}: {names.Key}.");

    private static XAttribute Class(string name) => new("class", name);
}
