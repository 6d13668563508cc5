namespace Parametrize.Values

open Parametrize

/// The values `cayley`, `matrixExp`, `householder`, `orthogonal` and `orthogonalWithoutBase`.
[<AutoOpen>]
module OrthogonalValues =

    let internal stiefel (map: OrthogonalMap) (trivialized: bool) : Parametrization =
        Parametrization.ofNode (StiefelNode(map, trivialized))

    /// n x k matrices with orthonormal columns (rows, when wide) by the Cayley map, at a base that follows assignments.
    /// Behind `skew` it takes the skew matrix as it is.
    let cayley: Parametrization = stiefel OrthogonalMap.Cayley true

    /// n x k matrices with orthonormal columns (rows, when wide) by the matrix exponential, at a base that follows
    /// assignments.
    let matrixExp: Parametrization = stiefel OrthogonalMap.MatrixExp true

    /// Real n x k matrices with orthonormal columns (rows, when wide) as products of k Householder reflections, at a base
    /// that follows assignments.
    let householder: Parametrization = stiefel OrthogonalMap.Householder true

    /// Orthogonal matrices with PyTorch's defaults: `matrixExp` for square or complex tensors, else `householder`, at a
    /// base. Projects by QR, as PyTorch does.
    let orthogonal: Parametrization = stiefel OrthogonalMap.Default true

    /// The map alone, as PyTorch's `use_trivialization=False`. Square real matrices of the exponential and the Cayley map then
    /// have determinant 1; tall matrices whose top block has the eigenvalue -1 are only limits of what the Cayley map yields.
    let orthogonalWithoutBase (map: OrthogonalMap) : Parametrization = stiefel map false
