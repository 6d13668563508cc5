using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>A model's parametrizations in numbers, as text, as a page and in TensorBoard.</content>
public static partial class parametrize
{
    /// <summary>
    /// For each parametrized tensor of a model: name, value, shape, element type, distance from its space, how many numbers are
    /// trained, and the dimension of the space; singular values if asked for. It computes each tensor once. As every reading does,
    /// it first takes pending changes: a move, a buffer that a pass has changed, and singular vectors that are stale in evaluation.
    /// </summary>
    /// <param name="spectraUpTo">
    /// Singular values are computed for tensors that take no more work than a square matrix of this size. The work is rows x
    /// columns x the smaller of the two, for each matrix of a batch. On one core a matrix of 1,024 x 1,024 takes 0.3 seconds, one
    /// of 2,048 x 2,048 takes 3 seconds. 0: for no tensor.
    /// </param>
    /// <returns>A list whose ToString is a table, and ToHtml a page.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public static ParametrizationReport parametrization_report(this nn.Module model, long spectraUpTo = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegative(spectraUpTo);
        return new(ModelTree.Tensors(model).Select(entry => new TensorReport(entry.Name, entry.Tensor, spectraUpTo)));
    }

    /// <summary>
    /// Writes the figures of a report for TensorBoard, under the names of its tensors, such as `hidden.weight/distance`: the scalars
    /// `distance`, `trained`, and where they are known `dimension`, `saturated`, `largest_singular_value` and
    /// `smallest_singular_value`; and `singular_values`, a histogram.
    /// </summary>
    /// <param name="writer">`torch.utils.tensorboard.SummaryWriter(folder)`. It writes at once.</param>
    /// <param name="report">Made with `spectraUpTo`, it has singular values.</param>
    /// <param name="global_step">The step of the training to which the figures belong.</param>
    /// <param name="walltime">The time in seconds since 1970. Default: now.</param>
    /// <exception cref="InvalidOperationException">
    /// The report has singular values, and TorchSharp's default device is not the CPU: there its writer cannot make histograms.
    /// </exception>
    public static void add_report(
        this SummaryWriter writer,
        ParametrizationReport report,
        int global_step,
        long? walltime = null
    )
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(report);
        if (
            get_default_device() is { type: not TorchSharp.DeviceType.CPU } device
            && report.Any(row => row.SingularValues is not null)
        )
            throw new InvalidOperationException(
                $"TorchSharp's writer makes histograms with the default device, which has to be the CPU and is {device}. Nothing was written. Call set_default_device(CPU) before, or leave spectraUpTo out of the report."
            );
        foreach (var row in report)
        {
            string Tag(string figure) => row.Name.Length == 0 ? figure : $"{row.Name}/{figure}";
            foreach (var (figure, value) in row.Figures)
                writer.add_scalar(Tag(figure), (float)value, global_step, walltime);
            if (row.SingularValues is not { } values)
                continue;
            using var scope = NewDisposeScope();
            writer.add_histogram(Tag("singular_values"), tensor(values.ToArray()), global_step, walltime: walltime);
        }
    }
}
