using System.Diagnostics.CodeAnalysis;

namespace Parametrize.CSharp.Reports;

/// <summary>How a notebook of .NET Interactive shows a report, and a row of one.</summary>
[SuppressMessage("Performance", "CA1822", Justification = "Notebooks look for members of the instance.")]
internal sealed class AsTable
{
    public IEnumerable<object> CreateTypeFormatters() => [this];

    public string MimeType => "text/html";

    public bool Format(object instance, TextWriter writer)
    {
        var report = instance as ParametrizationReport ?? new([(TensorReport)instance]);
        writer.Write(report.ToHtmlFragment());
        return true;
    }
}
