using Flows.Report;
using Parametrize.Flows;
using static TorchSharp.torch;

namespace Flows.Data;

/// <summary>Points of the plane, and a flow of spline couplings.</summary>
/// <param name="Points">Draws that many points.</param>
/// <param name="Reach">They are between this and its negative.</param>
public sealed record Plane(
    string Name,
    string FileName,
    Func<int, Generator, Tensor> Points,
    double Reach,
    double Goal,
    string Known
) : Problem(Name, FileName, "nats", 1, Goal, Known)
{
    private const int TrainCount = 8000;
    private const int TestCount = 20_000;
    private const int Couplings = 6;
    private const int Hidden = 64;

    public override int Steps => 1000;

    public override int BatchSize => 512;

    public override double LearningRate => 3e-3;

    public override (Tensor Train, Tensor Test) Load(int seed)
    {
        using var generator = new Generator((ulong)seed);
        return (Points(TrainCount, generator), Points(TestCount, generator));
    }

    public override Flow NewFlow()
    {
        FlowLayer layers = new ActNorm(2);
        for (var index = 0; index < Couplings; index++)
            layers >>= new Coupling(
                new SplineMap(),
                index % 2 == 0 ? Masks.Even(2) : Masks.Odd(2),
                Networks.Mlp(Hidden, Hidden)
            );
        return new(layers, 2);
    }

    public override void Draw(Flow flow, string path) => PlanePicture.Save(flow, this, path);
}
