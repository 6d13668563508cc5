using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Orthogonal matrices that training may start from, made of rotations of planes.</summary>
public class RotationsOfPlanes
{
    public delegate Tensor Draw(ReadOnlySpan<long> shape, ScalarType? dtype, Device? device, Generator? generator);

    private static readonly Dictionary<string, (Draw Draw, double Least, double Greatest)> All = new()
    {
        ["Henaff"] = (Rotations.Henaff, -Math.PI, Math.PI),
        ["Helfrich"] = (Rotations.Helfrich, 0, Math.PI / 2),
        ["Torus"] = (
            (shape, dtype, device, generator) => Rotations.Torus(shape, -0.5, 2, dtype, device, generator),
            -0.5,
            2
        ),
    };

    public static TheoryData<string> Names => [.. All.Keys];

    private static Tensor Drawn(string name, params long[] shape) =>
        All[name].Draw(shape, ScalarType.Float64, null, null);

    /// <summary>The angles of the blocks on the diagonal.</summary>
    private static double[] Angles(Tensor matrix) =>
        [
            .. Enumerable
                .Range(0, (int)matrix.shape[0] / 2)
                .Select(block => 2 * block)
                .Select(at => Math.Atan2(matrix[at + 1, at].item<double>(), matrix[at, at].item<double>())),
        ];

    /// <summary>Blocks [cos t, -sin t; sin t, cos t], and a 1 at the end of an odd size.</summary>
    private static Tensor OfAngles(double[] angles, int size)
    {
        var entries = new double[size, size];
        entries[size - 1, size - 1] = 1;
        foreach (var (block, angle) in angles.Index())
        {
            var at = 2 * block;
            (entries[at, at], entries[at, at + 1]) = (Math.Cos(angle), -Math.Sin(angle));
            (entries[at + 1, at], entries[at + 1, at + 1]) = (Math.Sin(angle), Math.Cos(angle));
        }
        return tensor(entries);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void They_are_blocks_of_rotations_on_the_diagonal(string name)
    {
        Seeded.Everywhere(1);
        foreach (var size in new[] { 1, 2, 5, 8 })
        {
            using var scope = NewDisposeScope();
            var batch = Drawn(name, 3, size, size);
            Assert.Equal(ScalarType.Float64, batch.dtype);
            for (var index = 0; index < 3; index++)
            {
                Near.Same(OfAngles(Angles(batch[index]), size), batch[index].cpu());
                Near.Orthogonal(batch[index]);
            }
            // Each of a batch, and each block, has an angle of its own.
            var angles = Enumerable.Range(0, 3).SelectMany(index => Angles(batch[index])).ToList();
            Assert.Equal(angles.Count, angles.Distinct().Count());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Angles_are_uniform_in_the_interval(string name)
    {
        Seeded.Everywhere(2);
        using var scope = NewDisposeScope();
        var (_, least, greatest) = All[name];
        var angles = Angles(Drawn(name, 2000, 2000));
        Assert.Equal(1000, angles.Length);
        Assert.All(angles, angle => Assert.InRange(angle, least, greatest));
        for (var tenth = 0; tenth < 10; tenth++)
        {
            var from = least + (greatest - least) * tenth / 10;
            // Of 100 on the average, by five standard deviations of 9.5.
            Assert.InRange(angles.Count(angle => angle >= from && angle < from + (greatest - least) / 10), 53, 147);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Of_other_shapes_the_leading_columns_or_rows(string name)
    {
        using var scope = NewDisposeScope();
        Tensor Same(params long[] shape)
        {
            using var generator = new Generator(7, CPU);
            return All[name].Draw(shape, ScalarType.Float64, CPU, generator);
        }
        var square = Same(5, 5);
        Near.Identical(square.narrow(1, 0, 3).contiguous(), Same(5, 3));
        Near.Identical(square.narrow(0, 0, 3).contiguous(), Same(3, 5));
        Near.Identical(square, Same(5, 5));
        Near.Different(square, Drawn(name, 5, 5).cpu());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_no_real_matrix_is_refused(string name)
    {
        Refused("2 dimensions", 4);
        var draw = All[name].Draw;
        Assert.Contains(
            "real",
            Assert.Throws<ArgumentException>(() => draw([3, 3], ScalarType.ComplexFloat32, null, null)).Message
        );

        void Refused(string words, params long[] shape) =>
            Assert.Contains(words, Assert.Throws<ArgumentException>(() => Drawn(name, shape)).Message);
    }

    [Theory]
    [InlineData(0, double.PositiveInfinity)]
    [InlineData(double.NaN, 1)]
    [InlineData(1, 0)]
    public void Intervals_are_finite(double least, double greatest) =>
        Assert.Contains(
            "a finite interval",
            Assert.Throws<ArgumentException>(() => Rotations.Torus([2, 2], least, greatest)).Message
        );

    [Theory]
    [MemberData(nameof(Names))]
    public void Element_types_are_the_default_one_or_as_asked_for(string name)
    {
        using var scope = NewDisposeScope();
        var draw = All[name].Draw;
        Assert.Equal(get_default_dtype(), draw([2, 2], null, null, null).dtype);
        var half = draw([4, 4], ScalarType.BFloat16, null, null);
        Assert.Equal(ScalarType.BFloat16, half.dtype);
        Near.Orthogonal(half);
    }
}
