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

    /// The largest real or imaginary parts: moduli could be out of range. A constant to the gradient.
    let largest (tensor: torch.Tensor) =
        let tensor = tensor.detach ()

        let sizes =
            if tensor.is_complex () then
                tensor.real.abs().maximum(tensor.imag.abs ())
            else
                tensor.abs ()

        reduce sizes maximum

    let oneWhereZero (tensor: torch.Tensor) = torch.where (tensor.eq (0.0.ToScalar()), torch.ones_like tensor, tensor)

    /// In units of the largest entry, so that squares neither overflow nor vanish; zeros as they are.
    let inUnit (tensor: torch.Tensor) = tensor / oneWhereZero (largest tensor)

    let norm (unit: torch.Tensor) = (oneWhereZero (squaredNorm unit)).sqrt()

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
        let unit = inUnit inputs[1]
        unit * (inputs[0] / norm unit)

    override _.Contains(_, tensor, epsilon) =
        let greatest = Entrywise.greatestOf epsilon
        let wide = Tensors.inDouble tensor
        let part = Tensors.largest (norm (inUnit wide) * (largest wide / greatest.ToScalar()))
        Violation.unless "|W| is a number of the element type (in units of the largest)" part (1.0 + 4.0 * epsilon)

    override _.Invert(_, tensor, epsilon, _) =
        let unit = inUnit tensor
        let largest = largest tensor

        let magnitude =
            (Tensors.inDouble (norm unit) * largest).clamp_max((Entrywise.greatestOf epsilon).ToScalar())

        let magnitude = magnitude.``to`` largest.dtype
        let isZero = largest.eq (0.0.ToScalar())
        let magnitude = torch.where (isZero, torch.zeros_like magnitude, magnitude)

        // The direction is the tensor itself, as PyTorch has it. Where that is zero, the magnitude says so; with a direction
        // of zeros it could never change.
        let any = torch.ones_like tensor
        let any = any / norm any
        Ok { Inputs = [| magnitude; torch.where (isZero, any, tensor) |]; Buffers = [||] }

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module WeightNormValues =

    /// Magnitude `g` and direction `v` apart, the norm over all dimensions but one: `W = g v / |v|`.
    let weightNorm (dimension: int) : Parametrization = Parametrization.ofNode (WeightNormNode(Some dimension))

    /// Magnitude and direction apart, one norm for the whole tensor.
    let weightNormWhole: Parametrization = Parametrization.ofNode (WeightNormNode None)
