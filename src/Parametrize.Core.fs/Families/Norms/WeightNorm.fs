namespace Parametrize

open TorchSharp

/// Magnitude and direction apart: `W = g v / |v|`, the norm taken over all dimensions but one, or over all of them
/// (Salimans & Kingma 2016, eq. 2). A zero direction yields zeros.
type internal WeightNormNode(dimension: int option) =
    inherit Node()

    /// The dimensions along which norms are taken.
    let along (tensor: torch.Tensor) =
        match dimension with
        | None -> Norms.others tensor -1L
        | Some dimension ->
            let count = int (tensor.dim ())
            Norms.others tensor (int64 ((dimension + count) % count))

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
        let along = along direction

        match Norms.byFormula direction along with
        | ValueSome norm when Norms.areModerate magnitude -> direction * (magnitude / norm)
        | _ ->
            let unit = Norms.inUnits direction (Norms.largest direction along)
            unit * (magnitude / Norms.ofUnits unit along)

    override _.Contains(_, tensor, epsilon) =
        let wide = Tensors.inDouble tensor
        let along = along wide
        let largest = Norms.largest wide along
        let norm = Norms.ofUnits (Norms.inUnits wide largest) along
        let part = Tensors.largest (norm * (largest / (Entrywise.greatestOf epsilon tensor.dtype).AsScalar()))
        Violation.unless "|W| is a number of the element type (in units of the largest)" part (1.0 + 4.0 * epsilon)

    override _.Invert(_, tensor, epsilon, _) =
        let wide = Tensors.inDouble tensor
        let along = along wide
        let largest = Norms.largest wide along
        let norm = Norms.ofUnits (Norms.inUnits wide largest) along

        let magnitude =
            (norm * largest)
                .clamp_max((Entrywise.greatestOf epsilon tensor.dtype).AsScalar())
                .reshape(magnitudeShape tensor.shape)

        // The direction is the tensor itself, as PyTorch has it. Where that is zero, the magnitude says so; with a direction
        // of zeros it could never change.
        let any = torch.ones_like tensor
        let any = any / Norms.ofUnits any along

        Ok
            {
                Inputs = [| magnitude.``to`` tensor.dtype; torch.where (largest.eq (0.0.AsScalar()), any, tensor) |]
                Buffers = [||]
            }

    interface IDimension with
        /// The magnitudes add to directions of any tensors, unless these fill the space.
        member _.Dimension(form, before, _) =
            match before with
            | [ _, Some magnitude; directions, Some direction ] when directions = Space.all ->
                Some(min (Form.reals form) (magnitude + direction))
            | _ -> None

namespace Parametrize.Values

open Parametrize

/// The values `weightNorm` and `weightNormWhole`.
[<AutoOpen>]
module WeightNormValues =

    /// Separate parameters for magnitude `g` and direction `v`, with the norm over all dimensions but one: `W = g v / |v|`.
    let weightNorm (dimension: int) : Parametrization = Parametrization.ofNode (WeightNormNode(Some dimension))

    /// Separate parameters for magnitude and direction, with one norm for the whole tensor.
    let weightNormWhole: Parametrization = Parametrization.ofNode (WeightNormNode None)
