using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <content>A model's parametrizations in TensorBoard.</content>
public static partial class parametrize
{
    /// <summary>
    /// Writes the figures of a report for TensorBoard, under the names of its tensors, such as `hidden.weight/distance`: the scalars
    /// `distance`, `trained`, and where they are known `dimension`, `saturated`, `largest_singular_value` and
    /// `smallest_singular_value`; and `singular_values`, a histogram.
    /// </summary>
    /// <param name="writer">`torch.utils.tensorboard.SummaryWriter(folder)`. It writes at once.</param>
    /// <param name="report">Made with `spectraUpTo`, it has singular values.</param>
    /// <param name="global_step">The step of the training to which the figures belong.</param>
    /// <param name="walltime">Seconds since 1970, where it is not now.</param>
    public static void add_report(
        this SummaryWriter writer,
        ParametrizationReport report,
        int global_step,
        long? walltime = null
    )
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(report);
        foreach (var row in report)
        {
            foreach (var (figure, value) in row.Figures)
                writer.add_scalar(Tag(figure), (float)value, global_step, walltime);
            if (row.SingularValues is not { } values)
                continue;
            using var scope = NewDisposeScope();
            writer.add_histogram(Tag("singular_values"), tensor(values.ToArray()), global_step, walltime: walltime);

            string Tag(string figure) => row.Name.Length == 0 ? figure : $"{row.Name}/{figure}";
        }
    }
}
