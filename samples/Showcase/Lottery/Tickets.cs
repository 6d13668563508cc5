using Parametrize;
using Parametrize.CSharp;
using Samples.Data;
using Samples.Training;
using Showcase.Experiments;
using Showcase.Nets;
using static TorchSharp.torch;

namespace Showcase.Lottery;

/// <summary>
/// Prunes a net step by step. After each step what is left goes back to its values early in training, and is trained again.
/// Source: Frankle, Dziugaite, Roy and Carbin, Linear mode connectivity and the lottery ticket hypothesis, 2020.
/// </summary>
internal sealed class Tickets(DigitsData data, Setting setting)
{
    private const int Hidden = 100;
    private const double LearningRate = 2e-3;

    /// <summary>The accuracies of ever smaller tickets, from the whole net on.</summary>
    /// <param name="seed">Draws initial weights and minibatches.</param>
    /// <param name="rounds">How often the net is pruned.</param>
    /// <param name="criterion">Which entries go in a round, of those that are left.</param>
    /// <param name="report">Shows how far it is.</param>
    public IReadOnlyList<double> Run(int seed, int rounds, Func<int, Pruning> criterion, SideBySide.Report report)
    {
        using var scope = NewDisposeScope();
        using var net = SideBySide.Draw(seed, () => new DenseNet(Hidden));
        new Training(1, LearningRate, seed).Run(net, data.Train);

        // Pruning keeps these objects: they are then what lies under the masks.
        var parameters = net.parameters().ToList();
        var early = parameters.Select(parameter => parameter.detach().clone()).ToList();
        var accuracies = new List<double>();
        for (var round = 0; round <= rounds; round++)
        {
            if (round > 0)
                prune.global_unstructured(DenseNet.Weights.Select(name => ((nn.Module)net, name)), criterion(round));
            Rewind(parameters, early);
            new Training(setting.Choose(20, 1), LearningRate, seed).Run(net, data.Train);
            accuracies.Add(Classification.Accuracy(net, data.Test));
            report(round + 1, rounds + 1, $"accuracy {accuracies[^1]:0.0%}");
        }
        return accuracies;
    }

    private static void Rewind(IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> early)
    {
        using var _ = no_grad();
        foreach (var (parameter, value) in parameters.Zip(early))
            parameter.copy_(value);
    }
}
