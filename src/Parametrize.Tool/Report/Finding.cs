using Parametrize.CSharp;
using Parametrize.Tool.Files;
using static TorchSharp.torch;

namespace Parametrize.Tool.Report;

/// <summary>What there is to find out about a tensor of a file.</summary>
internal sealed record Finding
{
    /// <summary>By how much the norm of a training layer may be off: its singular vectors follow within some steps.</summary>
    private const double MostBehind = 0.05;

    public Finding(SavedTensor tensor)
    {
        (Name, Code, Problem) = (tensor.Name, tensor.Code, Problems.Of(tensor));
        Keys = [.. tensor.Pieces.Keys];
        if (tensor.Parametrized is { } parametrized)
        {
            Report = parametrized.parametrization_report()[0];
            (Shape, Dtype) = (Report.Shape, Report.Dtype);
            NotFinite = Report.Violation is ParametrizationError.NotFinite numbers ? numbers.count : 0;
            IsBehind =
                Report.Violation is ParametrizationError.NotAllowed { violation.Size: <= MostBehind }
                && IsInsideWhenRefreshed(parametrized);
        }
        else if (Problem is null)
        {
            var plain = tensor.Pieces[Name];
            (Shape, Dtype, NotFinite) = (plain.shape, plain.dtype, CountNotFinite(plain));
        }
    }

    public string Name { get; }

    public string? Code { get; }

    /// <summary>Of the file.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>Whether it is computed from others, or should be.</summary>
    public bool IsParametrized => Code is not null || Problem is not null;

    /// <summary>Null where it cannot be computed.</summary>
    public IReadOnlyList<long>? Shape { get; }

    public ScalarType? Dtype { get; }

    /// <summary>How many numbers are NaN or infinite.</summary>
    public long NotFinite { get; }

    /// <summary>Why it cannot be computed.</summary>
    public string? Problem { get; }

    /// <summary>Null for what is not computed.</summary>
    private TensorReport? Report { get; }

    /// <summary>How far it is from its space; null where that is not known, or there is none.</summary>
    public double? Distance => Report is { } report && double.IsFinite(report.Distance) ? report.Distance : null;

    /// <summary>Whether the value cannot tell which tensors are in its space.</summary>
    public bool IsUntold => Report?.Violation is ParametrizationError.NoRightInverse;

    /// <summary>Whether it is outside only by as much as what it learns, a power iteration, was behind when it was saved.</summary>
    public bool IsBehind { get; }

    /// <summary>In words: `inside`, or what is wrong, or nothing.</summary>
    public string Membership =>
        Problem is not null ? "cannot be computed"
        : NotFinite > 0 ? $"{NotFinite} not finite"
        : IsUntold ? "not known"
        : Report?.DistanceShown ?? "";

    /// <summary>What is wrong with it, in a sentence; null if nothing is.</summary>
    public string? Fault =>
        Problem
        ?? (
            NotFinite > 0 ? $"{Name}: {NotFinite} of its numbers are NaN or infinite."
            : Report?.Violation is { } violation && !IsUntold && !IsBehind ? $"{Name}: {violation.Message}"
            : null
        );

    private static bool IsInsideWhenRefreshed(ParametrizedTensor parametrized)
    {
        parametrized.Refresh();
        return parametrized.parametrization_report()[0].Violation is null;
    }

    private static long CountNotFinite(Tensor value)
    {
        if (!value.is_floating_point() && !value.is_complex())
            return 0;
        using var scope = NewDisposeScope();
        return value.isfinite().logical_not().sum().item<long>();
    }
}
