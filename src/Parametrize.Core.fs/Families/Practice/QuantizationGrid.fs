namespace Parametrize

open System
open TorchSharp

/// Where the numbers of a grid lie.
[<RequireQualifiedAccess>]
type QuantizationScheme =
    /// `scale q` with q in `-(2^(bits - 1) - 1) .. 2^(bits - 1) - 1`.
    | Symmetric
    /// `scale (q - zeroPoint)` with q in `0 .. 2^bits - 1`, and 0 on the grid.
    | Affine

    member internal this.Code: Code =
        match this with
        | Symmetric -> Code.Symbol "QuantizationScheme.Symmetric"
        | Affine -> Code.Symbol "QuantizationScheme.Affine"

    /// As it is typed.
    override this.ToString() : string = FSharpText.ofCode this.Code

    member internal this.InWords: string =
        match this with
        | Symmetric -> "symmetric"
        | Affine -> "affine"

/// Grids of numbers with equal steps, zero among them: of a range, and of numbers that lie on one.
type internal QuantizationGrid(bits: int, scheme: QuantizationScheme) =

    let isSymmetric = (scheme = QuantizationScheme.Symmetric)

    /// How many steps there are between zero and the farthest number.
    let steps = if isSymmetric then (1L <<< (bits - 1)) - 1L else (1L <<< bits) - 1L

    let least, greatest = (if isSymmetric then -steps else 0L), steps

    /// What rounding of a number, of its scale and of where they are compared may do to it, as a share: half a unit each.
    let tolerance (epsilon: float) = 1.5 * epsilon + 7.0 * min epsilon (Form.epsilon torch.ScalarType.Float32)

    /// How many of the largest entries of a row are compared with every scale: they exclude most scales.
    let telling = 5L

    /// How many numbers are held at once.
    let room = 4_000_000L

    /// In the numbers of the caller's element type, and no smaller than the smallest normal one.
    let asNumber (epsilon: float) (dtype: torch.ScalarType) (scale: torch.Tensor) =
        (Entrywise.roundedTo epsilon (scale.``to`` dtype)).clamp_min((Entrywise.leastOf epsilon dtype).AsScalar())
        |> Tensors.inDouble

    let ends (rows: torch.Tensor) =
        let zero = 0.0.AsScalar()

        struct ((Tensors.inDouble (rows.amin ([| -1L |], keepdim = true))).clamp_max zero,
                (Tensors.inDouble (rows.amax ([| -1L |], keepdim = true))).clamp_min zero)

    /// How far the entries are from whole steps, in their own size; infinite where there are too many steps.
    let deviations (rows: torch.Tensor) (scale: torch.Tensor) =
        let nearest = (rows / scale).round() * scale
        (rows - nearest).abs() / (rows.abs () +. rows.eq (0.0.AsScalar()))

    let fits (rows: torch.Tensor) (scale: torch.Tensor) (epsilon: float) =
        let struct (low, high) = ends rows
        let count = (high / scale).round() - (low / scale).round()

        (deviations rows scale)
            .amax([| -1L |], keepdim = true)
            .le((tolerance epsilon).AsScalar())
            .logical_and(
                if isSymmetric then
                    count.ge (0.0.AsScalar())
                else
                    count.le ((float steps).AsScalar())
            )

    /// For some rows, the finest scale that fits each, and whether one does.
    let finest (rows: torch.Tensor) (epsilon: float) (dtype: torch.ScalarType) =
        let largest = rows.abs().amax([| -1L |], keepdim = true)

        let counts = Tensors.range 1L (steps + 1L) rows.dtype rows.device

        let scales = asNumber epsilon dtype (largest / counts)
        let struct (top, _) = rows.abs().topk(int (min telling (rows.size 1)), dim = 1)
        let top = deviations (top.unsqueeze 1L) (scales.unsqueeze -1L)
        let mutable left = top.amax([| -1L |]).le((tolerance epsilon).AsScalar())
        // Rows of zeros lie on every grid, so no scale is looked for.
        left <- left.logical_and (largest.gt (0.0.AsScalar()))
        let mutable found = torch.zeros_like largest
        let mutable goesOn = true

        // A sample of a long row is tested first, because it excludes most scales quickly.
        let stride = max 1L (rows.size 1 / 1000L)
        let some = rows.slice (1L, 0L, rows.size 1, stride)

        let isOnGrid (scale: torch.Tensor) =
            let isPerhaps = fits some scale epsilon

            if stride > 1L && isPerhaps.any().item<bool>() then
                fits rows scale epsilon
            else
                isPerhaps

        while goesOn do
            use scope = torch.NewDisposeScope()

            let inPlaceOf (before: torch.Tensor) (next: torch.Tensor) =
                before.Dispose()
                scope.MoveToOuter next

            // The largest number of steps that is left, 0 where none is.
            let count = (counts * left).amax([| -1L |], keepdim = true)
            let scale = asNumber epsilon dtype (largest / Norms.oneWhereZero count)
            let isFound = (isOnGrid scale).logical_and(count.gt (0.0.AsScalar()))
            found <- torch.where (isFound, scale, found) |> inPlaceOf found
            let isOver = isFound.logical_or (count.eq (0.0.AsScalar()))
            left <- left.logical_and(counts.ne count).logical_and(isOver.logical_not ()) |> inPlaceOf left
            goesOn <- left.any().item<bool>()

        found

    /// Rows of zeros get the largest scale of the other rows, or 1 if there is none.
    let orOthers (scale: torch.Tensor) =
        let inPlaceOf (other: torch.Tensor) (scale: torch.Tensor) =
            torch.where (scale.eq (0.0.AsScalar()), other, scale)

        let other = scale.amax [| 0L; 1L |]
        inPlaceOf (inPlaceOf (torch.ones_like other) other) scale

    let zeroPointOf (low: torch.Tensor) (scale: torch.Tensor) =
        if isSymmetric then
            torch.zeros_like scale
        else
            (-low / scale).round().clamp(0L.AsScalar(), steps.AsScalar())

    /// Scales and zero points of ranges, as torch's MinMaxObserver has them.
    let ofEnds (low: torch.Tensor) (high: torch.Tensor) (epsilon: float) (dtype: torch.ScalarType) =
        let count = (float steps).AsScalar()
        let span = if isSymmetric then (-low).maximum high / count else high / count - low / count
        let scale = asNumber epsilon dtype (orOthers span)
        struct (scale, zeroPointOf low scale)

    member _.Least: int64 = least
    member _.Greatest: int64 = greatest
    member _.Tolerance(epsilon: float) : float = tolerance epsilon

    /// Scales and zero points of the ranges of rows.
    member _.OfRange(rows: torch.Tensor, epsilon: float) : struct (torch.Tensor * torch.Tensor) =
        let struct (low, high) = ends rows
        ofEnds low high epsilon rows.dtype

    /// Scales and zero points of rows whose numbers have left the ranges of these ones, rounding aside: their ranges grow. Others
    /// stay as they are.
    member _.Grown
        (rows: torch.Tensor, scale: torch.Tensor, zeroPoint: torch.Tensor)
        : struct (torch.Tensor * torch.Tensor) =
        let struct (low, high) = ends rows
        let wide, zero = Tensors.inDouble scale, Tensors.inDouble zeroPoint

        let ownLow, ownHigh =
            ((float least).AsScalar() .- zero) * wide, ((float greatest).AsScalar() .- zero) * wide

        let half = wide * 0.5.AsScalar()

        let beyond = (ownLow - low).maximum(high - ownHigh)

        let struct (grown, shifted) =
            ofEnds (low.minimum ownLow) (high.maximum ownHigh) (Form.epsilon rows.dtype) rows.dtype

        let next (grown: torch.Tensor) (own: torch.Tensor) =
            let grown = torch.where (beyond.gt half, grown, own)
            torch.where (beyond.lt (infinity.AsScalar()), grown, own)

        struct (next grown wide, next shifted zero)

    /// Scales and zero points of the finest grids on which rows lie, where they do: else those of their ranges; and whether
    /// they do.
    member this.OfMembers(rows: torch.Tensor, epsilon: float) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let struct (scale, _) = this.OfRange(rows, epsilon)
        let wide = Tensors.inDouble rows
        let isZero = wide.abs().amax([| -1L |], keepdim = true).eq(0.0.AsScalar())
        let many = max 1L (room / (steps * telling))

        let found =
            torch.cat (
                [|
                    for first in 0L .. many .. rows.size 0 - 1L do
                        finest (wide.narrow (0L, first, min many (rows.size 0 - first))) epsilon rows.dtype
                |],
                0L
            )

        let isMember = found.gt(0.0.AsScalar()).logical_or isZero
        let scale = torch.where (found.gt (0.0.AsScalar()), found, scale)
        let struct (low, _) = ends wide
        struct (scale, zeroPointOf low scale, isMember)
