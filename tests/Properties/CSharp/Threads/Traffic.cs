using System.Runtime.InteropServices;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Faults;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Threads;

/// <summary>Threads that go on calling one module, and what another does meanwhile; in a process of their own.</summary>
internal static class Traffic
{
    private const int Readers = 3;

    private static readonly string[] Kinds =
    [
        "Linear",
        "Own",
        "Joint",
        "Shared",
        "RNNCell",
        "LSTM",
        "Shared LSTM",
        "Encoder",
    ];

    public static readonly Dictionary<string, Action> Scenarios = new()
    {
        ["a scope for each call"] = () => ForEachKind(subject => Calls(subject, isScoped: true)),
        ["no scope"] = () => ForEachKind(subject => Calls(subject, isScoped: false)),
        ["writing in one scope"] = () => ForEachKind(WritingInOneScope),
        ["writing beside passes inside passes"] = WritingBesidePassesInsidePasses,
        ["buffers that passes inside passes write"] = BuffersThatPassesWrite,
        ["a pass that writes in its middle"] = WritingInsideAPass,
        ["buffers of one module registered on two"] = BuffersRegisteredOnTwo,
        ["assigning to a field"] = () => AssigningToAField(isScoped: false),
        ["assigning to a field in one scope"] = () => AssigningToAField(isScoped: true),
        ["assigning to a field twice"] = () => AssigningToAField(isScoped: false, isTwice: true),
        ["assigning to a field twice in one scope"] = () => AssigningToAField(isScoped: true, isTwice: true),
        ["assigning to an embedding"] = AssigningToAnEmbedding,
        ["states beside setters"] = StatesBesideSetters,
        ["alike tensors renewed in one scope"] = AlikeTensorsRenewed,
        ["exceptions caught inside passes"] = ExceptionsInsidePasses,
        ["averages of one part by another"] = AveragesInsideOneModel,
        ["scopes beside removing"] = ScopesBesideRemoving,
        ["scopes beside freezing"] = ScopesBesideFreezing,
        ["pruning globally"] = PruningGlobally,
        ["reading what learns inside passes"] = ReadingInsidePasses,
        ["moving in one scope"] = MovingInOneScope,
        ["bases and modes in one scope"] = BasesInOneScope,
        ["ending scopes"] = () => ForEachKind(EndingScopes),
        ["removing"] = () => ForEachKind(Removing),
        ["registering on one module"] = RegisteringOnOneModule,
        ["registering on children of one model"] = RegisteringOnChildren,
        ["sixteen threads"] = SixteenThreads.Run,
    };

    private static void ForEachKind(Action<FaultSubject> action)
    {
        foreach (var kind in Kinds)
        {
            Console.WriteLine(kind);
            action(FaultSubject.Of(kind, new Doubling().Value));
        }
    }

    private static void Calls(FaultSubject subject, bool isScoped)
    {
        var expected = Output(subject);
        Run(
            250,
            () => Thread.Sleep(10),
            () =>
            {
                using var scope = isScoped ? parametrize.cached(subject.Module) : null;
                Expect(subject, expected);
            }
        );
    }

    private static void WritingInOneScope(FaultSubject subject)
    {
        var tensor = subject.Tensor;
        var values = new[] { 1.0, 0.5 }.Select(factor => Times(tensor.Value, factor)).ToArray();
        var outputs = new Tensor[values.Length];
        var states = new Dictionary<string, Tensor>[values.Length];
        for (var turn = values.Length - 1; turn >= 0; turn--)
        {
            tensor.Value = values[turn];
            outputs[turn] = Output(subject);
            states[turn] = subject.Module.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        }
        Action<int>[] writes =
        [
            turn => tensor.Value = values[turn],
            turn => subject.Module.load_state_dict(states[turn]),
            turn => subject.Module.load_parametrized_state_dict(states[turn]),
            turn =>
            {
                using var _ = no_grad();
                tensor.parameters().Single().copy_(values[turn] / 2);
            },
            turn =>
            {
                if (subject.Module is Linear linear && subject.Name == "weight")
                    linear.weight = nn.Parameter(values[turn].clone());
                else
                    tensor.Value = values[turn];
            },
        ];
        using var scope = parametrize.cached();
        foreach (var write in writes)
        {
            var turn = 0;
            Run(
                100,
                () =>
                {
                    turn = 1 - turn;
                    write(turn);
                    Expect(subject, outputs[turn]); // Nothing is stale.
                },
                () => Read(subject, outputs)
            );
        }
    }

    /// <summary>A reader that looks while another replaces what is shown waits for nobody: others may wait for its pass.</summary>
    private static void WritingBesidePassesInsidePasses()
    {
        var model = new Repeating(nn.Linear(4, 4), "weight", new Doubling().Value);
        var part = model.Tensor.parameters().Single();
        using var scope = parametrize.cached();
        Run(1000, () => part.copy_(part), () => model.call(ones(1, 4)));
    }

    /// <summary>A norm in training writes into its buffers in each pass, which the value follows.</summary>
    private static void BuffersThatPassesWrite()
    {
        var model = new Repeating(nn.BatchNorm1d(4), "running_mean", Parametrizations.Bounded(-100, 100));
        using var scope = parametrize.cached();
        Run(1000, () => model.call(rand(3, 4)), () => model.call(rand(3, 4)));
        Assert.InRange(model.Tensor.Value.mean().item<float>(), 0.3, 0.7);
    }

    /// <summary>Others may call the module while a pass goes on with what it has written itself.</summary>
    private static void WritingInsideAPass()
    {
        var model = new Repeating(nn.Linear(4, 4, hasBias: false), "weight", Parametrizations.Symmetric);
        var tensor = model.Tensor;
        tensor.Value = ones(4, 4);
        model.Meanwhile = () => tensor.Value = ones(4, 4);
        using var scope = parametrize.cached();
        // Many passes inside, then the ends of many passes beside the beginnings of others.
        foreach (var times in new[] { 20, 2 })
        {
            model.Times = times;
            Run(800, () => model.call(ones(1, 4)), () => Near.Same(full(1, 4, 4f), model.Inner.call(ones(1, 4))));
        }
    }

    /// <summary>One tensor on the module, another through the model: passes enter them in different orders.</summary>
    private static void BuffersRegisteredOnTwo()
    {
        var inner = nn.BatchNorm1d(4);
        inner.register_parametrization("running_var", Parametrizations.Bounded(-100, 100));
        var model = new Repeating(inner, "running_mean", Parametrizations.Bounded(-100, 100));
        using var scope = parametrize.cached();
        var isOfModel = false;
        Run(
            1000,
            () => model.call(rand(3, 4)),
            () => ((isOfModel = !isOfModel) ? model : model.Inner).call(rand(3, 4))
        );
    }

    /// <summary>Each assignment counts at once for the thread that has assigned.</summary>
    private static void AssigningToAField(bool isScoped, bool isTwice = false)
    {
        var layer = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Parametrizations.Symmetric);
        var original = layer.parametrization("weight").parameters().Single();
        var (values, outputs) = (new[] { ones(4, 4), full(4, 4, 2f) }, new[] { full(1, 4, 4f), full(1, 4, 8f) });
        layer.weight = nn.Parameter(values[0].clone());
        using var scope = isScoped ? parametrize.cached() : null;
        var turn = 0;
        Run(
            1500,
            () =>
            {
                turn = 1 - turn;
                if (isTwice)
                    layer.weight = nn.Parameter(values[1 - turn].clone());
                layer.weight = nn.Parameter(values[turn].clone());
                using var output = layer.call(ones(1, 4));
                Near.Same(outputs[turn], output);
            },
            () =>
            {
                if (isScoped)
                    original.copy_(original); // The next pass computes again.
                using var output = layer.call(ones(1, 4));
                if (!outputs.Any(known => Near.Distance(known, output) < 1e-4))
                    throw new InvalidOperationException("It is no value that was current.");
            }
        );
    }

    /// <summary>By the parametrized tensor: TorchSharp's property writes into native memory, beside the passes that read it.</summary>
    private static void AssigningToAnEmbedding()
    {
        var layer = nn.Embedding(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        using var index = tensor(new[] { 1L });
        var number = 0;
        Run(
            1000,
            () =>
            {
                number = (number + 1) % 100;
                layer.parametrization("weight").Value = full(4, 4, (float)number);
                Near.Same(full(1, 4, (float)number), layer.call(index));
            },
            () => layer.call(index)
        );
    }

    private static void StatesBesideSetters()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        foreach (var isScoped in new[] { false, true })
        {
            using var scope = isScoped ? parametrize.cached(layer) : null;
            Run(
                1000,
                () =>
                {
                    layer.weight = nn.Parameter(ones(4, 4));
                    layer.call(ones(1, 4));
                    layer.parametrization("weight").Value = ones(4, 4);
                    layer.call(ones(1, 4));
                },
                () => layer.state_dict()
            );
        }
    }

    private static void AlikeTensorsRenewed()
    {
        var model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4));
        model.register_parametrizations<Linear>("weight", Parametrizations.Symmetric);
        var originals = model.parameters().ToList();
        using var scope = parametrize.cached();
        Run(1500, () => originals.ForEach(original => original.copy_(original)), () => model.call(ones(1, 4)));
    }

    /// <summary>They end no pass, though each is suspect from then on.</summary>
    private static void ExceptionsInsidePasses()
    {
        var model = new Catching();
        Run(1000, () => model.call(ones(1, 4)), () => model.call(ones(1, 4)));
    }

    private static void AveragesInsideOneModel()
    {
        var (part, other) = (nn.Linear(4, 4), nn.Linear(4, 4));
        var model = nn.Sequential(part, other);
        foreach (var index in new[] { 0, 1 })
            model.register_parametrization($"{index}.weight", Parametrizations.Symmetric);
        var average = new AveragedModel<Linear>(other, decay: 0.9);
        Run(1000, () => average.update_parameters(part), () => model.call(ones(1, 4)));
    }

    private static void ScopesBesideRemoving()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        var mask = Parametrizations.PrunedBy(tensor(new[] { true, false, true, true }));
        Run(
            1500,
            () =>
            {
                layer.register_parametrization("bias", mask);
                layer.remove_parametrizations("bias");
            },
            () =>
            {
                using var scope = parametrize.cached(layer);
                layer.call(ones(1, 4));
            }
        );
    }

    private static void ScopesBesideFreezing()
    {
        var layer = nn.Linear(4, 4).weight_norm();
        Run(
            3000,
            () =>
            {
                foreach (var parameter in layer.parameters())
                    parameter.requires_grad = !parameter.requires_grad;
                Thread.Sleep(1);
            },
            () =>
            {
                using var scope = parametrize.cached(layer);
                layer.call(ones(1, 4));
            }
        );
    }

    /// <summary>Two threads that prune the same tensors halve them twice.</summary>
    private static void PruningGlobally()
    {
        for (var round = 0; round < 200; round++)
        {
            var (first, second) = (nn.Linear(8, 8), nn.Linear(8, 8));
            (nn.Module, string)[] both = [(first, "weight"), (second, "weight")];
            AtOnce(_ => prune.global_unstructured(both, Pruning.NewL1(Amount.NewShare(0.5))), "first", "second");
            var left = both.Sum(pair => pair.Item1.parametrization("weight").Value.count_nonzero().item<long>());
            if (left != 32)
                throw new InvalidOperationException($"{left} of 128 entries were left, not 32.");
        }
    }

    private static void ReadingInsidePasses()
    {
        var model = new Repeating(nn.Linear(4, 4), "weight", Parametrizations.SpectralNorm());
        Run(
            1000,
            () =>
            {
                using var scope = parametrize.cached(model);
                model.call(ones(1, 4));
            },
            () => model.call(ones(1, 4))
        );
    }

    /// <summary>Its pass catches an exception, and then goes on with its children by `call` and by `forward`.</summary>
    private sealed class Catching : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first = nn.Linear(4, 4);
        private readonly Linear second = nn.Linear(4, 4);

        public Catching()
            : base(nameof(Catching))
        {
            RegisterComponents();
            foreach (var name in new[] { "first.weight", "second.weight" })
                this.register_parametrization(name, Parametrizations.Symmetric);
        }

        public override Tensor forward(Tensor input)
        {
            try
            {
                throw new InvalidOperationException("It is caught.");
            }
            catch (InvalidOperationException) { }
            return second.forward(first.call(input));
        }
    }

    /// <summary>Its pass has many of a module inside, and reads what is parametrized there.</summary>
    private sealed class Repeating : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> inner;

        public Repeating(nn.Module<Tensor, Tensor> inner, string name, Parametrization value)
            : base(nameof(Repeating))
        {
            this.inner = inner;
            RegisterComponents();
            this.register_parametrization($"{nameof(inner)}.{name}", value);
            Tensor = inner.parametrization(name);
        }

        public ParametrizedTensor Tensor { get; }

        public nn.Module<Tensor, Tensor> Inner => inner;

        public Action? Meanwhile { get; set; }

        /// <summary>How often a pass calls the inner module.</summary>
        public int Times { get; set; } = 20;

        public override Tensor forward(Tensor input)
        {
            for (var time = 1; time < Times; time++)
            {
                inner.call(input);
                _ = Tensor.Value;
                Meanwhile?.Invoke();
            }
            return inner.call(input);
        }
    }

    /// <summary>Of modules that share a tensor each has a pass of its own, between which it may have been written to.</summary>
    private static void Read(FaultSubject subject, Tensor[] outputs)
    {
        if (subject.Module.modules().Prepend(subject.Module).Distinct().Count(module => module.is_parametrized()) == 1)
            Expect(subject, outputs);
        else
            Output(subject).Dispose();
    }

    private static void RegisteringOnOneModule()
    {
        for (var round = 0; round < 300; round++)
        {
            using var module = nn.Linear(4, 4);
            var keys = module.state_dict().Keys.ToList();
            using var expected = module.call(ones(1, 4)).detach();
            AtOnce(name => module.register_parametrization(name, new Doubling().Value), "weight", "bias", "weight");
            Near.Same(expected, module.call(ones(1, 4)));
            Assert.Equal(2, module.parametrization("weight").Parametrization.Nodes.Count);
            Assert.Single(module.parametrization("bias").Parametrization.Nodes);
            AtOnce(name => module.remove_parametrizations(name), "weight", "bias");
            Near.Same(expected, module.call(ones(1, 4)));
            Assert.Equal(keys, module.state_dict().Keys);
        }
    }

    private static void RegisteringOnChildren()
    {
        var names = new[] { "0.weight", "0.bias", "1.weight", "2.weight", "2.bias" };
        for (var round = 0; round < 300; round++)
        {
            using var model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4));
            var keys = model.state_dict().Keys.ToList();
            using var expected = model.call(ones(1, 4)).detach();
            AtOnce(name => model.register_parametrization(name, new Doubling().Value), names);
            Near.Same(expected, model.call(ones(1, 4)));
            Assert.Equal(names.Order(), model.parametrizations().Select(entry => entry.name).Order());
            AtOnce(name => model.remove_parametrizations(name), names);
            Near.Same(expected, model.call(ones(1, 4)));
            Assert.Equal(keys, model.state_dict().Keys);
        }
    }

    private static void AtOnce(Action<string> act, params string[] names)
    {
        using var start = new Barrier(names.Length);
        Task.WaitAll([
            .. names.Select(name =>
                Task.Factory.StartNew(
                    () =>
                    {
                        start.SignalAndWait();
                        act(name);
                    },
                    TaskCreationOptions.LongRunning
                )
            ),
        ]);
    }

    private static void MovingInOneScope()
    {
        var module = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", new Doubling().Value);
        var expected = module.call(ones(1, 4)).detach();
        using var scope = parametrize.cached();
        Run(
            400,
            () =>
                module.to(
                    module.parametrization("weight").parameters().Single().dtype is ScalarType.Float32
                        ? ScalarType.Float64
                        : ScalarType.Float32
                ),
            () =>
            {
                try
                {
                    Near.Same(expected, module.call(ones(1, 4)));
                }
                catch (ExternalException)
                {
                    // The input is of the other element type.
                }
            }
        );
    }

    private static void BasesInOneScope()
    {
        var module = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Orthogonal());
        var tensor = module.parametrization("weight");
        var expected = module.call(ones(1, 4)).detach();
        using var scope = parametrize.cached();
        Action[] writes = [tensor.MoveBase, () => module.train(!module.training)];
        foreach (var write in writes)
            Run(200, write, () => Near.Same(expected, module.call(ones(1, 4)), 1e-2));
    }

    private static void EndingScopes(FaultSubject subject)
    {
        var expected = Output(subject);
        using var outer = parametrize.cached();
        var inner = parametrize.cached();
        Run(
            100,
            () =>
            {
                var former = inner;
                inner = parametrize.cached(subject.Module);
                former.Dispose();
            },
            () =>
            {
                using var scope = parametrize.cached();
                Expect(subject, expected);
            }
        );
        outer.Dispose();
        Expect(subject, expected);
    }

    private static void Removing(FaultSubject subject)
    {
        var expected = Output(subject);
        using var scope = parametrize.cached();
        var isRemoved = false;
        Run(
            100,
            () =>
            {
                if (!isRemoved)
                {
                    Thread.Sleep(30);
                    subject.Remove();
                }
                isRemoved = true;
            },
            () => Expect(subject, expected)
        );
    }

    private static void Run(int milliseconds, Action write, Action read)
    {
        var end = Environment.TickCount64 + milliseconds;
        void Repeat(Action action)
        {
            using var _ = no_grad();
            do
            {
                using var tensors = NewDisposeScope();
                action();
            } while (Environment.TickCount64 < end);
        }

        Exception? failure = null;
        var threads = Enumerable
            .Range(0, Readers + 1)
            .Select(index => new Thread(() =>
            {
                try
                {
                    Repeat(index == 0 ? write : read);
                }
                catch (Exception error)
                {
                    failure = error;
                }
            }))
            .ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        if (failure is not null)
            throw new InvalidOperationException("A thread has failed.", failure);
    }

    /// <summary>Without gradients: some builds of libtorch compute an LSTM otherwise with them.</summary>
    private static Tensor Output(FaultSubject subject)
    {
        using var _ = no_grad();
        return subject.Output().clone();
    }

    private static Tensor Times(Tensor tensor, double factor)
    {
        using var _ = no_grad();
        return tensor.mul(factor);
    }

    private static void Expect(FaultSubject subject, params Tensor[] expected)
    {
        using var output = Output(subject);
        if (!expected.Any(known => Near.Distance(known, output) < 1e-4))
            throw new InvalidOperationException("It is no value that was current.");
    }
}
