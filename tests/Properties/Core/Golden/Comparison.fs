namespace Properties.Core.Golden

open TorchSharp

/// One thing of a case that was compared, and how far it is from the reference.
type Comparison =
    {
        What: string
        /// The largest difference, relative to entries larger than 1.
        Off: float
    }

/// What became of a case.
[<RequireQualifiedAccess>]
type Verdict =
    | Compared of Comparison list
    | Skipped of reason: string
    | Unreadable of reason: string

module Verdict =

    /// What went wrong, without libtorch's stack.
    let because (error: exn) : string = $"{error.GetType().Name}: {(error.Message.Split '\n')[0]}"

module Comparison =

    /// Rounding of another order of summation, with room for ill-conditioned maps.
    let allowed: float = 1e-9

    let agrees (comparison: Comparison) : bool = comparison.Off <= allowed

    /// Infinitely far where shapes differ or one side has a NaN alone.
    let between (what: string) (expected: torch.Tensor) (found: torch.Tensor) : Comparison =
        use _ = torch.no_grad ()
        use _scope = torch.NewDisposeScope()

        if expected.shape <> found.shape then
            let shown = Parametrize.Form.Shown

            {
                What = $"{what} (shape {shown found.shape}, expected {shown expected.shape})"
                Off = infinity
            }
        elif expected.numel () = 0L then
            { What = what; Off = 0.0 }
        else
            let bothNaN = expected.isnan().logical_and(found.isnan ())
            let scale = expected.abs().clamp_min(1.0.ToScalar())
            let distance = ((found - expected).abs() / scale).masked_fill(bothNaN, 0.0.ToScalar())
            let off = distance.max().item<double>()

            { What = what; Off = if System.Double.IsNaN off then infinity else off }

    /// A number that should be zero.
    let zero (what: string) (off: float) : Comparison =
        { What = what; Off = if System.Double.IsNaN off then infinity else off }

    /// Parts or a tensor that should exist and do not.
    let impossible (what: string) (reason: obj) : Comparison = { What = $"{what}: {reason}"; Off = infinity }
