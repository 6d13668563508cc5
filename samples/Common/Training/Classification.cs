using Samples.Data;
using static TorchSharp.torch;

namespace Samples.Training;

/// <summary>Steps and measures of classifiers.</summary>
public static class Classification
{
    /// <summary>Learns from each image once, in minibatches.</summary>
    /// <param name="model">Image by pixel to image by class.</param>
    /// <param name="optimizer">Of the model's parameters.</param>
    /// <param name="images">What there is to learn.</param>
    /// <param name="batchSize">How many images a step has.</param>
    /// <param name="random">Draws the minibatches.</param>
    /// <param name="criterion">The loss of outputs and labels; null for the cross entropy.</param>
    /// <returns>The mean loss, and the number of steps.</returns>
    public static (double Loss, int Steps) Epoch(
        nn.Module<Tensor, Tensor> model,
        optim.Optimizer optimizer,
        LabelledImages images,
        int batchSize,
        Random random,
        Func<Tensor, Tensor, Tensor>? criterion = null
    )
    {
        criterion ??= (outputs, labels) => nn.functional.cross_entropy(outputs, labels);
        var (sum, steps) = (0.0, 0);
        foreach (var batch in images.Batches(batchSize, random))
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = criterion(model.call(batch.Pixels), batch.Labels);
            loss.backward();
            optimizer.step();
            sum += loss.item<float>() * batch.Count / images.Count;
            steps++;
        }
        return (sum, steps);
    }

    /// <summary>The share of images that are recognised.</summary>
    public static double Accuracy(nn.Module<Tensor, Tensor> model, LabelledImages images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var recognised = model.call(images.Pixels).argmax(1).eq(images.Labels);
        return recognised.mean([0], type: ScalarType.Float64).item<double>();
    }
}
