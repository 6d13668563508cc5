using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Containers;

/// <summary>Some elements of a list in the order of registering, and an order of removing.</summary>
public sealed record Orders(int[] Registered, int[] Removed)
{
    public const int Count = 4;

    public static Arbitrary<Orders> Any() =>
        (
            from some in Gen.SubListOf(Enumerable.Range(0, Count))
            from registered in Gen.Shuffle(some.ToArray())
            from removed in Gen.Shuffle(some.ToArray())
            select new Orders(registered, removed)
        ).ToArbitrary();
}

/// <summary>A list of parameters with parametrized ones in it is still a list, and reads as PyTorch's.</summary>
[Properties(Arbitrary = [typeof(Orders)], MaxTest = 50, QuietOnSuccess = true)]
public class ListsShowWhatTheyHave
{
    [Fact]
    public void A_list_that_a_module_has_under_two_names_is_shown_under_both()
    {
        var model = new Twice();
        model.register_parametrization("first.0", Parametrizations.Symmetric);
        var keys = model.state_dict().Keys.ToList();
        Assert.DoesNotContain("second.0", keys);
        Assert.All(model.named_children(), child => Assert.IsNotType<ParameterList>(child.module, exactMatch: true));
        model.to(ScalarType.Float64);
        Assert.Equal(keys, model.state_dict().Keys);
        model.remove_parametrizations("first.0");
        Assert.All(
            model.named_children(),
            child => Assert.Same(model.first, Assert.IsType<ParameterList>(child.module, exactMatch: true))
        );
    }

    [Fact]
    public void What_is_in_a_list_moves_to_a_device_and_an_element_type_at_once()
    {
        var model = new WithList();
        model.register_parametrization("kernels.0", Parametrizations.Symmetric);
        model.to(CPU, ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, model.parametrization("kernels.0").Value.dtype);
        Assert.All(model.parameters(), parameter => Assert.Equal(ScalarType.Float64, parameter.dtype));
    }

    private sealed class Twice : nn.Module<Tensor, Tensor>
    {
        public readonly ParameterList first = new(nn.Parameter(ones(3, 3)), nn.Parameter(ones(3, 3)));
        public readonly ParameterList second;

        public Twice()
            : base(nameof(Twice))
        {
            second = first;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input.matmul(first[0]).matmul(second[1]);
    }

    [Property]
    public void State_and_parameters_are_right_at_any_time(Orders orders)
    {
        var model = new WithList(Orders.Count);
        var (list, own) = (model.kernels, model.kernels.ToArray());
        var present = new List<int>();
        foreach (var index in orders.Registered)
        {
            model.register_parametrization($"kernels.{index}", Parametrizations.Symmetric);
            present.Add(index);
            AssertShown();
        }
        foreach (var index in orders.Removed)
        {
            model.remove_parametrizations($"kernels.{index}");
            present.Remove(index);
            AssertShown();
        }
        Assert.Same(list, model.kernels);
        Assert.Equal<Parameter>(own, model.kernels, ReferenceEquals);

        void AssertShown()
        {
            var plain = Enumerable.Range(0, Orders.Count).Except(present).ToList();
            string[] names =
            [
                .. plain.Select(index => $"{index}"),
                .. present.Select(index => $"parametrizations.{index}.original"),
            ];
            Assert.Equal(names, model.kernels.state_dict().Keys);
            Assert.Equal(names, model.kernels.named_parameters().Select(named => named.name));
            Assert.Equal(names.Select(name => $"kernels.{name}"), model.state_dict().Keys);
            Assert.Equal<Parameter>(
                plain.Concat(present).Select(index => own[index]),
                model.parameters(),
                ReferenceEquals
            );
            Assert.Equal<Parameter>(
                plain.Select(index => own[index]),
                model.kernels.parameters(recurse: false),
                ReferenceEquals
            );
            Assert.Equal(
                present.Select(index => $"kernels.{index}"),
                model.parametrizations().Select(entry => entry.name)
            );
            foreach (var seen in new[] { list, model.kernels })
            {
                Assert.Equal(Orders.Count, seen.Count);
                Assert.Equal(Orders.Count, seen.Distinct(ReferenceEqualityComparer.Instance).Count());
                Assert.All(plain, index => Assert.Same(own[index], seen[index]));
                Assert.All(present, index => Assert.Contains("is parametrized", seen[index].ToString()));
                Assert.All(
                    Enumerable.Range(0, Orders.Count),
                    i => Assert.Equal(present.Contains(i), seen.is_parametrized($"{i}"))
                );
            }
        }
    }

    [Fact]
    public void A_dictionary_keeps_its_keys_and_their_order()
    {
        var model = new WithDictionary();
        var (dictionary, left, right) = (model.Parts, model.Parts["left"], model.Parts["right"]);
        model.register_parametrization("parts.left", Parametrizations.Symmetric);

        foreach (var seen in new[] { dictionary, model.Parts })
        {
            Assert.Equal(["left", "right"], seen.Keys);
            Assert.Equal(["left", "right"], seen.keys());
            Assert.Equal(2, seen.Count);
            Assert.Same(right, seen["right"]);
            Assert.Same(seen["left"], seen[0].Item2);
            Assert.True(seen.is_parametrized("left"));
        }
        Assert.Equal(["right", "parametrizations.left.original"], model.Parts.state_dict().Keys);
        Assert.Equal<Parameter>([right, left], model.parameters(), ReferenceEquals);
        model.Parts.remove_parametrizations("left");
        Assert.Same(dictionary, model.Parts);
        Assert.Equal(["left", "right"], dictionary.state_dict().Keys);
        Assert.Same(left, dictionary["left"]);
    }

    [Fact]
    public void In_a_scope_the_elements_are_the_values_computed_once()
    {
        var model = new WithList();
        var counting = new Doubling();
        model.register_parametrization("kernels.1", counting.Value);
        using var value = model.parametrization("kernels.1").Value;
        var before = counting.Evaluations;
        using (parametrize.cached())
        {
            model.call(randn(2, 4));
            model.call(randn(2, 4));
            Near.Same(value, model.kernels[1]);
            Near.Same(value, model.kernels.get_parameter("1")!);
            Assert.Equal(before + 1, counting.Evaluations);
            Assert.DoesNotContain("kernels.1", model.state_dict().Keys);
            model.forward(randn(2, 4));
        }
        Assert.ThrowsAny<Exception>(() => model.kernels[1].sum());
    }

    [Fact]
    public void What_is_appended_meanwhile_is_there_and_can_be_parametrized()
    {
        var model = new WithList(1);
        var (list, more) = (model.kernels, nn.Parameter(randn(4, 4)));
        model.register_parametrization("kernels.0", Parametrizations.Symmetric);
        model.kernels.append(more);
        Assert.Same(more, list[1]);
        Assert.Equal(["kernels.1", "kernels.parametrizations.0.original"], model.state_dict().Keys);

        model.register_parametrization("kernels.1", Parametrizations.Skew);
        using var value = model.parametrization("kernels.1").Value;
        Near.Same(-value.T, value);
        model.call(randn(2, 4)).sum().backward();
        Assert.NotNull(more.grad);
        model.remove_parametrizations("kernels.0").remove_parametrizations("kernels.1");
        Assert.Same(more, model.kernels[1]);
        Assert.Equal(["kernels.0", "kernels.1"], model.state_dict().Keys);
    }

    /// <summary>The state names an element by its place, so one that has changed it is not followed.</summary>
    [Property]
    public void An_element_that_was_shifted_is_refused_until_that_is_undone(byte place, bool insert, bool cached)
    {
        var index = place % Orders.Count;
        var model = new WithList(Orders.Count);
        model.register_parametrization($"kernels.{index}", Parametrizations.Symmetric);
        using var expected = model.call(eye(4));
        using var scope = cached ? parametrize.cached(model) : null;
        var first = model.kernels[0];
        if (insert)
            model.kernels.Insert(0, nn.Parameter(eye(4)));
        else if (index > 0)
            model.kernels.RemoveAt(0);
        else
            return;

        Assert.Contains($".{index} is parametrized", Refusal(() => model.call(eye(4))));
        Assert.Contains($".{index} is parametrized", Refusal(() => model.remove_parametrizations($"kernels.{index}")));
        if (insert)
            model.kernels.RemoveAt(0);
        else
            model.kernels.Insert(0, first);
        Near.Same(expected, model.call(eye(4)));
        model.remove_parametrizations($"kernels.{index}");
        Near.Same(expected, model.call(eye(4)));

        static string Refusal(Action action) => Assert.Throws<InvalidOperationException>(action).Message;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_parametrized_element_that_was_taken_out_is_missed(int index)
    {
        var model = new WithList(3);
        model.register_parametrization($"kernels.{index}", Parametrizations.Identity);
        using var expected = model.call(eye(4));
        var taken = model.kernels[index];
        model.kernels.RemoveAt(index);
        for (var time = 0; time < 2; time++)
        {
            var refusal = Assert.Throws<InvalidOperationException>(() => model.call(eye(4)));
            Assert.Contains($".{index} is parametrized, and it was taken out", refusal.Message);
        }
        model.kernels.Insert(index, taken);
        Near.Same(expected, model.call(eye(4)));
        model.kernels[index] = nn.Parameter(eye(4));
        Near.Same(eye(4), model.parametrization($"kernels.{index}").Value);
    }

    [Fact]
    public void The_neighbour_of_one_that_a_dictionary_has_lost_stays_itself()
    {
        var model = new WithDictionary();
        model.register_parametrization("parts.left", Parametrizations.Identity);
        using var right = model.Parts["right"]!.clone();
        model.Parts.Remove("left");
        var refusal = Assert.Throws<InvalidOperationException>(() => model.call(eye(4)));
        Assert.Contains(".left is parametrized, and it was taken out", refusal.Message);
        Near.Identical(right, model.Parts["right"]!);
    }

    [Fact]
    public void A_dictionary_that_loses_what_stands_before_is_refused()
    {
        var model = new WithDictionary();
        model.register_parametrization("parts.right", Parametrizations.Symmetric);
        model.Parts.Remove("left");
        var refusal = Assert.Throws<InvalidOperationException>(() => model.call(eye(4)));
        Assert.Contains(".right is parametrized", refusal.Message);
    }

    [Fact]
    public void Whoever_has_got_hold_of_the_list_meanwhile_can_keep_it()
    {
        var model = new WithList();
        model.register_parametrization("kernels.0", Parametrizations.Symmetric);
        var meanwhile = model.kernels;
        model.remove_parametrizations("kernels.0");
        Assert.Equal<Parameter>(model.kernels, meanwhile, ReferenceEquals);
        model.register_parametrization("kernels.0", Parametrizations.Symmetric);
        Assert.Same(meanwhile, model.kernels);
    }

    [Fact]
    public void An_optimizer_of_the_list_trains_what_is_in_it()
    {
        var model = new WithList(2);
        model.register_parametrization("kernels.0", Parametrizations.Orthogonal());
        var optimizer = optim.SGD(model.kernels.parameters(), 0.1);
        using var before = model.parametrization("kernels.0").Value;
        model.call(randn(8, 4)).pow(4).sum().backward();
        optimizer.step();
        using var after = model.parametrization("kernels.0").Value;
        Near.Different(before, after);
        Near.Orthogonal(after);
        model.kernels.zero_grad();
        Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
    }
}
