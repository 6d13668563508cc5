namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The sum over all spanning trees of a graph of the products of their edges' weights: any cofactor of its Laplacian (Kirchhoff's
/// matrix-tree theorem).
[<RequireQualifiedAccess>]
module internal SpanningTrees =

    /// How many vertices are eliminated before the rest of the matrix is written to.
    let private many = 32L

    /// The least degree of a vertex, near the smallest normal number. It keeps a graph connected if rounding has made weights
    /// zero.
    let private least = 1e-307

    let private from (dimension: int64) (start: int64) (tensor: torch.Tensor) : torch.Tensor =
        tensor.narrow (dimension, start, tensor.shape[tensor.shape.Length + int dimension] - start)

    /// Eliminates the first vertices, and yields their degrees at that time, and the weights of the graph of the others.
    let private eliminate (count: int64) (weights: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let rows = weights.narrow (-2L, 0L, count)
        let mutable among = weights.narrow (-1L, 0L, count)
        let mutable outside = (from -1L count rows).sum([| -1L |], keepdim = true)
        let degrees, columns = ResizeArray(), ResizeArray()

        for left in count - 1L .. -1L .. 0L do
            let column, row = (from -2L 1L among).narrow(-1L, 0L, 1L), from -1L 1L (among.narrow (-2L, 0L, 1L))
            let first = outside.narrow (-2L, 0L, 1L)
            let degree = (row.sum ([| -1L |], keepdim = true) +. first).clamp_min(least.AsScalar())
            let share = column / degree
            among <- from -2L 1L (from -1L 1L among) +. share * row
            outside <- from -2L 1L outside +. share.narrow (-2L, 0L, left) * first
            degrees.Add degree
            columns.Add(from -2L left column)

        let degree = torch.cat (degrees, -1L)
        let column = torch.cat (columns, -1L)
        let others = from -2L count (from -1L count weights)
        struct (degree, others +. (column / degree).matmul column.mT)

    /// The logarithm of the sum, for each matrix of weights, symmetric, in double precision, from 0 to about 1; its diagonal
    /// is not read. Gaussian elimination of the Laplacian without a subtraction (Grassmann, Taksar & Heyman 1985), so that small weights beside large
    /// ones keep their digits. O(n^3). Differentiable.
    let logarithm (weights: torch.Tensor) : torch.Tensor =
        let mutable rest = weights
        let mutable sum = weights.new_zeros (Array.sub weights.shape 0 (weights.shape.Length - 2))

        while Tensors.last rest > 1L do
            let struct (degrees, others) = eliminate (min many (Tensors.last rest - 1L)) rest
            sum <- sum +. degrees.log().sum [| -2L; -1L |]
            rest <- others

        sum
