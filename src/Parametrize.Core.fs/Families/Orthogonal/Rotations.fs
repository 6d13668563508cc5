namespace Parametrize.Values

open System
open Parametrize
open TorchSharp

/// Random orthogonal tensors that training may start from, made of rotations of planes; uniform ones are those that
/// `Parametrization.sample orthogonal` draws.
[<RequireQualifiedAccess>]
module Rotations =

    /// Block diagonal matrices of plane rotations `[cos t, -sin t; sin t, cos t]` with independent angles, uniform in an interval
    /// of radians; of odd size, with a last entry 1. Of n x k tensors, the leading columns (rows, when wide) of such a square one.
    /// Throws ArgumentException unless the form is that of real matrices and the interval is finite.
    let torus (least: float) (greatest: float) (form: Form) (generator: torch.Generator option) : torch.Tensor =
        if not (least <= greatest && Double.IsFinite(greatest - least)) then
            invalidArg
                (nameof greatest)
                (invariant $"Angles need a finite interval, but it is from {least} to {greatest}.")

        match Form.check "torus" { Requirement.matrices with Complex = false } form with
        | Error error -> invalidArg (nameof form) error.Message
        | Ok() ->
            use _ = torch.no_grad ()
            use _scope = torch.NewDisposeScope()
            let count = form.Shape.Length
            let rows, columns = form.Shape[count - 2], form.Shape[count - 1]
            let size = max rows columns

            let ofAngles =
                { form with
                    Shape = Array.append form.Shape[.. count - 3] [| size / 2L |]
                    Dtype = torch.ScalarType.Float64
                }

            let share = Form.uniform (Option.toObj generator) ofAngles
            let angles = share * (greatest - least).AsScalar() .+ least.AsScalar()
            // Every angle stands for two entries of the diagonal, and for every other beside it.
            let twice (numbers: torch.Tensor) = numbers.repeat_interleave (2L, dim = -1L)
            let isOdd = size % 2L = 1L

            let ended (last: float) (numbers: torch.Tensor) =
                if isOdd then
                    torch.nn.functional.pad (numbers, [| 0L; 1L |], value = last)
                else
                    numbers

            let diagonal = angles.cos () |> twice |> ended 1.0
            let sines = torch.stack([| angles.sin (); torch.zeros_like angles |], -1L).flatten -2L |> ended 0.0
            let beside = sines.narrow (-1L, 0L, size - 1L)

            let square =
                torch.diag_embed diagonal +. torch.diag_embed (beside, offset = -1L)
                - torch.diag_embed (beside, offset = 1L)

            square
                .narrow(-2L, 0L, rows)
                .narrow(-1L, 0L, columns)
                .``to``(form.Dtype)
                .contiguous()
                .MoveToOuterDisposeScope()

    /// Angles uniform in (-pi, pi) (Henaff, Szlam & LeCun 2016).
    let henaff (form: Form) (generator: torch.Generator option) : torch.Tensor = torus -Math.PI Math.PI form generator

    /// Angles uniform in (0, pi/2), the Cayley maps of planes with `sqrt((1 - cos t) / (1 + cos t))` (Helfrich, Willmott & Ye 2018,
    /// section 3.2).
    let helfrich (form: Form) (generator: torch.Generator option) : torch.Tensor =
        torus 0.0 (Math.PI / 2.0) form generator
