namespace Parametrize

open TorchSharp

/// Magnitude and direction apart: `W = g v / |v|`, the norm taken over all dimensions but one, or over all of them
/// (Salimans & Kingma 2016, eq. 2). A zero direction yields zeros.
type internal WeightNormNode(dimension: int option) =
    inherit Node()

    let kept (tensor: torch.Tensor) (dimension: int) =
        let count = int (tensor.dim ())
        int64 ((dimension + count) % count)

    /// The sum of squared moduli over everything but the kept dimension.
    let reduce (tensor: torch.Tensor) (sum: torch.Tensor * int64[] * bool -> torch.Tensor) =
        match dimension with
        | None -> sum (tensor, Array.init (int (tensor.dim ())) int64, false)
        | Some dimension ->
            let kept = kept tensor dimension
            let others = Array.init (int (tensor.dim ())) int64 |> Array.filter ((<>) kept)
            sum (tensor, others, true)

    let sum (tensor: torch.Tensor, dimensions: int64[], keep: bool) =
        if Array.isEmpty dimensions then
            tensor
        else
            tensor.sum (dimensions, keepdim = keep)

    let maximum (tensor: torch.Tensor, dimensions: int64[], keep: bool) =
        if Array.isEmpty dimensions then
            tensor
        else
            tensor.amax (dimensions, keepdim = keep)

    let squaredNorm (tensor: torch.Tensor) =
        let squares =
            if tensor.is_complex () then
                tensor.real.square () + tensor.imag.square ()
            else
                tensor.square ()

        reduce squares sum

    /// In place: sums and maxima do not need their results for the backward pass.
    let oneWhereZero (tensor: torch.Tensor) =
        use _ = torch.no_grad ()
        tensor.add_ (tensor.eq (0.0.ToScalar()))

    let magnitudeShape (shape: int64[]) =
        match dimension with
        | None -> [||]
        | Some dimension ->
            let kept = (dimension + shape.Length) % shape.Length
            shape |> Array.mapi (fun position size -> if position = kept then size else 1L)

    override _.Code =
        match dimension with
        | Some dimension -> Code.call "weightNorm" [ Code.Integer dimension ]
        | None -> Code.name "weightNormWhole"

    override this.Inputs form =
        let requirement = if dimension.IsSome then Requirement.vectors else Requirement.entries

        match Form.fault requirement form with
        | Some error -> Error(error (Node.text this))
        | None ->
            match dimension |> Option.bind (fun dimension -> Form.withoutDimension dimension form) with
            | Some expected -> Node.wrongShape this expected form
            | None -> Ok [ { form with Shape = magnitudeShape form.Shape }; form ]

    override _.Domains = [ Domain.free; Domain.free ]
    override _.Codomain _ = Space.all
    override _.IsBatched = false

    override _.Forward(inputs, _) =
        let magnitude, direction = inputs[0], inputs[1]
        direction * (magnitude / (oneWhereZero (squaredNorm direction)).sqrt())

    override _.Contains(_, _, _) = Ok()

    override _.Invert(_, tensor, epsilon, _) =
        let largest = reduce (tensor.abs ()) maximum |> oneWhereZero
        let unit = tensor / largest
        let magnitude = (squaredNorm unit).sqrt() * largest

        // The direction is the tensor itself, as PyTorch has it, unless its squares would leave the range of floats.
        let inRange = largest.gt(epsilon.ToScalar()).logical_and(largest.lt ((1.0 / epsilon).ToScalar()))

        Ok
            {
                Inputs = [| magnitude; torch.where (inRange, tensor, unit) |]
                Buffers = [||]
            }

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module WeightNormValues =

    /// Magnitude `g` and direction `v` apart, the norm over all dimensions but one: `W = g v / |v|`.
    let weightNorm (dimension: int) : Parametrization = Parametrization.ofNode (WeightNormNode(Some dimension))

    /// Magnitude and direction apart, one norm for the whole tensor.
    let weightNormWhole: Parametrization = Parametrization.ofNode (WeightNormNode None)
