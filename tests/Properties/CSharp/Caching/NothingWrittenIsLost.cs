using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>What a user or a pass has written is there afterwards, whatever begins or ends around it.</summary>
public class NothingWrittenIsLost
{
    private static readonly Parametrization Twice = Parametrizations.Scale(2);

    private static readonly Tensor X = linspace(-1, 1, 20).reshape(5, 4);

    /// <summary>A model whose pass does something before it runs its child by `forward`.</summary>
    private sealed class Acting : nn.Module<Tensor, Tensor>
    {
        public readonly Linear l;
        public Action<Acting> Act = _ => { };

        public Acting(Linear child)
            : base(nameof(Acting))
        {
            l = child;
            RegisterComponents();
        }

        public Acting(Parametrization value)
            : this(nn.Linear(4, 4, hasBias: false)) => this.register_parametrization("l.weight", value);

        public override Tensor forward(Tensor input)
        {
            Act(this);
            return l.forward(input);
        }
    }

    /// <summary>A field that a pass replaces, a running average, with or without a hook.</summary>
    private sealed class Averaging : nn.Module<Tensor, Tensor>
    {
        private Tensor avg = ones(4);
        private readonly bool _isBuffer;

        public Tensor Avg => avg;

        public Averaging(bool isBuffer)
            : base(nameof(Averaging))
        {
            _isBuffer = isBuffer;
            if (!isBuffer)
                avg = new Parameter(avg);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var next = (avg * 0.5 + input.mean([0]) * 0.5).detach();
            avg = _isBuffer ? next : new Parameter(next);
            return input - avg;
        }
    }

    public static TheoryData<string> Scopes => ["none", "cached", "cached model", "cached child"];

    private static CachedScope? Open(string scope, nn.Module model, nn.Module child) =>
        scope switch
        {
            "cached" => parametrize.cached(),
            "cached model" => parametrize.cached(model),
            "cached child" => parametrize.cached(child),
            _ => null,
        };

    [Theory]
    [MemberData(nameof(Scopes))]
    public void An_assignment_that_waits_for_the_next_use(string scope)
    {
        var model = new Acting(Twice);
        model.call(X);
        model.l.weight = new Parameter(eye(4));
        using (Open(scope, model, model.l))
            Near.Same(X, model.call(X));
        Near.Same(X, model.call(X));
    }

    [Theory]
    [MemberData(nameof(Scopes))]
    public void An_assignment_before_a_change_of_the_mode(string scope)
    {
        var model = new Acting(Twice);
        using var _ = Open(scope, model, model.l);
        model.l.weight = new Parameter(eye(4));
        model.eval();
        Near.Same(X, model.call(X));
    }

    [Fact]
    public void An_assignment_to_a_joint_tensor()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight+bias", Twice);
        layer.weight = new Parameter(eye(4));
        layer.bias = new Parameter(zeros(4));
        using (parametrize.cached(layer))
            Near.Same(X, layer.call(X));
        layer.weight = new Parameter(eye(4) * 3);
        Near.Same(X * 3, layer.call(X));
    }

    [Theory]
    [MemberData(nameof(Scopes))]
    public void A_tensor_that_is_registered_under_the_name(string scope)
    {
        var model = new Acting(Twice);
        using var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Twice);
        using (Open(scope, model, model.l))
        {
            model.l.register_parameter("weight", new Parameter(eye(4)));
            Near.Same(X, model.call(X));
            norm.register_buffer("running_mean", ones(4));
            Near.Same(ones(4), norm.parametrization("running_mean").Value);
        }
        Assert.Equal(["l.parametrizations.weight.original"], model.state_dict().Keys);
        Near.Same(eye(4), model.parametrization("l.weight").Value);
    }

    [Fact]
    public void A_refusal_of_an_assignment_comes_when_a_scope_begins()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        layer.weight = new Parameter(ones(4, 4));
        Assert.Throws<ParametrizationException>(() => parametrize.cached(layer));
        Near.Orthogonal(layer.parametrization("weight").Value);
    }

    public static TheoryData<bool, string> Averages
    {
        get
        {
            var data = new TheoryData<bool, string>();
            foreach (var isBuffer in (bool[])[true, false])
            foreach (var scope in (string[])["none", "cached", "cached model"])
                data.Add(isBuffer, scope);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Averages))]
    public void A_field_that_a_pass_assigns(bool isBuffer, string scope)
    {
        var (model, plain) = (new Averaging(isBuffer), new Averaging(isBuffer));
        model.register_parametrization("avg", Twice);
        using (Open(scope, model, model))
            for (var pass = 0; pass < 3; pass++)
                Near.Same(plain.call(X * 5 + pass), model.call(X * 5 + pass));
        Near.Same(plain.Avg, model.parametrization("avg").Value);
    }

    [Theory]
    [InlineData("none", true)]
    [InlineData("cached", true)]
    [InlineData("cached model", true)]
    [InlineData("cached model", false)]
    public void Statistics_that_a_norm_writes(string scope, bool byCall)
    {
        static Sequential Build() => nn.Sequential(("bn", nn.BatchNorm1d(4)), ("l", nn.Linear(4, 4)));
        var (model, plain) = (Build(), Build());
        model.register_parametrization("bn.running_mean", Twice);
        using (Open(scope, model, model))
            for (var pass = 0; pass < 3; pass++)
                foreach (var sequential in (Sequential[])[model, plain])
                    if (byCall)
                        sequential.call(X + pass);
                    else
                        ((BatchNorm1d)sequential[0]).forward(X + pass);
        Near.Same(plain.state_dict()["bn.running_mean"], model.parametrization("bn.running_mean").Value);
    }

    [Theory]
    [InlineData("eval")]
    [InlineData("value")]
    public void Statistics_before_something_else_happens_in_the_scope(string next)
    {
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Twice);
        using (parametrize.cached(norm))
        {
            norm.forward(X + 10);
            if (next == "eval")
                norm.eval();
            Near.Same(X.mean([0]) * 0.1 + 1, norm.parametrization("running_mean").Value);
        }
    }

    /// <summary>A norm, and a field that is replaced, in a pass that goes on after something else.</summary>
    private sealed class Norms : nn.Module<Tensor, Tensor>
    {
        public readonly BatchNorm1d bn = nn.BatchNorm1d(4);
        private Tensor avg = ones(4);

        public Action<Norms> Act = _ => { };

        public Norms()
            : base(nameof(Norms)) => RegisterComponents();

        public Tensor Avg => avg;

        public override Tensor forward(Tensor input)
        {
            avg = (avg * 0.5 + input.mean([0]) * 0.5).detach();
            using var first = bn.forward(input);
            Act(this);
            return bn.forward(input + 1) + avg;
        }
    }

    private static readonly Dictionary<string, Action<Norms>> ActsOnNorms = new()
    {
        ["eval and train"] = model =>
        {
            model.eval();
            model.train();
        },
        ["refresh"] = model =>
        {
            if (model.is_parametrized())
                model.parametrization("bn.running_mean").Refresh();
        },
        ["register again"] = model =>
        {
            if (model.is_parametrized())
                model.register_parametrization("bn.running_mean", Parametrizations.Identity);
        },
        ["remove"] = model =>
        {
            if (model.is_parametrized("bn.running_mean"))
                model.remove_parametrizations("bn.running_mean");
        },
        ["a scope"] = model =>
        {
            using var _ = parametrize.cached(model);
        },
        ["read"] = model =>
        {
            if (model.is_parametrized("bn.running_mean"))
                model.parametrization("bn.running_mean").Value.Dispose();
        },
        ["throw and catch"] = _ =>
        {
            try
            {
                throw new InvalidOperationException("caught");
            }
            catch (InvalidOperationException) { }
        },
        ["throw"] = _ => throw new InvalidOperationException("out of the pass"),
    };

    public static TheoryData<string, string> InNorms
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var act in ActsOnNorms.Keys)
            foreach (var scope in (string[])["none", "cached", "cached model"])
                data.Add(act, scope);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(InNorms))]
    public void Statistics_and_fields_of_a_pass_in_which_more_happens(string act, string scope)
    {
        var (model, plain) = (new Norms(), new Norms());
        model.register_parametrization("bn.running_mean", Twice).register_parametrization("avg", Twice);
        using (Open(scope, model, model.bn))
            for (var pass = 0; pass < 3; pass++)
            {
                foreach (var norms in (Norms[])[plain, model])
                {
                    norms.Act = ActsOnNorms[act];
                    try
                    {
                        norms.call(X + pass).Dispose();
                    }
                    catch (InvalidOperationException) when (act == "throw") { }
                }
                if (act != "throw")
                    Near.Same(plain.Avg, model.parametrization("avg").Original * 2);
            }
        Near.Same(plain.Avg, model.parametrization("avg").Value);
        using var mean = model.is_parametrized("bn.running_mean")
            ? model.parametrization("bn.running_mean").Value
            : model.bn.state_dict()["running_mean"].clone();
        Near.Same(plain.bn.state_dict()["running_mean"], mean);
    }

    [Theory]
    [MemberData(nameof(Scopes))]
    public void The_value_of_a_pass_that_catches_an_exception(string scope)
    {
        var model = new Acting(Twice);
        using (Open(scope, model, model.l))
        {
            model.Act = acting =>
            {
                ActsOnNorms["throw and catch"](null!);
                acting.l.call(X).Dispose();
                acting.parametrization("l.weight").Value = eye(4);
            };
            Near.Same(X, model.call(X));
            Near.Same(X, model.call(X));
        }
        Assert.ThrowsAny<Exception>(() => model.l.forward(X));
    }

    [Fact]
    public void A_field_that_was_replaced_before_it_was_registered()
    {
        var (model, plain) = (new Averaging(isBuffer: false), new Averaging(isBuffer: false));
        model.call(X).Dispose();
        plain.call(X).Dispose();
        model.register_parametrization("avg", Twice);
        Near.Same(plain.Avg, model.parametrization("avg").Value);
        model.parametrization("avg").Value = ones(4) * 3;
        Near.Same(X - (1.5 + X.mean([0]) * 0.5), model.call(X));
    }

    [Fact]
    public void What_was_written_after_the_statistics_is_later()
    {
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Twice);
        using (parametrize.cached(norm))
        {
            norm.forward(X + 10).Dispose();
            using (no_grad())
                norm.parametrization("running_mean").Original.fill_(2);
            Near.Same(ones(4) * 4, norm.parametrization("running_mean").Value);
        }
    }

    [Fact]
    public void Scopes_end_also_for_models_that_are_garbage()
    {
        MakeAndCall();
        using (parametrize.cached())
            Collect();
        using var scope = parametrize.cached();
        MakeAndCall();
        Collect();

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void MakeAndCall() =>
            nn.BatchNorm1d(4).register_parametrization("running_mean", Twice).call(X).Dispose();

        static void Collect()
        {
            for (var time = 0; time < 3; time++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }

    [Fact]
    public void A_scope_of_a_model_shows_values_in_other_scopes_too()
    {
        var model = new Acting(Twice);
        using var expected = model.call(X);
        using (parametrize.cached())
        using (parametrize.cached(model))
        {
            model.eval();
            Near.Same(expected, model.forward(X));
        }
        var first = parametrize.cached();
        model.call(X).Dispose();
        using (parametrize.cached(model))
        {
            first.Dispose();
            Near.Same(expected, model.forward(X));
        }
        Assert.ThrowsAny<Exception>(() => model.forward(X));
    }

    [Fact]
    public void A_graph_of_native_memory_when_the_mode_changes()
    {
        using var module = nn.LSTM(4, 4).register_parametrization("weight_hh_l0", Twice);
        using (parametrize.cached(module))
        {
            using var loss = module.call(X.unsqueeze(1)).Item1.sum();
            module.eval();
            loss.backward();
        }
    }

    [Theory]
    [MemberData(nameof(Scopes))]
    public void What_a_pass_writes_in_place_is_of_that_pass(string scope)
    {
        var model = new Acting(Parametrizations.Orthogonal());
        using var before = model.call(X);
        using (Open(scope, model, model.l))
        {
            model.Act = acting =>
            {
                using var _ = no_grad();
                acting.l.weight.fill_(7);
            };
            Near.Same(X.sum([1], keepdim: true).expand(5, 4) * 7, model.call(X));
            model.Act = _ => { };
            Near.Orthogonal(model.parametrization("l.weight").Value);
            Near.Same(before, model.call(X));
        }
    }

    public static TheoryData<string, string> InPasses
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var act in Acts.Keys)
            foreach (var scope in (string[])["none", "cached", "cached model", "cached child"])
                data.Add(act, scope);
            return data;
        }
    }

    private static readonly Dictionary<string, Action<Acting>> Acts = new()
    {
        ["assign a value"] = model => model.parametrization("l.weight").Value = eye(4),
        ["assign to the field"] = model =>
        {
            model.l.weight = new Parameter(eye(4));
            Near.Same(X, model.l.call(X));
        },
        ["move bases"] = model => model.update_bases(),
        ["refresh"] = model => model.parametrization("l.weight").Refresh(),
        ["register again"] = model => model.register_parametrization("l.weight", Parametrizations.Identity),
        ["a scope for the child"] = model =>
        {
            using var _ = parametrize.cached(model.l);
        },
        ["a scope for the model"] = model =>
        {
            using var _ = parametrize.cached(model);
        },
        ["a value in a scope"] = model =>
        {
            using var _ = parametrize.cached();
            model.parametrization("l.weight").Value.Dispose();
        },
        ["load"] = model => model.load_parametrized_state_dict(model.state_dict()),
        ["eval and train"] = model => model.train(false),
        ["move"] = model => ((nn.Module)model).to(float64).to(float32),
        ["remove"] = model =>
        {
            if (model.is_parametrized("l.weight"))
                model.remove_parametrizations("l.weight");
        },
    };

    [Theory]
    [MemberData(nameof(InPasses))]
    public void A_pass_goes_on_after(string act, string scope)
    {
        var model = new Acting(Parametrizations.Orthogonal());
        using var original = model.parametrization("l.weight").Value.detach();
        using var expected = act.StartsWith("assign") ? X.clone() : X.matmul(original.T);
        using (Open(scope, model, model.l))
        {
            model.Act = Acts[act];
            Near.Same(expected, model.call(X));
            model.Act = _ => { };
            Near.Same(expected, model.call(X));
        }
        Near.Same(expected, model.call(X));
        Assert.Equal(
            act == "remove" ? "l.weight" : "l.parametrizations.weight.original",
            model.state_dict().Keys.First()
        );
        model.call(X).sum().backward();
        Assert.NotNull(model.parameters().First().grad);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tensor_that_was_registered_on_the_child_and_again_through_the_model(bool inScope)
    {
        var child = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Twice);
        var model = new Acting(child);
        using var expected = child.call(X);
        model.register_parametrization("l.weight", Parametrizations.Identity);
        using (inScope ? parametrize.cached() : null)
            Near.Same(expected, model.call(X));
        model.remove_parametrizations("l.weight");
        Near.Same(expected, model.call(X));
    }

    [Fact]
    public void The_end_of_the_scope_around_a_pass()
    {
        var model = new Acting(Twice);
        using var expected = model.call(X);
        var scope = parametrize.cached();
        model.Act = _ => scope.Dispose();
        Near.Same(expected, model.call(X));
        Near.Same(expected, model.call(X));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_graph_has_of_native_memory(bool attention)
    {
        if (attention)
        {
            using var module = nn.MultiheadAttention(4, 2).register_parametrization("in_proj_weight", Twice);
            using var loss = module.call(X.unsqueeze(1), X.unsqueeze(1), X.unsqueeze(1)).Item1.sum();
            using (parametrize.cached()) { }
            loss.backward();
        }
        else
        {
            using var module = nn.LSTM(4, 4).register_parametrization("weight_hh_l0", Twice);
            using var loss = module.call(X.unsqueeze(1)).Item1.sum();
            using (parametrize.cached()) { }
            loss.backward();
        }
    }

    [Fact]
    public void Scopes_that_end_in_the_order_of_their_beginning_are_let_go()
    {
        var references = Chain(100);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.InRange(references.Count(reference => reference.IsAlive), 0, 3);

        static List<WeakReference> Chain(int length)
        {
            var references = new List<WeakReference>();
            var previous = parametrize.cached();
            for (var index = 0; index < length; index++)
            {
                var next = parametrize.cached();
                previous.Dispose();
                references.Add(new(previous));
                previous = next;
            }
            previous.Dispose();
            return references;
        }
    }
}
