using System.Reflection;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Bayes;

/// <summary>Each method of `Priors` makes the prior of its name, with its arguments in their places.</summary>
public class PriorsAreThoseOfFSharp
{
    private static readonly (Prior Prior, string Code)[] All =
    [
        (Priors.Normal(), "Prior.normal 1.0"),
        (Priors.Normal(2.5), "Prior.normal 2.5"),
        (Priors.Normal(-1, 2.5), "Prior.normalAround (-1.0) 2.5"),
        (Priors.Laplace(), "Prior.laplace 1.0"),
        (Priors.Laplace(2.5), "Prior.laplace 2.5"),
        (Priors.StudentT(3), "Prior.studentT 3.0 1.0"),
        (Priors.StudentT(3, 2.5), "Prior.studentT 3.0 2.5"),
        (Priors.OfValue(Parametrizations.Positive), "Prior.ofValue positive (Prior.normal 1.0)"),
        (Priors.OfValue(Parametrizations.Positive, Priors.Laplace(2)), "Prior.ofValue positive (Prior.laplace 2.0)"),
        (Priors.Uniform(Parametrizations.Simplex), "Prior.uniform simplex"),
        (Priors.Dirichlet(2, 3), "Prior.dirichlet [ 2.0; 3.0 ]"),
        (Priors.Lkj(), "Prior.lkj 1.0"),
        (Priors.Lkj(2), "Prior.lkj 2.0"),
        (Priors.LkjCholesky(), "Prior.lkjCholesky 1.0"),
        (Priors.LkjCholesky(2), "Prior.lkjCholesky 2.0"),
        (Priors.Wishart(4), "Prior.wishart 4.0 1.0"),
        (Priors.Wishart(4, 2.5), "Prior.wishart 4.0 2.5"),
        (
            Priors.Wishart(
                4,
                new[,]
                {
                    { 2.0, 0.5 },
                    { 0.5, 1.0 },
                }
            ),
            "Prior.wishartOf 4.0 (array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ])"
        ),
        (Priors.InverseWishart(4), "Prior.inverseWishart 4.0 1.0"),
        (Priors.InverseWishart(4, 2.5), "Prior.inverseWishart 4.0 2.5"),
        (
            Priors.InverseWishart(
                4,
                new[,]
                {
                    { 2.0, 0.5 },
                    { 0.5, 1.0 },
                }
            ),
            "Prior.inverseWishartOf 4.0 (array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ])"
        ),
        (Priors.VonMisesFisher(1, -2), "Prior.vonMisesFisher [ 1.0; -2.0 ]"),
        (
            Priors.Langevin(
                new[,]
                {
                    { 2.0, 0.5 },
                    { 0.0, 1.0 },
                }
            ),
            "Prior.langevin (array2D [ [ 2.0; 0.5 ]; [ 0.0; 1.0 ] ])"
        ),
    ];

    [Fact]
    public void They_print_as_they_are_typed_in_FSharp() =>
        Assert.All(All, entry => Assert.Equal(entry.Code, $"{entry.Prior}"));

    [Fact]
    public void No_method_is_missing() =>
        Assert.Equal(
            typeof(Priors)
                .GetMethods(BindingFlags.Public | BindingFlags.Static)
                .Where(method => method.ReturnType == typeof(Prior))
                .Select(method => method.Name.ToLowerInvariant())
                .Distinct()
                .Order(),
            All.Select(entry => entry.Code.Split(' ')[0]["Prior.".Length..].ToLowerInvariant())
                .Select(name => name.EndsWith("around", StringComparison.Ordinal) ? "normal" : name)
                .Select(name => name.EndsWith("wishartof", StringComparison.Ordinal) ? name[..^2] : name)
                .Distinct()
                .Order()
        );

    private static double LogDensity(Prior prior, Tensor tensor) => prior.LogDensity(tensor).sum().item<double>();

    /// <summary>Cauchy's density, of one degree of freedom.</summary>
    [Theory]
    [InlineData(0.0, 1.0)]
    [InlineData(-1.5, 2.5)]
    public void Students_density_of_one_degree_of_freedom_is_Cauchys(double at, double scale)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(
            -Math.Log(Math.PI * scale * (1 + at / scale * (at / scale))),
            LogDensity(Priors.StudentT(1, scale), tensor(new[] { at })),
            1e-12
        );
    }

    /// <summary>Of single numbers w with two degrees of freedom: s / (2 w^2) exp(-s / (2 w)).</summary>
    [Theory]
    [InlineData(1.0, 1.0)]
    [InlineData(0.3, 2.5)]
    public void The_inverse_Wishart_density_of_numbers_is_the_inverse_gamma_density(double at, double scale)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(
            Math.Log(scale / (2 * at * at)) - scale / (2 * at),
            LogDensity(
                Priors.InverseWishart(2, scale),
                tensor(
                    new[,]
                    {
                        { at },
                    }
                )
            ),
            1e-12
        );
    }

    /// <summary>
    /// The correlation r has the density c (1 - r^2)^(shape - 1), and the second row (r, s) moves along the circle by dr / s.
    /// </summary>
    [Theory]
    [InlineData(0.6, 1.0, 0.5)]
    [InlineData(-0.8, 2.0, 0.75)]
    public void The_density_of_Cholesky_factors_is_that_of_the_correlation(double r, double shape, double constant)
    {
        using var scope = NewDisposeScope();
        var s = Math.Sqrt(1 - r * r);
        Assert.Equal(
            Math.Log(constant * Math.Pow(s, 2 * shape - 2) * s),
            LogDensity(
                Priors.LkjCholesky(shape),
                tensor(
                    new[,]
                    {
                        { 1, 0 },
                        { r, s },
                    }
                )
            ),
            1e-12
        );
    }

    [Fact]
    public void What_is_drawn_is_in_the_space()
    {
        using var scope = NewDisposeScope();
        var factor = Priors.LkjCholesky().Sample([3, 3], ScalarType.Float64);
        Near.Same(ones(3, dtype: ScalarType.Float64), factor.mm(factor.mT).diagonal());
        Near.Same(factor.tril(), factor);
        var matrix = Priors.InverseWishart(5, 2).Sample([3, 3], ScalarType.Float64);
        Near.Same(matrix, matrix.mT);
        Assert.True(linalg.eigvalsh(matrix).gt(0).all().item<bool>());
        Assert.Equal([4L], Priors.StudentT(3).Sample([4], ScalarType.Float64).shape);
    }
}
