namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// `W = W_0 R` with a frozen W_0 (n x k...) and a block diagonal rotation R of its k... columns: R_i is the Cayley transform
/// `(I + Q_i)(I - Q_i)^-1` of the skew matrix Q_i (Qiu et al. 2023). Each block has its strict upper triangle, row by row.
type internal OftNode(block: int64) =
    inherit AdapterNode()

    let numbers = block * (block - 1L) / 2L

    /// Which number stands at each place of a block above its diagonal; any number elsewhere.
    let places (device: torch.Device) =
        let along = Tensors.range 0L block torch.int64 device
        let row, column = along.unsqueeze 1L, along.unsqueeze 0L
        let before = row * ((2L * block - 1L).AsScalar() .- row)
        let place = before.divide (2L.AsScalar(), torch.RoundingMode.floor) +. column - row - 1L.AsScalar()
        place.clamp_min(0L.AsScalar()).flatten()

    let skew (triangles: torch.Tensor) =
        let places = (places triangles.device).expand(triangles.size 0, -1L)
        let spread = triangles.gather (1L, places)
        let upper = spread.reshape(-1L, block, block).triu 1L
        upper - upper.mT

    override _.Code = Code.call "oft" [ Code.Long block ]

    override this.Inputs form =
        match Form.fault { Requirement.matrices with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let struct (_, columns) = AdapterNode.Sizes form.Shape

            if columns = 0L || columns % block <> 0L then
                Node.wrongShape this $"a matrix whose number of columns is a multiple of {block}" form
            else
                Ok [ { form with Shape = [| columns / block; numbers |] } ]

    override _.Forward(inputs, buffers) =
        let weight = buffers[0]
        let rotations = CayleyMap.ofSkew (skew inputs[0] * 2.0.AsScalar())
        // Rows of each block: blocks x n x block.
        let blocks = weight.reshape(weight.size 0, -1L, block).transpose(0L, 1L)
        blocks.matmul(rotations).transpose(0L, 1L).reshape weight.shape

    override _.Starting tensor =
        let struct (_, columns) = AdapterNode.Sizes tensor.shape
        [| torch.zeros ([| columns / block; numbers |], dtype = tensor.dtype, device = tensor.device) |]

    interface IShapedByBuffers

    interface IDimension with
        /// Rotations of the directions that no row has change nothing.
        member _.Dimension(form, _, _) =
            let struct (rows, columns) = AdapterNode.Sizes form.Shape
            let idle = max 0L (block - rows)
            Some(columns / block * (numbers - idle * (idle - 1L) / 2L))

namespace Parametrize.Values

open Parametrize

/// The value `oft`.
[<AutoOpen>]
module OftValues =

    /// A frozen real weight whose columns are rotated in blocks: `W = W_0 R` (Qiu et al. 2023), which keeps the angles between its
    /// rows. R_i is the exact Cayley transform of a skew matrix of block (block - 1) / 2 numbers, zero at the start; W_0 is a
    /// buffer, the base. Kernels `[out, in, k...]` are read as `out x (in k...)`; the number of columns is a multiple of `block`.
    /// O(n k block + k block^2). Throws ArgumentException for a block below 2.
    let oft (block: int64) : Parametrization =
        if block < 2L then
            invalidArg (nameof block) $"A block must have at least 2 columns, but it has {block}."

        Parametrization.ofNode (OftNode block)
