namespace Parametrize

open TorchSharp

/// `W = W_0 + s B A` with a frozen W_0 (n x k...), A (rank x k...) and B (n x rank) (Hu et al. 2022, eq. 3).
type internal LoraNode(rank: int64, alpha: float, isStabilized: bool) =
    inherit AdapterNode()

    let scaling = alpha / (if isStabilized then sqrt (float rank) else float rank)

    /// The matrix of a tensor whose first dimension counts its rows.
    let flat (tensor: torch.Tensor) = tensor.reshape (tensor.size 0, -1L)

    /// Uniform up to 1 / sqrt(k), as PyTorch starts a linear layer. The seed is fixed, so that equal tensors start alike.
    let random (shape: int64[]) (like: torch.Tensor) =
        use generator = new torch.Generator(0UL, torch.CPU)
        let struct (_, columns) = AdapterNode.Sizes shape

        let uniform =
            Form.uniform generator { Shape = shape; Dtype = torch.ScalarType.Float64; Device = like.device }

        ((uniform * 2.0.AsScalar() - 1.0.AsScalar()) / (sqrt (float columns)).AsScalar()).``to`` like.dtype

    let shapes (shape: int64[]) = struct (Array.append [| rank |] shape[1..], [| shape[0]; rank |])

    member _.Rank: int64 = rank
    member _.Alpha: float = alpha
    member _.IsStabilized: bool = isStabilized

    override _.Code = Code.call (if isStabilized then "rsLora" else "lora") [ Code.Long rank; Code.Float alpha ]

    override _.Domains = [ Domain.free; Domain.free ]

    override this.Inputs form =
        match Form.fault { Requirement.matrices with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let struct (a, b) = shapes form.Shape
            Ok [ { form with Shape = a }; { form with Shape = b } ]

    override _.Output inputs =
        { inputs.Head with
            Shape = Array.append [| inputs[1].Shape[0] |] inputs.Head.Shape[1..]
        }

    override _.Forward(inputs, buffers) =
        let change = (inputs[1] * scaling.AsScalar()).matmul(flat inputs[0])
        buffers[0] +. change.reshape buffers[0].shape

    override _.Starting tensor =
        let struct (a, b) = shapes tensor.shape
        [| random a tensor; torch.zeros (b, dtype = tensor.dtype, device = tensor.device) |]

    interface IDimension with
        /// The matrices of rank r near B A have r (n + k - r) dimensions, or all if r is large. Known for free factors only.
        member _.Dimension(form, before, _) =
            let struct (rows, columns) = AdapterNode.Sizes form.Shape

            if List.map snd before = [ Some(rank * columns); Some(rows * rank) ] then
                let rank = min rank (min rows columns)
                Some(rank * (rows + columns - rank))
            else
                None

namespace Parametrize.Values

open System
open Parametrize

/// The values `lora`, `rsLora` and `dora`.
[<AutoOpen>]
module LoraValues =

    let private adapter (isStabilized: bool) (rank: int64) (alpha: float) : Parametrization =
        Options.requireRank rank

        if not (Double.IsFinite alpha && alpha <> 0.0) then
            invalidArg (nameof alpha) (invariant $"Alpha must be finite and not zero, but it is {alpha}.")

        Parametrization.ofNode (LoraNode(rank, alpha, isStabilized))

    /// A low-rank change of a frozen weight: `W_0 + (alpha / rank) B A`, real, with A (rank x k...) and B (n x rank) for a weight
    /// of n x k... entries, kernels included (Hu et al. 2022). W_0 is a buffer, the base. B starts at zero, and A with random
    /// numbers from a fixed seed. Assigning a weight resets both; so does `rebase`, which merges the change into W_0. O(n k
    /// rank). Throws ArgumentException for a rank below 1, and for an alpha that is zero or not finite.
    let lora (rank: int64) (alpha: float) : Parametrization = adapter false rank alpha

    /// `lora` with the factor `alpha / sqrt rank`, with which large ranks learn as fast as small ones (Kalajdzievski 2023).
    let rsLora (rank: int64) (alpha: float) : Parametrization = adapter true rank alpha

    /// Trains the magnitude and, by `lora`, the direction of a frozen weight: `W = m V / |V|` with `V = W_0 + (alpha / rank) B A`
    /// and the norm of each row, or of each output channel of a kernel (Liu et al. 2024, eq. 5). The norm is part of the
    /// gradient.
    let dora (rank: int64) (alpha: float) : Parametrization =
        Parametrization.joined [ identity; lora rank alpha ] (weightNorm 0)
