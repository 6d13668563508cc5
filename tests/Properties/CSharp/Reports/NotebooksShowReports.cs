using Microsoft.DotNet.Interactive.Formatting;
using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Reports;

/// <summary>What .NET Interactive shows, by its own formatter.</summary>
public class NotebooksShowReports
{
    private static string Shown(object item) =>
        item.ToDisplayString(Assert.Single(Formatter.GetPreferredMimeTypesFor(item.GetType())));

    [Fact]
    public void A_report_is_its_table()
    {
        var report = nn.Linear(4, 4).orthogonal().parametrization_report(spectraUpTo: 8);
        Assert.Equal(report.ToHtmlFragment(), Shown(report));
    }

    [Fact]
    public void A_row_is_a_table_of_its_own()
    {
        var model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).orthogonal("0.weight").orthogonal("1.weight");
        var shown = Shown(model.parametrization_report()[1]);
        Assert.StartsWith("<section", shown);
        Assert.Contains("1.weight", shown);
        Assert.DoesNotContain("0.weight", shown);
    }

    [Fact]
    public void Values_and_tensors_are_what_they_print_as()
    {
        Parametrization value = Parametrizations.Skew.Then(Parametrizations.Cayley());
        Assert.Equal("<code>skew &gt;&gt;&gt; cayley</code>", Shown(value));
        var tensor = nn.Linear(4, 4).register_parametrization("weight", value).parametrization("weight");
        Assert.Equal("<code>Linear.weight: skew &gt;&gt;&gt; cayley, [4, 4] Float32, inside</code>", Shown(tensor));
        tensor.Dispose();
        Assert.Contains("disposed", Shown(tensor));
    }

    [Fact]
    public void The_library_refers_to_no_package_of_notebooks() =>
        Assert.DoesNotContain(
            new[] { typeof(parametrize), typeof(Parametrization) }.SelectMany(type =>
                type.Assembly.GetReferencedAssemblies()
            ),
            name => name.Name!.Contains("Interactive")
        );
}
