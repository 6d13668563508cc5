namespace Parametrize.CSharp.Reports;

/// <summary>How a notebook of .NET Interactive shows a report, and a row of one.</summary>
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
