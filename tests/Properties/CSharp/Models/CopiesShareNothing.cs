using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>`copy_parametrizations`: two models that compute alike, and then go their own ways.</summary>
public class CopiesShareNothing
{
    private static Net Source()
    {
        var net = new Net();
        net.first.orthogonal().register_parametrization("bias", Parametrizations.Bounded(-1, 1));
        net.blocks[0].weight_norm();
        net.blocks[1].spectral_norm();
        net.norm.l1_unstructured("weight", 1);
        return net;
    }

    private static Net CopyOf(Net source)
    {
        var copy = parametrize.copy_parametrizations(source, new Net());
        copy.load_parametrized_state_dict(source.state_dict());
        return copy;
    }

    private static void Train(Net net)
    {
        var optimizer = optim.Adam(net.parameters(), 0.1);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            net.call(randn(3, 4)).square().sum().backward();
            optimizer.step();
        }
    }

    [Fact]
    public void A_copy_computes_the_same()
    {
        var source = Source();
        var copy = CopyOf(source);
        Assert.Equal(source.parametrizations().Select(Named), copy.parametrizations().Select(Named));
        foreach (var (key, tensor) in source.state_dict())
            Near.Identical(tensor, copy.state_dict()[key]);
        Assert.Equal(source.state_dict().Keys, copy.state_dict().Keys);
        source.eval();
        copy.eval();
        var input = randn(3, 4);
        Near.Identical(source.call(input), copy.call(input));

        static (string, Parametrization) Named((string name, ParametrizedTensor tensor) entry) =>
            (entry.name, entry.tensor.Parametrization);
    }

    [Fact]
    public void Only_what_belongs_to_parametrizations_is_copied_without_the_state()
    {
        var (source, copy) = (Source(), new Net());
        using var own = copy.blocks[1].bias!.detach().clone();
        parametrize.copy_parametrizations(source, copy);
        Near.Identical(own, copy.blocks[1].bias!);
        Near.Identical(source.kernel.Value, copy.kernel.Value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Training_one_leaves_the_other_bit_for_bit(bool trainsCopy)
    {
        var source = Source();
        var copy = CopyOf(source);
        var (trained, other) = trainsCopy ? (copy, source) : (source, copy);
        var before = Snapshot.Of(other);
        Train(trained);
        before.AssertUnchanged();
        Assert.All(
            trained.parametrizations().Zip(other.parametrizations()),
            pair => Assert.NotEqual(Near.Bytes(pair.First.tensor.Value), Near.Bytes(pair.Second.tensor.Value))
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Removing_and_disposing_one_leaves_the_other_whole(bool removesFromCopy)
    {
        var source = Source();
        var copy = CopyOf(source);
        var (gone, other) = removesFromCopy ? (copy, source) : (source, copy);
        var before = Snapshot.Of(other);
        foreach (var (name, _) in gone.parametrizations().Where(entry => entry.name != "kernel").ToList())
            gone.remove_parametrizations(name);
        before.AssertUnchanged();
        gone.Dispose();
        before.AssertUnchanged();
        Train(other);
    }

    [Fact]
    public void Copying_again_catches_up()
    {
        var source = Source();
        var copy = CopyOf(source);
        Train(source);
        parametrize.copy_parametrizations(source, copy);
        Assert.All(
            source.parametrizations().Zip(copy.parametrizations()),
            pair =>
                Near.Identical(
                    pair.First.tensor.get_parameter(Name(pair))!,
                    pair.Second.tensor.get_parameter(Name(pair))!
                )
        );

        static string Name(((string, ParametrizedTensor tensor) First, (string, ParametrizedTensor)) pair) =>
            pair.First.tensor.named_parameters().First().name;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Learnt_vectors_are_copied_as_they_are(bool training)
    {
        var (source, target) = (nn.Linear(8, 8).spectral_norm(), nn.Linear(8, 8));
        source.train(training);
        target.train(training);
        using (var optimizer = optim.SGD(source.parameters(), 0.5))
            for (var step = 0; step < 3; step++)
            {
                optimizer.zero_grad();
                source.call(randn(4, 8)).sin().sum().backward();
                optimizer.step();
            }
        var expected = source.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        parametrize.copy_parametrizations(source, target);
        foreach (var (key, tensor) in target.state_dict())
            if (key != "bias")
                Near.Identical(expected[key], tensor);
        source.eval();
        target.eval();
        Near.Identical(source.parametrization("weight").Value, target.parametrization("weight").Value);
    }

    [Fact]
    public void Cached_values_are_dropped()
    {
        var (source, copy) = (new Net(), new Net());
        using var scope = parametrize.cached();
        using var stale = copy.kernel.Value;
        parametrize.copy_parametrizations(source, copy);
        Near.Identical(source.kernel.Value, copy.kernel.Value);
    }

    private static void Refuses<TError>(nn.Module from, nn.Module to)
        where TError : Exception
    {
        Snapshot[] before = [Snapshot.Of(from), Snapshot.Of(to)];
        Assert.Throws<TError>(() => parametrize.copy_parametrizations(from, to));
        Assert.All(before, snapshot => snapshot.AssertUnchanged());
    }

    [Fact]
    public void Models_that_are_not_alike_are_refused_before_any_change()
    {
        Refuses<ArgumentException>(Source(), nn.Sequential(nn.Linear(4, 4)));
        Refuses<ArgumentException>(
            nn.Sequential(nn.Linear(4, 4).orthogonal(), nn.ReLU()),
            nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        );
        Refuses<ArgumentException>(
            nn.Sequential(nn.Linear(4, 4).orthogonal(), nn.Linear(4, 4).orthogonal()),
            nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
        );
        Refuses<InvalidOperationException>(Source(), new Net(Parametrizations.Skew));
        Refuses<InvalidOperationException>(new Net(), Source());
        var source = Source();
        Refuses<ArgumentException>(source, source);
    }

    [Fact]
    public void Tied_modules_have_to_be_tied_on_both_sides()
    {
        var tied = nn.Linear(4, 4).orthogonal();
        var source = nn.Sequential(tied, nn.ReLU(), tied);
        Refuses<ArgumentException>(source, nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)));
        var other = nn.Linear(4, 4);
        var copy = parametrize.copy_parametrizations(source, nn.Sequential(other, nn.ReLU(), other));
        Assert.Single(copy.parametrizations());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(-1)]
    public void What_is_frozen_stays_so_and_nothing_else(int frozen)
    {
        static nn.Module<Tensor, Tensor> New() =>
            nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)), ("c", nn.Linear(4, 4)));
        var from = New();
        from.register_parametrizations<TorchSharp.Modules.Linear>("weight", Parametrizations.Skew);
        foreach (var (index, parameter) in from.parametrized_parameters().Index())
            parameter.requires_grad = frozen >= 0 && index != frozen;
        var to = parametrize.copy_parametrizations(from, New());
        Assert.Equal(
            from.parametrized_parameters().Select(parameter => parameter.requires_grad),
            to.parametrized_parameters().Select(parameter => parameter.requires_grad)
        );
    }
}
