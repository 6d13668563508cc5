using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Threads;

/// <summary>
/// Sixteen threads call one layer in one scope, while another assigns, loads and steps an optimizer. The n-th weight has n in
/// all entries, so that each result tells by which weight it was computed: one that was current meanwhile.
/// </summary>
internal static class SixteenThreads
{
    private const int Readers = 16;
    private const int Size = 8;

    /// <summary>How long the threads run. Set `PARAMETRIZE_SECONDS` to 60 when you change the code for threads.</summary>
    private static readonly long Milliseconds =
        1000 * long.Parse(Environment.GetEnvironmentVariable("PARAMETRIZE_SECONDS") ?? "10");

    public static void Run()
    {
        var layer = nn.Linear(Size, Size, hasBias: false);
        layer.register_parametrization("weight", new Doubling().Value);
        var tensor = layer.parametrization("weight");
        using var optimizer = optim.SGD(layer.parameters(), 1.0);
        var (begun, done, passes) = (0L, 0L, 0L);
        tensor.Value = zeros(Size, Size);

        Action<long>[] writes =
        [
            number => tensor.Value = All(number),
            number => layer.weight = nn.Parameter(All(number)),
            number => layer.load_state_dict(State(number)),
            number => layer.load_parametrized_state_dict(State(number)),
            _ =>
            {
                tensor.Original.grad = All(-0.5);
                optimizer.step();
            },
        ];

        using var scope = parametrize.cached(layer);
        var end = Environment.TickCount64 + Milliseconds;
        Exception? failure = null;
        var threads = Enumerable.Range(0, Readers).Select(_ => Start(Read)).Append(Start(Write)).ToList();
        threads.ForEach(thread => thread.Join());
        if (failure is not null)
            throw new InvalidOperationException("A thread has failed.", failure);
        Console.WriteLine($"{passes} passes, {done} writes");
        if (done < 12 * Milliseconds / 1000)
            throw new InvalidOperationException("Writes wait for threads that wait for them.");

        void Read()
        {
            var from = Volatile.Read(ref done);
            using var input = ones(1, Size);
            var found = layer.call(input).data<float>().Select(sum => sum / Size).Distinct().ToArray();
            var to = Volatile.Read(ref begun);
            Interlocked.Increment(ref passes);
            if (found is not [var number] || number < from || number > to)
                throw new InvalidOperationException($"{string.Join(", ", found)} was found between {from} and {to}.");
        }

        void Write()
        {
            var number = Interlocked.Increment(ref begun);
            writes[number % writes.Length](number);
            Volatile.Write(ref done, number);
        }

        Thread Start(Action act)
        {
            var thread = new Thread(() =>
            {
                using var _ = no_grad();
                try
                {
                    while (Environment.TickCount64 < end && failure is null)
                    {
                        using var tensors = NewDisposeScope();
                        act();
                    }
                }
                catch (Exception error)
                {
                    Interlocked.CompareExchange(ref failure, error, null);
                }
            });
            thread.Start();
            return thread;
        }
    }

    private static Tensor All(double number) => full([Size, Size], number);

    private static Dictionary<string, Tensor> State(long number) =>
        new() { ["parametrizations.weight.original"] = All(number / 2.0) };
}
