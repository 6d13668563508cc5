using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.RootCalls;

/// <summary>
/// Models in the style of public TorchSharp code, which runs children by `forward`. With the identity on every weight and the
/// root run by `call`, ten steps of an optimizer give the tensors of the plain twin, bit for bit.
/// </summary>
public class RealModelsAsTheyStand
{
    private static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Make, long[] Input)> Models = new()
    {
        ["convolutional net"] = (() => new ConvolutionalNet(), [4, 1, 12, 12]),
        ["transformer"] = (() => new SmallTransformer(), [2, 6]),
        ["recurrent policy"] = (() => new RecurrentPolicy(), [3, 5, 4]),
        ["U-Net"] = (() => new UNet(), [2, 1, 8, 8]),
    };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var model in Models.Keys)
            {
                cases.Add(model, true);
                cases.Add(model, false);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Train_as_their_plain_twins(string name, bool isAdam)
    {
        var (make, shape) = Models[name];
        var (plain, model) = (make(), make());
        model.load_state_dict(plain.state_dict());
        var names = model.register_parametrizations(
            (_, module) => module is Linear or Convolution or Embedding,
            "weight",
            Parametrizations.Identity
        );
        foreach (var weight in Recurrent(model).ToList())
            model.register_parametrization(weight, Parametrizations.Identity);
        Assert.True(names.Count >= 2);

        using var theirs = Optimizer(plain, isAdam);
        using var ours = Optimizer(model, isAdam);
        for (var step = 0; step < 10; step++)
        {
            using var _ = NewDisposeScope();
            var input = name is "transformer" ? randint(10, shape) : randn(shape);
            Near.Identical(Step(plain, theirs, input), Step(model, ours, input));
        }
        var baked = model.baked_state_dict();
        foreach (var (key, tensor) in plain.state_dict())
            Near.Identical(tensor, baked[key]);
    }

    private static IEnumerable<string> Recurrent(nn.Module model) =>
        from child in model.named_children()
        where child.module is LSTM
        from parameter in child.module.named_parameters()
        select $"{child.name}.{parameter.name}";

    private static optim.Optimizer Optimizer(nn.Module model, bool isAdam) =>
        isAdam ? optim.Adam(model.parameters(), 0.01) : optim.SGD(model.parameters(), 0.05, momentum: 0.9);

    private static Tensor Step(nn.Module<Tensor, Tensor> model, optim.Optimizer optimizer, Tensor input)
    {
        optimizer.zero_grad();
        var loss = model.call(input).pow(2).mean();
        loss.backward();
        optimizer.step();
        return loss.detach();
    }

    private sealed class ConvolutionalNet : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1 = nn.Conv2d(1, 4, 3, padding: 1);
        private readonly BatchNorm2d bn1 = nn.BatchNorm2d(4);
        private readonly Conv2d conv2 = nn.Conv2d(4, 8, 3, padding: 1);
        private readonly BatchNorm2d bn2 = nn.BatchNorm2d(8);
        private readonly MaxPool2d pool = nn.MaxPool2d(2);
        private readonly Linear fc1 = nn.Linear(8 * 3 * 3, 16);
        private readonly Linear fc2 = nn.Linear(16, 10);

        public ConvolutionalNet()
            : base(nameof(ConvolutionalNet)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var _ = NewDisposeScope();
            var x = pool.forward(nn.functional.relu(bn1.forward(conv1.forward(input))));
            x = pool.forward(nn.functional.relu(bn2.forward(conv2.forward(x))));
            x = nn.functional.relu(fc1.forward(x.flatten(1)));
            return nn.functional.log_softmax(fc2.forward(x), 1).MoveToOuterDisposeScope();
        }
    }

    private sealed class Attention : nn.Module<Tensor, Tensor>
    {
        private readonly Linear c_attn = nn.Linear(8, 24);
        private readonly Linear c_proj = nn.Linear(8, 8);

        public Attention()
            : base(nameof(Attention)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var parts = c_attn.forward(input).chunk(3, -1);
            var (q, k, v) = (Heads(parts[0]), Heads(parts[1]), Heads(parts[2]));
            var scores = q.matmul(k.transpose(-2, -1)) / Math.Sqrt(4);
            var mask = ones(input.shape[1], input.shape[1]).triu(1).to(ScalarType.Bool);
            var mixed = scores.masked_fill(mask, double.NegativeInfinity).softmax(-1).matmul(v);
            return c_proj.forward(mixed.transpose(1, 2).contiguous().view(input.shape));
        }

        private static Tensor Heads(Tensor tensor) =>
            tensor.view(tensor.shape[0], tensor.shape[1], 2, 4).transpose(1, 2);
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm ln_1 = nn.LayerNorm([8]);
        private readonly Attention attn = new();
        private readonly LayerNorm ln_2 = nn.LayerNorm([8]);
        private readonly nn.Module<Tensor, Tensor> mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8));

        public Block()
            : base(nameof(Block)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var x = input + attn.forward(ln_1.forward(input));
            return x + mlp.forward(ln_2.forward(x));
        }
    }

    private sealed class SmallTransformer : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding wte = nn.Embedding(10, 8);
        private readonly Embedding wpe = nn.Embedding(6, 8);
        private readonly ModuleList<Block> h = new(new Block(), new Block());
        private readonly LayerNorm ln_f = nn.LayerNorm([8]);
        private readonly Linear lm_head = nn.Linear(8, 10, hasBias: false);

        public SmallTransformer()
            : base(nameof(SmallTransformer)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var x = wte.forward(input) + wpe.forward(arange(input.shape[1]));
            foreach (var block in h)
                x = block.forward(x);
            return lm_head.forward(ln_f.forward(x));
        }
    }

    private sealed class RecurrentPolicy : nn.Module<Tensor, Tensor>
    {
        private readonly Linear encoder = nn.Linear(4, 8);
        private readonly LSTM lstm = nn.LSTM(8, 8, batchFirst: true);
        private readonly Linear actor = nn.Linear(8, 3);
        private readonly Linear critic = nn.Linear(8, 1);

        public RecurrentPolicy()
            : base(nameof(RecurrentPolicy)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var (hidden, _, _) = lstm.forward(encoder.forward(input).tanh());
            return cat([actor.forward(hidden).softmax(-1), critic.forward(hidden)], -1);
        }
    }

    private sealed class DoubleConv : nn.Module<Tensor, Tensor>
    {
        private readonly Sequential layers;

        public DoubleConv(long from, long to)
            : base(nameof(DoubleConv))
        {
            layers = nn.Sequential(
                nn.Conv2d(from, to, 3, padding: 1, bias: false),
                nn.BatchNorm2d(to),
                nn.ReLU(),
                nn.Conv2d(to, to, 3, padding: 1, bias: false),
                nn.BatchNorm2d(to),
                nn.ReLU()
            );
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => layers.forward(input);
    }

    private sealed class UNet : nn.Module<Tensor, Tensor>
    {
        private readonly DoubleConv down = new(1, 4);
        private readonly DoubleConv bottom = new(4, 8);
        private readonly ConvTranspose2d up = nn.ConvTranspose2d(8, 4, 2, stride: 2);
        private readonly DoubleConv merge = new(8, 4);
        private readonly Conv2d last = nn.Conv2d(4, 1, 1);

        public UNet()
            : base(nameof(UNet)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var side = down.forward(input);
            var deep = bottom.forward(nn.functional.max_pool2d(side, 2));
            return last.forward(merge.forward(cat([side, up.forward(deep)], 1)));
        }
    }
}
