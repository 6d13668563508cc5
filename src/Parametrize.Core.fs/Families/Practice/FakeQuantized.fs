namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal QuantizedSpaces =

    let grid (bits: int) (scheme: QuantizationScheme) (granularity: Granularity) : Space =
        Space(
            $"tensors on grids of {bits} bits ({scheme.InWords}, {granularity.InWords})",
            [],
            [
                Closure.Scaling
                Closure.Negation
                Closure.Zeroing
                if granularity = Granularity.Tensor then
                    Closure.Reordering
                    Closure.Transposition
            ]
        )

/// `W = scale (clamp(round(X / scale) + zeroPoint, least, greatest) - zeroPoint)`, halves to even: as
/// `torch.fake_quantize_per_channel_affine`, whose gradients are those of the identity where nothing is clamped, and zero
/// elsewhere (Jacob et al. 2018). O(n).
type internal FakeQuantizedNode(bits: int, scheme: QuantizationScheme, granularity: Granularity) =
    inherit Node()

    let grid = QuantizationGrid(bits, scheme)

    let beside (tensor: torch.Tensor) (numbers: torch.Tensor) =
        Granularity.beside granularity tensor (numbers.``to`` tensor.dtype)

    /// The places on the grid before they are clamped.
    let places (tensor: torch.Tensor) (buffers: torch.Tensor[]) =
        let scale, zeroPoint = beside tensor buffers[0], beside tensor buffers[1]
        struct ((tensor.detach () * scale.reciprocal ()).round() +. zeroPoint, scale, zeroPoint)

    let isInside (places: torch.Tensor) =
        places.ge(grid.Least.AsScalar()).``to`` places.dtype
        * places.le(grid.Greatest.AsScalar()).``to`` places.dtype

    let rounded (tensor: torch.Tensor) (buffers: torch.Tensor[]) =
        let struct (places, scale, zeroPoint) = places tensor buffers

        let result = (places.clamp (grid.Least.AsScalar(), grid.Greatest.AsScalar()) - zeroPoint) * scale

        Entrywise.keepFinite result
        struct (result, places)

    let carried (tensor: torch.Tensor) (scale: torch.Tensor) (zeroPoint: torch.Tensor) =
        let shape = Granularity.shape granularity (Form.ofTensor tensor)
        let zeroPoint = zeroPoint.``to`` torch.ScalarType.Int64
        NodeParts.carrying tensor [ (scale.``to`` tensor.dtype).reshape shape; zeroPoint.reshape shape ]

    /// The buffers with ranges that have grown to the tensor.
    let grown (tensor: torch.Tensor) (buffers: torch.Tensor[]) : torch.Tensor[] =
        let rows = Granularity.rows granularity tensor
        let column (numbers: torch.Tensor) = numbers.reshape (-1L, 1L)
        let struct (scale, zeroPoint) = grid.Grown(rows, column buffers[0], column buffers[1])

        [|
            (scale.``to`` buffers[0].dtype).reshape buffers[0].shape
            (zeroPoint.``to`` buffers[1].dtype).reshape buffers[1].shape
        |]

    override _.Code = Code.call "fakeQuantized" [ Code.Integer bits; scheme.Code; granularity.Code ]

    override this.Inputs form =
        match Form.fault Requirement.realEntries form, Granularity.fault granularity form with
        | Some error, _ -> Error(error (Node.text this))
        | None, Some expected -> Node.wrongShape this expected form
        | None, None -> Ok [ form ]

    override _.Codomain _ = QuantizedSpaces.grid bits scheme granularity
    override _.IsBatched = false

    override _.Buffers =
        let shaped (form: Form) = { form with Shape = Granularity.shape granularity form }

        [
            { Name = "scale"; Role = BufferRole.Learned; FormFor = shaped }
            {
                Name = "zeroPoint"
                Role = BufferRole.Learned
                FormFor = fun form -> { shaped form with Dtype = torch.ScalarType.Int64 }
            }
        ]

    override _.Forward(inputs, buffers) =
        let struct (result, places) = rounded inputs[0] buffers
        StraightThrough.join result (inputs[0] * isInside places)

    override _.Contains(present, tensor, epsilon) =
        let wide = Tensors.inDouble tensor

        let struct (nearest, isMember) =
            if present.Length = 2 then
                let struct (nearest, _) = rounded wide present
                struct (nearest, torch.zeros ([| 1L; 1L |], dtype = torch.ScalarType.Bool, device = tensor.device))
            else
                let rows = Granularity.rows granularity tensor
                let struct (scale, zeroPoint, isMember) = grid.OfMembers(rows, epsilon)
                let all = isMember.all().expand(1L, 1L)
                struct (rounded wide [| scale.reshape -1L; zeroPoint.reshape -1L |] |> (fun struct (it, _) -> it), all)

        let share = (wide - nearest).abs() / (wide.abs () +. wide.eq (0.0.AsScalar()))
        let size = if isMember.item<bool>() then 0.0 else Tensors.largest share
        Violation.unless "W_ij / scale is whole (as a share of W_ij)" size (grid.Tolerance epsilon)

    override _.Invert(present, tensor, epsilon, want) =
        if present.Length = 2 then
            // What is in the range of the grid stays on it.
            NodeParts.carrying tensor (List.ofArray (if want = Want.Exact then present else grown tensor present))
        else
            let rows = Granularity.rows granularity tensor

            match want with
            | Want.Exact ->
                let struct (scale, zeroPoint, _) = grid.OfMembers(rows, epsilon)
                carried tensor scale zeroPoint
            | Want.Nearest
            | Want.Start ->
                let struct (scale, zeroPoint) = grid.OfRange(rows, epsilon)
                carried tensor scale zeroPoint

    /// The range grows with the parameter, because entries beyond it would be cut off and get no gradient to come back.
    interface ILearns with
        member _.Advance(inputs, buffers) = grown inputs[0] buffers

    interface IStraightThrough with
        member _.Pass(inputs, buffers, gradient) =
            let struct (places, _, _) = places inputs[0] buffers
            gradient * isInside places

    interface IHasUnits

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IRepairs with
        member _.CanCarry(buffers, _) =
            let outside (zeroPoint: torch.Tensor) =
                let most = if scheme = QuantizationScheme.Symmetric then 0.0 else float grid.Greatest
                let zeroPoint = Tensors.inDouble zeroPoint
                Tensors.distance zeroPoint (zeroPoint.clamp (0.0.AsScalar(), most.AsScalar()))

            let smallest = Tensors.number (buffers[0].min())

            if smallest > 0.0 then
                Violation.unless "zeroPoint is on the grid" (outside buffers[1]) 0.0
                |> Result.mapError (fun violation -> "zeroPoint", violation)
            else
                Error("scale", { Condition = "scale > 0"; Size = -smallest; Limit = 0.0 })

        member _.Repair buffers = buffers

namespace Parametrize.Values

open Parametrize

/// The value `fakeQuantized`.
[<AutoOpen>]
module FakeQuantizedValues =

    /// Tensors on a grid of `2^bits` numbers with equal steps (one less when symmetric), as training for quantized inference
    /// rounds them: `W = scale (clamp(round(X / scale) + zeroPoint) - zeroPoint)`, which agrees with
    /// `torch.fake_quantize_per_channel_affine`. Scale and zero point are buffers, chosen from the range of the tensor that
    /// is registered as torch's MinMaxObserver does. In training the range grows with X, as there, and never shrinks. Gradients go
    /// straight through, and stop where X is beyond the range.
    /// Real tensors, O(n). The parameter is the tensor as it is; projects to the nearest numbers of the grid of its range.
    /// Throws ArgumentException for bits other than 2 to 8 and 16.
    let fakeQuantized (bits: int) (scheme: QuantizationScheme) (granularity: Granularity) : Parametrization =
        if not (bits >= 2 && bits <= 8 || bits = 16) then
            invalidArg (nameof bits) $"A grid has 2 to 8 or 16 bits, but {bits} were asked for."

        Parametrization.ofNode (FakeQuantizedNode(bits, scheme, granularity))
