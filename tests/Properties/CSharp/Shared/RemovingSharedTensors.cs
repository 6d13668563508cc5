using System.Runtime.CompilerServices;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>One module leaves; the others compute as before.</summary>
public class RemovingSharedTensors
{
    public static TheoryData<string, bool, bool> Orders
    {
        get
        {
            var data = new TheoryData<string, bool, bool>();
            foreach (var kind in Tied.Kinds)
            {
                data.Add(kind, true, true);
                data.Add(kind, true, false);
                data.Add(kind, false, true);
                data.Add(kind, false, false);
            }
            return data;
        }
    }

    public static TheoryData<string> Kinds => new(Tied.Kinds);

    [Theory]
    [MemberData(nameof(Orders))]
    public void In_any_order_in_and_out_of_scopes(string kind, bool encoderFirst, bool inScope)
    {
        var tied = Tied.Of(Parametrizations.Orthogonal(), kind);
        var original = tied.Tensor.parameters().Single();
        var x = kind == "Embedding" ? randint(0, 4, 5) : randn(5, 4);
        using var expected = tied.call(x).detach();
        var (first, last) = encoderFirst ? (tied.encoder, tied.decoder) : (tied.decoder, tied.encoder);
        using (inScope ? parametrize.cached() : null)
        {
            tied.call(x);
            first.remove_parametrizations(tied.Name);
            Near.Same(expected, tied.call(x));
            Assert.False(first.is_parametrized(tied.Name));
            Assert.True(last.is_parametrized(tied.Name));

            last.remove_parametrizations(tied.Name);
            Near.Same(expected, tied.call(x));
        }
        Near.Same(expected, tied.call(x));
        Assert.Same(original, last.state_dict()[tied.Name]);
        Assert.NotSame(original, first.state_dict()[tied.Name]);
        Assert.Equal(Tied.Plain(kind).state_dict().Keys, tied.state_dict().Keys);
        Assert.All(tied.parameters(), parameter => Assert.True(parameter.is_leaf && parameter.requires_grad));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_module_that_was_not_tied_gets_its_own_object_back(string kind)
    {
        var tied = Tied.Plain(kind);
        var own = tied.decoder.state_dict()[tied.Name];
        tied.encoder.register_parametrization(tied.Name, Parametrizations.Orthogonal());
        tied.decoder.share_parametrization(tied.Name, tied.encoder.parametrization(tied.Name));
        using var value = tied.Tensor.Value;
        tied.decoder.remove_parametrizations(tied.Name);
        Assert.Same(own, tied.decoder.state_dict()[tied.Name]);
        Near.Same(value, own);
        Assert.True(own.requires_grad && own.is_leaf);
    }

    [Fact]
    public void The_copy_is_trained_apart()
    {
        var tied = Tied.Of(Parametrizations.Skew);
        tied.encoder.remove_parametrizations("weight");
        using var value = tied.Left().Value.detach();
        using (no_grad())
            ((Linear)tied.encoder).weight.zero_();
        Near.Same(value, tied.Left().Value);
    }

    [Fact]
    public void Left_unparametrized_it_is_a_copy_of_the_original()
    {
        var tied = Tied.Of(Parametrizations.Skew);
        using var original = tied.Tensor.parameters().Single().detach().clone();
        tied.decoder.remove_parametrizations("weight", leave_parametrized: false);
        Near.Identical(original, ((Linear)tied.decoder).weight);
        using var w = tied.Tensor.Value;
        Near.Same(w, -w.T);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Disposing_one_leaves_the_other_its_tensor(bool encoderFirst)
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        var (gone, left) = encoderFirst ? (tied.encoder, tied.decoder) : (tied.decoder, tied.encoder);
        using var expected = left.call(eye(4)).detach();
        gone.Dispose();

        Near.Same(expected, left.call(eye(4)));
        left.to(float64);
        Near.Same(expected.to(float64), left.call(eye(4, dtype: float64)), 1e-5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_last_one_frees_the_tensor(bool encoderFirst)
    {
        // TorchSharp's Linear does not dispose what is inside it.
        var tied = new Tied(new ParameterField(), new Fieldless());
        tied.encoder.register_parametrization("weight", Parametrizations.Orthogonal());
        tied.decoder.share_parametrization("weight", tied.Tensor);
        var original = tied.Tensor.parameters().Single();
        var (gone, left) = encoderFirst ? (tied.encoder, tied.decoder) : (tied.decoder, tied.encoder);
        using var expected = left.call(eye(4)).detach();
        gone.Dispose();
        Assert.False(original.IsInvalid);
        Near.Same(expected, left.call(eye(4)));
        left.Dispose();
        Assert.True(original.IsInvalid);
    }

    [Fact]
    public void A_scope_that_outlives_one_of_the_modules_does_no_harm()
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        using (parametrize.cached())
        {
            using var expected = tied.decoder.call(eye(4));
            tied.encoder.Dispose();
            Near.Same(expected, tied.decoder.call(eye(4)));
        }
        tied.decoder.call(eye(4));
    }

    [Fact]
    public void Sharing_keeps_no_module_alive()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        var gone = SharesAndGoes(layer);
        for (var round = 0; round < 10 && gone.IsAlive; round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.False(gone.IsAlive);

        layer.call(eye(4));
        var own = layer.parametrization("weight").parameters().Single();
        layer.remove_parametrizations("weight");
        Assert.Same(own, layer.weight);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_user_holds_is_lent_to_modules(bool dispose)
    {
        var holder = new Holder(Parametrizations.Skew, randn(4, 4));
        var layer = nn.Linear(4, 4, hasBias: false);
        layer.share_parametrization("weight", holder.kernel);
        using var value = holder.kernel.Value.detach();
        Near.Same(value.T, layer.call(eye(4)));

        if (dispose)
            layer.Dispose();
        else
        {
            layer.remove_parametrizations("weight");
            Near.Same(value, layer.weight);
            Assert.NotSame(holder.kernel.parameters().Single(), layer.weight);
        }
        Near.Same(value, holder.call(eye(4)));
    }

    [Fact]
    public void Two_tensors_of_one_module_may_be_one()
    {
        var cell = nn.RNNCell(4, 4);
        cell.register_parametrization("weight_ih", Parametrizations.Orthogonal());
        cell.share_parametrization("weight_hh", cell.parametrization("weight_ih"));
        using var expected = cell.call(eye(4), eye(4)).detach();
        cell.remove_parametrizations("weight_ih");
        Near.Same(expected, cell.call(eye(4), eye(4)));
        cell.remove_parametrizations("weight_hh");
        Near.Same(expected, cell.call(eye(4), eye(4)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void In_native_memory_too(bool firstGoes)
    {
        const string Name = "weight_hh_l0";
        var (first, second) = (nn.LSTM(4, 4), nn.LSTM(4, 4));
        var x = randn(3, 2, 4);
        first.register_parametrization(Name, Parametrizations.Orthogonal());
        second.share_parametrization(Name, first.parametrization(Name));
        Tensor Output(LSTM lstm) => lstm.call(x).Item1;
        (Output(first).sum() + Output(second).sum()).backward();
        Assert.NotNull(first.parametrization(Name).parameters().Single().grad);
        using var expected = cat([Output(first), Output(second)]).detach();

        (firstGoes ? first : second).remove_parametrizations(Name);
        Near.Same(expected, cat([Output(first), Output(second)]));
        (firstGoes ? second : first).remove_parametrizations(Name);
        Near.Same(expected, cat([Output(first), Output(second)]));
        Output(first).sum().backward();
        Assert.Equal(4, first.state_dict().Count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference SharesAndGoes(Linear layer)
    {
        var other = nn.Linear(4, 4);
        other.share_parametrization("weight", layer.parametrization("weight"));
        other.call(eye(4)).Dispose();
        return new(other);
    }
}

file static class Reading
{
    public static ParametrizedTensor Left(this Tied tied) => tied.decoder.parametrization("weight");
}
