namespace Parametrize

open TorchSharp

/// `W = g X` with a number g and X of spectral norm 1: g is the spectral norm of W, of either sign while it is trained
/// (Zhai et al. 2023, eq. 1). Reads matrices as `out x (in ...)`. The right inverse costs what leading singular vectors do.
type internal GainNode() =
    inherit Node()

    let asMatrix (tensor: torch.Tensor) = if tensor.dim () = 1L then tensor.unsqueeze 1L else tensor.flatten 1L

    let sphere = SpectralSpaces.sphere 1.0

    /// The spectral norm of the tensor in units of its largest entry, the tensor in these units, and that entry.
    let normOf (tensor: torch.Tensor) =
        let wide = Tensors.inDouble tensor
        let largest = Norms.largest wide (Norms.others wide -1L)
        let scaled = Norms.inUnits wide largest
        let struct (_, norm, _) = LeadingSingular.triple (asMatrix scaled) 1e-14
        struct (norm, scaled, Tensors.number largest)

    override _.Code = Code.call "gain" [ Code.Items [ Code.name "identity"; Code.name "spectralNorm" ] ]

    override this.Inputs form =
        match Form.fault { Requirement.vectors with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None -> Ok [ { form with Shape = [||] }; form ]

    override _.Domains = [ Domain.free; Domain.Within sphere ]

    override _.Codomain before =
        match before with
        | [ _; directions ] when directions = sphere -> Space.all
        | _ -> Space($"multiples of {(List.last before).Name}", [], [ Closure.Scaling; Closure.Negation ])

    override _.IsBatched = false
    override _.Forward(inputs, _) = inputs[0] * inputs[1]

    override _.Contains(_, tensor, epsilon) =
        let struct (norm, _, unit) = normOf tensor
        let part = norm * (unit / Entrywise.greatestOf epsilon tensor.dtype)
        Violation.unless "|W|_2 is a number of the element type (in units of the largest)" part (1.0 + 4.0 * epsilon)

    override _.Invert(_, tensor, epsilon, _) =
        let struct (norm, scaled, unit) = normOf tensor
        let gain = min (norm * unit) (Entrywise.greatestOf epsilon tensor.dtype)

        // For zeros the gain is zero, and the direction is not: with both zero, nothing could ever change.
        let direction =
            if norm = 0.0 then
                torch.full_like (scaled, (1.0 / sqrt (float (scaled.numel ()))).AsScalar())
            else
                scaled / norm.AsScalar()

        Ok
            {
                Inputs =
                    [|
                        torch.full ([||], gain.AsScalar(), dtype = tensor.dtype, device = tensor.device)
                        direction.``to`` tensor.dtype
                    |]
                Buffers = [||]
            }

    interface ICombines with
        member _.CodeWith inputs = Code.call "gain" [ Code.Items inputs ]

    interface IDimension with
        member _.Dimension(form, before, _) =
            let ofDirections = before |> List.last |> snd
            ofDirections |> Option.map (fun directions -> min (directions + 1L) (Form.reals form))

namespace Parametrize.Values

open Parametrize

/// The values `gain` and `sigmaReparametrized`.
[<AutoOpen>]
module GainValues =

    /// `g X` from values of the number g, which has to be free, and of X, of spectral norm 1. Real tensors, read as matrices
    /// `out x (in ...)`. Throws ArgumentException for other than two values, and values whose spaces do not fit.
    let gain (inputs: Parametrization list) : Parametrization = Parametrization.join (GainNode()) inputs

    /// Every real tensor, with its spectral norm as a separate parameter: `W = g X / sigma(X)`, where sigma follows by power
    /// iteration while training (Zhai et al. 2023). `gain [ identity; spectralNorm ]`.
    let sigmaReparametrized: Parametrization = gain [ identity; spectralNorm ]
