using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>Averages of parametrized models: of values, or of parameters, exponential or of equal weights.</summary>
public class AveragesStayInTheirSpaces
{
    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        public readonly Linear turn = nn.Linear(4, 4);
        public readonly Linear bounded = nn.Linear(4, 4);
        public readonly BatchNorm1d norm = nn.BatchNorm1d(4);
        public readonly Linear plain = nn.Linear(4, 2);

        public Net(bool isParametrized = true)
            : base(nameof(Net))
        {
            RegisterComponents();
            if (!isParametrized)
                return;
            turn.orthogonal();
            bounded.spectral_norm();
            plain.register_parametrization("bias", Parametrizations.Positive);
            norm.register_parametrization("running_var", Parametrizations.Positive);
        }

        public override Tensor forward(Tensor input) => plain.call(norm.call(bounded.call(turn.call(input))).tanh());
    }

    /// <summary>Plain tensors, some of which are tied, and statistics that are parametrized.</summary>
    private sealed class Tying : nn.Module<Tensor, Tensor>
    {
        public readonly Linear a = nn.Linear(4, 4);
        public readonly Linear b = nn.Linear(4, 4);
        public readonly BatchNorm1d norm = nn.BatchNorm1d(4);

        public Tying()
            : base(nameof(Tying))
        {
            b.weight = a.weight;
            RegisterComponents();
            norm.register_parametrization("running_mean", Parametrizations.Scale(2));
        }

        public override Tensor forward(Tensor input) => norm.call(b.call(a.call(input)));
    }

    private sealed class Statistics : nn.Module<Tensor, Tensor>
    {
        public readonly Tensor statistics = ones(3, 2);

        public Statistics()
            : base(nameof(Statistics)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.mm(statistics);
    }

    [Theory]
    [InlineData(null, AverageOf.Values)]
    [InlineData(0.9, AverageOf.Values)]
    [InlineData(null, AverageOf.Originals)]
    [InlineData(0.9, AverageOf.Originals)]
    public void Tied_tensors_move_once_and_statistics_are_the_latest(double? decay, AverageOf averageOf)
    {
        var model = new Tying();
        var average = new AveragedModel<Tying>(new Tying(), decay, averageOf);
        var expected = new List<double[]>();
        for (var step = 0; step < 4; step++)
        {
            model.call(randn(5, 4) + step).Dispose();
            using (no_grad())
            using (NewDisposeScope())
                model.a.weight.add_(1);
            average.update_parameters(model);
            expected.Add(Numbers(model.a.weight));
        }
        foreach (var layer in (Linear[])[average.module.a, average.module.b])
            Assert.All(
                Numbers(layer.weight).Index(),
                number =>
                    Assert.Equal(Averaged([.. expected.Select(all => all[number.Index])], decay), number.Item, 1e-5)
            );
        Near.Same(
            model.parametrization("norm.running_mean").Value,
            average.module.parametrization("norm.running_mean").Value
        );
    }

    [Fact]
    public void What_waits_in_the_average_is_taken_first_and_it_can_move()
    {
        var (model, other) = (nn.Linear(4, 4), nn.Linear(4, 4));
        foreach (var layer in (Linear[])[model, other])
            layer.register_parametrization("weight", Parametrizations.Scale(2));
        var average = new AveragedModel<Linear>(other, 0.5);
        average.update_parameters(model);
        other.weight = nn.Parameter(ones(4, 4));
        model.weight = nn.Parameter(ones(4, 4) * 3);
        average.update_parameters(model);
        Near.Same(ones(4, 4) * 2, other.parametrization("weight").Value);
        average.to(float64);
        average.update_parameters(model);
        Near.Same(ones(4, 4, dtype: float64) * 2.5, other.parametrization("weight").Value);
        Assert.Same(other, average.module);
    }

    [Theory]
    [InlineData(AverageOf.Values)]
    [InlineData(AverageOf.Originals)]
    public void An_average_may_be_finer_than_the_model(AverageOf averageOf)
    {
        var (model, other) = (nn.Linear(4, 4), nn.Linear(4, 4));
        foreach (var layer in (Linear[])[model, other])
            layer.weight_norm();
        model.to(ScalarType.BFloat16);
        var average = new AveragedModel<Linear>(other, 0.5, averageOf);
        average.update_parameters(model);
        using var first = other.parametrization("weight").Value;
        using (no_grad())
        using (NewDisposeScope())
            foreach (var original in model.parametrization("weight").Originals)
                original.mul_(2);
        average.update_parameters(model);
        using var second = other.parametrization("weight").Value;
        using var away = (second - first * 1.5).abs().max();
        // The value of the model is rounded to bfloat16, its originals are numbers of it.
        Assert.InRange(away.item<float>(), 0, averageOf is AverageOf.Values ? 0.01 : 1e-6);
    }

    private static double Averaged(double[] numbers, double? decay)
    {
        var average = numbers[0];
        for (var step = 1; step < numbers.Length; step++)
            average += (1 - decay ?? 1.0 / (step + 1)) * (numbers[step] - average);
        return average;
    }

    [Theory]
    [InlineData(null, AverageOf.Values)]
    [InlineData(0.9, AverageOf.Values)]
    [InlineData(null, AverageOf.Originals)]
    [InlineData(0.9, AverageOf.Originals)]
    public void They_are_what_the_formula_says_and_allowed(double? decay, AverageOf averageOf)
    {
        var model = new Net();
        var average = new AveragedModel<Net>(new Net(), decay, averageOf);
        var bias = new List<double[]>();
        var original = new List<double[]>();
        Train(
            model,
            step =>
            {
                average.update_parameters(model);
                bias.Add(Numbers(model.parametrization("plain.bias").Value));
                original.Add(Numbers(model.parametrization("plain.bias").Original));
            }
        );
        Assert.Equal(6, average.n_averaged);
        Assert.All(average.module.parametrization_report(), row => Assert.Null(row.Violation));
        var tensor = average.module.parametrization("plain.bias");
        var (expected, found) =
            averageOf is AverageOf.Values
                ? (Average(bias, decay), tensor.Value)
                : (Average(original, decay), tensor.Original);
        Assert.Equal(expected, Numbers(found), (left, right) => Math.Abs(left - right) < 1e-5);
        Near.Same(model.norm.running_mean!, average.module.norm.running_mean!);
        Assert.False(average.module.training);
        Assert.True(model.training);

        // Singular vectors are those of the averaged weight.
        using var weight = average.module.parametrization("bounded.weight").Value;
        Assert.Equal(1, linalg.norm(weight.detach(), 2).item<float>(), 1e-4);
    }

    private sealed class Holder : nn.Module
    {
        public readonly ParametrizedTensor tensor;

        public Holder(string code, Tensor initial)
            : base(nameof(Holder))
        {
            tensor = new(Parametrizations.Parse(code), initial);
            RegisterComponents();
        }
    }

    private static (Holder Model, AveragedModel<Holder> Average) Held(string code, double decay)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var initial = randn(code.Contains("Convolution") ? [3, 2, 3, 3] : [4, 4], dtype: ScalarType.Float64) * 0.5;
        var (model, average) = (new Holder(code, initial), new AveragedModel<Holder>(new Holder(code, initial), decay));
        average.update_parameters(model);
        return (model, average);
    }

    private static void Walk(Holder model, double step)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var original in model.parameters())
            original.add_(randn_like(original) * step * original.abs().mean());
    }

    /// <summary>Also where tensors are rounded, where projections are no nearest tensors, and where a start is away from an edge.</summary>
    [Theory]
    [InlineData("specialLinear")]
    [InlineData("correlationCholesky")]
    [InlineData("doublyStochastic")]
    [InlineData("simplex")]
    [InlineData("spd")]
    [InlineData("orthogonal")]
    [InlineData("symplectic")]
    [InlineData("lowRank 2L")]
    [InlineData("binary (Granularity.Channel 0)")]
    [InlineData("ternary (Granularity.Channel 0)")]
    [InlineData("fakeQuantized 4 QuantizationScheme.Affine Granularity.Tensor")]
    [InlineData("groupSparse 2 4")]
    [InlineData("aol")]
    [InlineData("aolConvolution")]
    [InlineData("lora 2L 4.0")]
    [InlineData("dora 2L 4.0")]
    public void A_model_that_stands_still_is_reached(string code)
    {
        var (model, average) = Held(code, 0.8);
        Walk(model, 0.1);
        model.eval(); // In training, reading a quantized tensor may change its range.
        for (var update = 0; update < 100; update++)
            average.update_parameters(model);
        Near.Same(model.tensor.Value, average.module.tensor.Value);
    }

    [Theory]
    [InlineData("specialLinear")]
    [InlineData("correlationCholesky")]
    [InlineData("correlation")]
    [InlineData("doublyStochastic")]
    [InlineData("simplex")]
    [InlineData("spd")]
    [InlineData("orthogonal")]
    [InlineData("ordered")]
    public void Many_small_steps_do_not_add_up(string code)
    {
        var (model, average) = Held(code, 0.9);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var expected = model.tensor.Value;
        for (var update = 0; update < 100; update++)
        {
            Walk(model, 0.05);
            average.update_parameters(model);
            expected = expected.lerp(model.tensor.Value, 0.1);
        }
        var nearest = model.tensor.Parametrization.Project(expected);
        var (found, least) = (Away(average.module.tensor.Value), Away(nearest));
        Assert.InRange(found, 0, 2 * least + 0.01);

        double Away(Tensor tensor) => (tensor - expected).norm().item<double>() / expected.norm().item<double>();
    }

    [Fact]
    public void Averages_of_adapters_are_written_as_adapters()
    {
        var (model, average) = (Adapted(), new AveragedModel<Sequential>(Adapted(), 0.5));
        average.update_parameters(model);
        using (no_grad())
            model.parametrization("layer.weight").Originals[1].add_(1);
        average.update_parameters(model);
        var folder = Directory.CreateTempSubdirectory();
        peft.save_pretrained(average.module, folder.FullName);
        var loaded = nn.Sequential(("layer", nn.Linear(4, 4)));
        using (no_grad())
        {
            var originals = model.parametrization("layer.weight").Originals;
            var frozen = model.parametrization("layer.weight").Value - originals[1].mm(originals[0]);
            ((Linear)loaded[0]).weight!.copy_(frozen);
        }
        peft.load_adapter(loaded, folder.FullName);
        Near.Same(average.module.parametrization("layer.weight").Value, loaded.parametrization("layer.weight").Value);
        folder.Delete(recursive: true);

        static Sequential Adapted() =>
            nn.Sequential(("layer", nn.Linear(4, 4)))
                .get_peft_model(
                    new()
                    {
                        Rank = 2,
                        Alpha = 2,
                        TargetModules = ["layer"],
                    }
                );
    }

    [Fact]
    public void The_first_is_a_copy_bit_for_bit()
    {
        var model = new Net();
        Train(model, _ => { });
        var average = new AveragedModel<Net>(new Net(), 0.99);
        average.update_parameters(model);
        var copy = average.module.state_dict();
        foreach (var (key, tensor) in model.state_dict())
            if (!key.Contains("0._")) // Learnt anew from the same weight.
                Near.Identical(tensor, copy[key]);
    }

    [Fact]
    public void Moved_bases_are_refused_for_parameters_and_do_not_matter_for_values()
    {
        var model = new Net();
        var (ofParameters, ofValues) = (
            new AveragedModel<Net>(new Net(), 0.5, AverageOf.Originals),
            new AveragedModel<Net>(new Net(), 0.5)
        );
        ofParameters.update_parameters(model);
        ofValues.update_parameters(model);
        Train(model, _ => { });
        model.update_bases();
        var before = Snapshot.Of(ofParameters);
        var refusal = Assert.Throws<InvalidOperationException>(() => ofParameters.update_parameters(model));
        Assert.Contains("AverageOf.Values", refusal.Message);
        before.AssertUnchanged();
        ofValues.update_parameters(model);
        Near.Orthogonal(ofValues.module.parametrization("turn.weight").Value.detach());
    }

    [Theory]
    [InlineData("turn.parametrizations.weight.original", 0, AverageOf.Values)]
    [InlineData("turn.parametrizations.weight.original", 1, AverageOf.Originals)]
    [InlineData("turn.bias", 0, AverageOf.Values)]
    [InlineData("norm.bias", 1, AverageOf.Values)]
    [InlineData("norm.weight", 2, AverageOf.Originals)]
    public void One_diverged_step_does_not_spoil_an_average(string name, int updates, AverageOf averageOf)
    {
        var model = new Net();
        var average = new AveragedModel<Net>(new Net(), 0.5, averageOf);
        for (var update = 0; update < updates; update++)
            average.update_parameters(model);
        var before = Snapshot.Of(average);
        using (no_grad())
            model.state_dict()[name].view(-1)[0] = float.NaN;
        var refusal = Assert.Throws<ParametrizationException>(() => average.update_parameters(model));
        Assert.Contains(name.Split('.')[0], refusal.Message);
        Assert.Contains("finite numbers, but 1 of the tensor's", refusal.Message);
        before.AssertUnchanged();
        Assert.Equal(updates, average.n_averaged);
    }

    [Fact]
    public void Buffers_may_be_infinite()
    {
        var model = new Net();
        var average = new AveragedModel<Net>(new Net(), 0.5);
        using (no_grad())
            model.norm.running_mean!.fill_(double.NegativeInfinity);
        average.update_parameters(model);
        average.update_parameters(model);
        Assert.True(average.module.norm.running_mean!.isneginf().all().item<bool>());
    }

    [Fact]
    public void Models_that_are_not_alike_are_refused_whole()
    {
        var model = new Net();
        Assert.Throws<InvalidOperationException>(() =>
            new AveragedModel<Net>(new Net(isParametrized: false)).update_parameters(model)
        );
        var average = new AveragedModel<Net>(new Net());
        average.update_parameters(model);
        var before = Snapshot.Of(average);
        using (no_grad())
            model.parametrization("turn.weight").Original.fill_(double.NaN);
        Assert.Throws<ParametrizationException>(() => average.update_parameters(model));
        before.AssertUnchanged();
        var itself = Assert.Throws<ArgumentException>(() => average.update_parameters(average.module));
        Assert.Contains("copy_parametrizations", itself.Message);
        before.AssertUnchanged();
        Assert.Throws<ArgumentOutOfRangeException>(() => new AveragedModel<Net>(model, 1.5));
        var unknown = Assert.Throws<ArgumentOutOfRangeException>(() =>
            new AveragedModel<Net>(model, averageOf: (AverageOf)7)
        );
        Assert.Contains("`AverageOf.Values` or `AverageOf.Originals` was expected.", unknown.Message);
        Assert.Equal("averageOf", unknown.ParamName);
        Assert.True(model.training);
    }

    [Fact]
    public void Models_with_other_values_or_shapes_are_refused_whole()
    {
        Refused<InvalidOperationException>(
            "'weight' is orthogonal [4, 4] in the average, but cayley [4, 4] in the model. Begin another average",
            nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Cayley())
        );
        Refused<InvalidOperationException>(
            "'weight' is orthogonal [4, 4] in the average, but orthogonal [4, 3] in the model.",
            nn.Linear(3, 4).orthogonal()
        );
        Refused<ArgumentException>(
            "'bias' is [4] in the average, but absent in the model.",
            nn.Linear(4, 4, hasBias: false).orthogonal()
        );

        var longer = nn.Linear(4, 4).orthogonal();
        longer.bias = nn.Parameter(ones(5));
        Refused<ArgumentException>("'bias' is [4] in the average, but [5] in the model.", longer);

        static void Refused<T>(string words, Linear model)
            where T : Exception
        {
            var average = new AveragedModel<Linear>(nn.Linear(4, 4).orthogonal());
            average.update_parameters(nn.Linear(4, 4).orthogonal());
            var (before, there) = (Snapshot.Of(average), Snapshot.Of(model));
            Assert.Contains(words, Assert.Throws<T>(() => average.update_parameters(model)).Message);
            before.AssertUnchanged();
            there.AssertUnchanged();
            Assert.Equal(1, average.n_averaged);
        }
    }

    /// <summary>Statistics are copied as they are. Of infinite ones there are no singular vectors.</summary>
    [Fact]
    public void Statistics_with_a_norm_may_be_infinite()
    {
        var (model, average) = (Normed(), new AveragedModel<Statistics>(Normed()));
        using (no_grad())
            model.parametrization("statistics").Original.fill_(double.PositiveInfinity);
        average.update_parameters(model);
        var (there, own) = (model.parametrization("statistics"), average.module.parametrization("statistics"));
        Near.Identical(there.Original, own.Original);
        Assert.Equal(1, average.n_averaged);

        static Statistics Normed()
        {
            var module = new Statistics();
            module.register_parametrization("statistics", Parametrizations.SpectralNorm());
            return module;
        }
    }

    [Fact]
    public void Its_state_reads_as_PyTorchs_and_training_resumes_bit_for_bit()
    {
        var (model, average) = (new Net(), new AveragedModel<Net>(new Net(), 0.9));
        using var optimizer = optim.AdamW(model.parameters(), 0.01);
        Steps(model, optimizer, average, 0, 3);
        Assert.Contains("n_averaged", average.state_dict().Keys);
        Assert.Contains("module.turn.parametrizations.weight.original", average.state_dict().Keys);

        var folder = Directory.CreateTempSubdirectory();
        string File(string name) => Path.Combine(folder.FullName, name);
        Safetensors.Save(File("model"), model.state_dict());
        Safetensors.Save(File("average"), average.state_dict());
        optimizer.save_state_dict(File("optimizer"));

        var (later, laterAverage) = (new Net(), new AveragedModel<Net>(new Net(), 0.9));
        later.load_parametrized_state_dict(Safetensors.Load(File("model")));
        laterAverage.load_parametrized_state_dict(Safetensors.Load(File("average")));
        using var laterOptimizer = optim.AdamW(later.parameters(), 0.01);
        laterOptimizer.load_state_dict(File("optimizer"));

        Steps(model, optimizer, average, 3, 6);
        Steps(later, laterOptimizer, laterAverage, 3, 6);
        foreach (var (left, right) in new (nn.Module, nn.Module)[] { (model, later), (average, laterAverage) })
        foreach (var (key, tensor) in left.state_dict())
            Near.Identical(tensor, right.state_dict()[key]);
        folder.Delete(recursive: true);
    }

    private static double[] Average(List<double[]> models, double? decay)
    {
        var average = models[0];
        for (var count = 1; count < models.Count; count++)
        {
            var weight = decay is { } kept ? 1 - kept : 1.0 / (count + 1);
            average = [.. average.Zip(models[count], (own, there) => own + weight * (there - own))];
        }
        return average;
    }

    private static double[] Numbers(Tensor tensor) => tensor.detach().to(ScalarType.Float64).data<double>().ToArray();

    private static void Train(Net model, Action<int> after)
    {
        using var optimizer = optim.SGD(model.parameters(), 0.1);
        for (var step = 0; step < 6; step++)
        {
            using var _ = NewDisposeScope();
            Step(model, optimizer, step);
            after(step);
        }
    }

    private static void Steps(Net model, optim.Optimizer optimizer, AveragedModel<Net> average, int from, int to)
    {
        for (var step = from; step < to; step++)
        {
            using var _ = NewDisposeScope();
            Step(model, optimizer, step);
            average.update_parameters(model);
        }
    }

    private static void Step(Net model, optim.Optimizer optimizer, int step)
    {
        optimizer.zero_grad();
        model.call(linspace(-1, step + 1, 12).reshape(3, 4).sin()).pow(2).sum().backward();
        optimizer.step();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Any_parameter_of_a_tensor_may_have_diverged(int which)
    {
        var model = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.WeightNorm());
        var average = new AveragedModel<Linear>(parametrize.copy_parametrizations(model, nn.Linear(3, 3)));
        var before = Snapshot.Of(average);
        using (no_grad())
            model.parametrization("weight").Originals[which].view(-1)[0] = float.NaN;
        Assert.Throws<ParametrizationException>(() => average.update_parameters(model));
        before.AssertUnchanged();
    }
}
