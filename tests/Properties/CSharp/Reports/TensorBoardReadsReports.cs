using System.Buffers.Binary;
using System.Numerics;
using Parametrize.CSharp;
using Tensorboard;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Reports;

/// <summary>`add_report`, whose files are read as TensorBoard reads them.</summary>
public sealed class TensorBoardReadsReports : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    /// <summary>TorchSharp's writer makes histograms there.</summary>
    private readonly Device _device = get_default_device();

    public TensorBoardReadsReports() => set_default_device(CPU);

    public void Dispose()
    {
        set_default_device(_device);
        _folder.Delete(recursive: true);
    }

    private SummaryWriter Writer() => utils.tensorboard.SummaryWriter(_folder.FullName);

    /// <summary>Records of a length, its checksum, so many bytes, and their checksum.</summary>
    private List<Event> Written()
    {
        var bytes = File.ReadAllBytes(Assert.Single(_folder.GetFiles()).FullName).AsSpan();
        var events = new List<Event>();
        while (bytes.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            Assert.Equal(Checksum(bytes[..8]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
            var data = bytes[12..(12 + length)];
            Assert.Equal(Checksum(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + length)..]));
            events.Add(Event.Parser.ParseFrom(data.ToArray()));
            bytes = bytes[(16 + length)..];
        }
        return events;
    }

    /// <summary>CRC32C, turned and shifted.</summary>
    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var sum = uint.MaxValue;
        foreach (var octet in data)
            sum = BitOperations.Crc32C(sum, octet);
        return BitOperations.RotateRight(~sum, 15) + 0xa282ead8;
    }

    private static Dictionary<string, Summary.Types.Value> Values(IEnumerable<Event> events) =>
        events
            .Where(logged => logged.Summary is not null)
            .SelectMany(logged => logged.Summary.Value)
            .ToDictionary(value => value.Tag);

    [Fact]
    public void Every_figure_is_a_scalar_under_the_name_of_its_tensor()
    {
        var model = nn.Sequential(("hidden", nn.Linear(4, 3)), ("head", nn.Linear(3, 2)));
        model.orthogonal("hidden.weight").register_parametrization("head.bias", Parametrizations.Bounded(0, 1));
        using (no_grad())
            model.parametrization("head.bias").Original[0] = -20;
        Writer().add_report(model.parametrization_report(spectraUpTo: 8), 7, walltime: 1234);

        var events = Written().Where(logged => logged.Summary is not null).ToList();
        Assert.All(events, logged => Assert.Equal((7, 1234), (logged.Step, logged.WallTime)));
        var values = Values(events);
        Assert.Equal(
            [
                "head.bias/dimension",
                "head.bias/distance",
                "head.bias/saturated",
                "head.bias/trained",
                "hidden.weight/dimension",
                "hidden.weight/distance",
                "hidden.weight/largest_singular_value",
                "hidden.weight/singular_values",
                "hidden.weight/smallest_singular_value",
                "hidden.weight/trained",
            ],
            values.Keys.Order(StringComparer.Ordinal)
        );
        Assert.Equal(6, values["hidden.weight/dimension"].SimpleValue);
        Assert.Equal(12, values["hidden.weight/trained"].SimpleValue);
        Assert.Equal(0, values["hidden.weight/distance"].SimpleValue);
        Assert.Equal(1, values["hidden.weight/smallest_singular_value"].SimpleValue, 1e-5f);
        Assert.Equal(0.5f, values["head.bias/saturated"].SimpleValue);
    }

    [Theory]
    [InlineData(4, 2, 0.5)]
    [InlineData(3, 0, 0)]
    [InlineData(0, 0, 0)]
    public void Singular_values_are_a_histogram(double first, double second, double third)
    {
        var initial = diag(tensor(new[] { first, second, third }));
        var row = new ParametrizedTensor(Parametrizations.Identity, initial);
        Writer().add_report(row.parametrization_report(spectraUpTo: 8), 0);

        var histogram = Values(Written())["singular_values"].Histo;
        Assert.Equal(3, histogram.Num);
        Assert.Equal((third, first), (histogram.Min, histogram.Max));
        Assert.Equal(first + second + third, histogram.Sum, 1e-9);
        Assert.Equal(3, histogram.Bucket.Sum());
        Assert.Equal(histogram.BucketLimit.Count, histogram.Bucket.Count);
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        var report = nn.Linear(4, 4).orthogonal().parametrization_report(spectraUpTo: 8);
        var writer = Writer();
        writer.add_report(report, 0);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var step = 1; step <= 10; step++)
            writer.add_report(report, step);
        Assert.InRange(Tensor.TotalCount, 0, before); // The collector may free others meanwhile.
    }

    [Fact]
    public void Steps_follow_one_another_and_what_is_not_measurable_is_no_number()
    {
        var layer = nn.Linear(4, 4).weight_norm();
        var writer = Writer();
        writer.add_report(layer.parametrization_report(), 0);
        using (no_grad())
            layer.parametrization("weight").get_parameter("original1")![0, 0] = double.NaN;
        writer.add_report(layer.parametrization_report(spectraUpTo: 8), 1);

        var distances =
            from logged in Written()
            where logged.Summary is not null && logged.Summary.Value[0].Tag == "weight/distance"
            select (logged.Step, logged.Summary.Value[0].SimpleValue);
        Assert.Equal([(0, 0), (1, float.NaN)], distances);
    }

    [Fact]
    public void Another_default_device_is_refused_before_anything_is_written()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        var (with, without) = (layer.parametrization_report(spectraUpTo: 8), layer.parametrization_report());
        var writer = Writer();
        var before = Written().Count;
        set_default_device(META);
        var refusal = Assert.Throws<InvalidOperationException>(() => writer.add_report(with, 0));
        Assert.Contains("set_default_device(CPU)", refusal.Message);
        Assert.Equal(before, Written().Count);
        Assert.ThrowsAny<Exception>(() => writer.add_histogram("as it stands", ones(2, device: CPU), 0));
        writer.add_report(without, 0);
        Assert.Equal(before + 3, Written().Count);
    }
}
