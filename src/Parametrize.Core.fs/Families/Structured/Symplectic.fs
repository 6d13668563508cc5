namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal SymplecticSpaces =

    let symplectic: Space =
        { new Space("symplectic matrices",
                    [ InvertibleSpaces.positiveDeterminant ],
                    [ Closure.Negation; Closure.Transposition ]) with
            override _.Dimension form = Dimension.ofMatrices (Dimension.ofHalf 1L) form
          interface IFixedDeterminant with
              member _.LogAbsDet _ = 0.0
        }

/// Finds symplectic matrices, `W^T J W = J`, for given matrices, in double precision. Nothing here is differentiable.
[<RequireQualifiedAccess>]
module internal Symplectic =

    /// `W^T J W`.
    let private gram (matrix: torch.Tensor) = matrix.mT.matmul (SymplecticForm.times matrix)

    /// `[P, Y; -Y, P]`, which is symplectic and orthogonal for unitary P + iY.
    let ofComplex (matrix: torch.Tensor) : torch.Tensor =
        let real, imaginary = matrix.real, matrix.imag
        let above = torch.cat ([| real; imaginary |], -1L)
        torch.cat ([| above; torch.cat ([| -imaginary; real |], -1L) |], -2L)

    let private half (matrix: torch.Tensor) = Tensors.last matrix / 2L

    let private block (row: int64) (column: int64) (matrix: torch.Tensor) =
        let half = half matrix
        matrix.narrow(-2L, row * half, half).narrow(-1L, column * half, half)

    /// The largest entry of `W^T J W - J` for each matrix, each beside the norms of the two columns that it is computed from.
    let defects (matrix: torch.Tensor) : torch.Tensor =
        let wide = Tensors.inDouble matrix
        let residual = gram wide - SymplecticForm.times (Tensors.eyeLike wide)
        let norms = wide.Squared().sum([| -2L |]).sqrt()
        let scales = (norms.unsqueeze -1L * norms.unsqueeze -2L).clamp_min(1e-300.AsScalar())
        (residual.abs () / scales).amax([| -2L; -1L |], keepdim = true)

    /// Which matrices of a batch are near: the Frobenius norm of `J^T W^T J W - I` is below a half.
    let private isNear (matrix: torch.Tensor) =
        let residual = SymplecticForm.back (gram matrix) - Tensors.eyeLike matrix
        (residual.Squared().sum([| -2L; -1L |], keepdim = true)).lt(0.25.AsScalar())

    /// Newton-Schulz steps to the symplectic polar factor (Higham, Mackey, Mackey & Tisseur 2005, section 5), which is near.
    let private polished (matrix: torch.Tensor) =
        let step (x: torch.Tensor) () = x * 1.5.AsScalar() - x.matmul (SymplecticForm.back (gram x)) * 0.5.AsScalar()

        Seq.init 6 ignore |> Seq.fold step matrix

    /// `W + E` with the least E for which `W^T J E + E^T J W` is what `W^T J W` lacks. It is `E = -W J A`: in the basis of the
    /// eigenvectors of `J^T W^T W J`, A_ij takes the share `l_j / (l_i + l_j)` of what is lacking, by the eigenvalues l. The polar factor
    /// is farther away, by the square of the condition number.
    let private corrected (matrix: torch.Tensor) : torch.Tensor =
        let lacking = SymplecticForm.times (Tensors.eyeLike matrix) - gram matrix
        let turned = matrix.matmul (SymplecticForm.times (Tensors.eyeLike matrix))
        let squared = turned.mT.matmul turned
        // LAPACK refuses what has left the range.
        let squared = torch.where (squared.isfinite (), squared, torch.zeros_like squared)
        let struct (values, basis) = torch.linalg.eigh squared
        let values = values.clamp_min (1e-300.AsScalar())
        let shares = values.unsqueeze -2L / (values.unsqueeze -2L +. values.unsqueeze -1L)
        let inside = basis.mT.matmul(lacking).matmul basis * shares
        matrix - turned.matmul (basis.matmul(inside).matmul basis.mT)

    /// The nearest symplectic matrices to matrices that rounding has moved. Where this is no improvement, as for entries beyond
    /// about 1e5, which have too few digits left, the matrix stays.
    let private settled (matrix: torch.Tensor) : torch.Tensor =
        let found = Seq.init 3 ignore |> Seq.fold (fun near () -> corrected near) matrix
        torch.where ((defects found).lt(defects matrix), found, matrix)

    /// Replaces some matrices of a batch by those of `make`, which runs only if there are any: decompositions take long.
    let private inPlaceOf (others: torch.Tensor) (isMade: torch.Tensor) (make: unit -> torch.Tensor) : torch.Tensor =
        if isMade.any().item<bool>() then
            torch.where (isMade, make (), others)
        else
            others

    /// `settled` for matrices that were rounded to a coarser element type; others as they are.
    let polish (matrix: torch.Tensor) : torch.Tensor =
        let wide = Tensors.inDouble matrix
        let limit = Tensors.limit (Form.epsilon matrix.dtype) (Tensors.last matrix) 0.5
        let off = defects wide
        let isOff = off.gt(limit.AsScalar()).logical_and(off.lt (0.1.AsScalar()))
        (inPlaceOf wide isOff (fun () -> settled wide)).``to`` matrix.dtype

    /// The same matrix with no singular value below this part of the largest, and the least one reflected where the determinant
    /// is negative, which that of no symplectic matrix is; the identity for zeros.
    let private regular (part: float) (matrix: torch.Tensor) =
        let struct (unit, _) = Norms.matricesInUnits 0.0 matrix
        let struct (left, values, right) = torch.linalg.svd unit
        let largest = values.amax ([| -1L |], keepdim = true)

        let least =
            torch.where (largest.eq (0.0.AsScalar()), torch.ones_like largest, largest * part.AsScalar())

        let orientation = (torch.linalg.det(left).sign() * torch.linalg.det(right).sign()).unsqueeze -1L
        let but = values.narrow (-1L, 0L, Tensors.last matrix - 1L)
        let signs = torch.cat ([| torch.ones_like but; orientation |], -1L)
        left.matmul ((values.maximum least * signs).unsqueeze -1L * right)

    /// `W R` with `R^T (W^T J W) R = J`: of the eigenvectors a + ib of the skew matrix `W^T J W = K` with `K a = d b`, `K b = -d a`,
    /// d > 0, `R = [b, a] diag(d, d)^(-1/2) O^T`. The orthogonal symplectic O, the polar factor of what in `[b, a]` commutes with
    /// J, makes R the identity where W is symplectic; what commutes has a null space, and no one factor, for negative determinants.
    let private factor (part: float) (matrix: torch.Tensor) =
        let regular = regular part matrix
        let count = half regular
        let imaginary = torch.complex (torch.zeros_like regular, gram regular)
        let struct (values, vectors) = torch.linalg.eigh imaginary
        let positive = values.narrow (-1L, count, count)
        let vectors = vectors.narrow (-1L, count, count) * (sqrt 2.0).AsScalar()
        let basis = torch.cat ([| vectors.imag; vectors.real |], -1L)

        let commuting =
            torch.complex (block 0L 0L basis +. block 1L 1L basis, block 0L 1L basis - block 1L 0L basis)

        let struct (left, _, right) = torch.linalg.svd commuting
        let turn = ofComplex (left.matmul right)
        let scales = torch.cat([| positive; positive |], -1L).clamp_min(1e-300.AsScalar()).rsqrt()
        let found = regular.matmul ((basis * scales.unsqueeze -2L).matmul turn.mT)
        torch.where (isNear found, polished found, found)

    let private retracted (part: float) (matrix: torch.Tensor) : torch.Tensor =
        let wide = Tensors.inDouble matrix
        let off = defects wide
        let isExact = off.le ((16.0 * Form.epsilon wide.dtype).AsScalar())

        let isRounded =
            off.le ((Tensors.limit (Form.epsilon matrix.dtype) (Tensors.last matrix) 1.0).AsScalar())

        let isFar = isRounded.logical_not ()

        let rounded = inPlaceOf wide (isRounded.logical_and (isExact.logical_not ())) (fun () -> settled wide)

        (inPlaceOf rounded isFar (fun () -> torch.where (isNear wide, polished wide, factor part wide))).``to``
            matrix.dtype

    /// A symplectic matrix for any matrix: what is near one becomes its polar factor, what rounding has moved the nearest one.
    let retract (matrix: torch.Tensor) : torch.Tensor = retracted 1e-5 matrix

    /// `retract` for a start of training: for a singular matrix, it gives one whose entries are not large.
    let start (matrix: torch.Tensor) : torch.Tensor = retracted 0.1 matrix

    /// `U diag(e^t, e^-t) V` with uniform orthogonal symplectic U and V, and t normal of deviation 1/2.
    let sample (form: Form) (generator: torch.Generator | null) : torch.Tensor =
        let count = Array.last form.Shape / 2L
        let batch = form.Shape[.. form.Shape.Length - 3]
        let square = Array.append batch [| count; count |]
        let turned () = ofComplex (Orthonormal.sample square torch.ScalarType.ComplexFloat64 form.Device generator)
        let shape = Array.append batch [| count |]

        let t =
            Form.normal generator { form with Shape = shape; Dtype = torch.ScalarType.Float64 } / 2.0.AsScalar()

        let stretched = torch.cat([| t; -t |], -1L).exp().unsqueeze -1L
        ((turned ()).matmul(stretched * turned ())).``to`` form.Dtype

/// Symplectic 2n x 2n matrices at a base b: `W = b [I, 0; C, I] diag(A, A^-T) [I, B; 0, I]` with symmetric B and C and
/// `A = (I + L) exp(D) (I + U)` (Dopico & Johnson 2009, theorem 3.1, with the LU factors of A). The blocks of the parameter are
/// `[L + D + U, B; C, -]`, of which B and C are upper triangles; zero yields the base. Real matrices only.
type internal SymplecticNode() =
    inherit Node()

    let symmetric (x: torch.Tensor) = x.triu 0L +. (x.triu 1L).mT

    /// A and A^-T.
    let diagonalBlocks (x: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let eye = Tensors.eyeLike x
        let lower, upper = x.tril -1L +. eye, x.triu 1L +. eye
        // Beyond this range, products of the factors would overflow.
        let range = log (Form.greatest x.dtype) / 8.0
        let exponent = (Tensors.diagonal x).clamp((-range).AsScalar(), range.AsScalar())
        let stretch = exponent.exp().unsqueeze -1L
        let identity = eye.expand_as x
        // The transposes of the inverses of both factors.
        let lowerInverse =
            torch.linalg.solve_triangular (lower.mT, identity, upper = true, unitriangular = true)

        let upperInverse =
            torch.linalg.solve_triangular (upper.mT, identity, upper = false, unitriangular = true)

        let shrink = (-exponent).exp().unsqueeze -1L
        struct (lower.matmul (stretch * upper), lowerInverse.matmul (shrink * upperInverse))

    let limitOf (epsilon: float) (matrix: torch.Tensor) = Tensors.limit epsilon (Tensors.last matrix) 1.0

    let nearJ (condition: string) (limit: float) (matrix: torch.Tensor) =
        Violation.unless condition (Tensors.largest (Symplectic.defects matrix)) limit

    override _.Code = Code.name "symplectic"
    override this.Inputs form = SymplecticForm.inputs this Requirement.realSquares form
    override _.Codomain _ = SymplecticSpaces.symplectic
    override _.Buffers = [ { Name = "base"; Role = BufferRole.Base; FormFor = id } ]

    override _.Forward(inputs, buffers) =
        let x = inputs[0]
        let half = Tensors.last x / 2L
        let block (row: int64) (column: int64) = x.narrow(-2L, row * half, half).narrow(-1L, column * half, half)
        let struct (a, inverse) = diagonalBlocks (block 0L 0L)
        let b, c = symmetric (block 0L 1L), symmetric (block 1L 0L)
        let above = torch.cat ([| a; a.matmul b |], -1L)
        let zeros = torch.zeros_like inverse
        let below = c.matmul above +. torch.cat ([| zeros; inverse |], -1L)
        let matrix = buffers[0].matmul(torch.cat ([| above; below |], -2L))
        Entrywise.keepFinite matrix
        matrix

    override _.Contains(_, tensor, epsilon) =
        nearJ "W^T J W = J (beside the norms of columns)" (limitOf epsilon tensor) tensor

    override _.Invert(_, tensor, _, want) =
        let element =
            match want with
            | Want.Exact -> tensor
            | Want.Nearest -> Symplectic.retract tensor
            | Want.Start -> Symplectic.start tensor

        NodeParts.carrying (torch.zeros_like tensor) [ element ]

    interface IRepairs with
        /// The limit leaves room for one more rounding, because the output of the map must be allowed.
        member _.CanCarry(buffers, epsilon) =
            nearJ "B^T J B = J of the base" (limitOf epsilon buffers[0] - epsilon) buffers[0]
            |> Result.mapError (fun violation -> "base", violation)

        member _.Repair buffers = Array.map Symplectic.polish buffers

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface ISampled with
        member _.Sample(form, generator) = Symplectic.sample form generator

    interface IProjects with
        member _.Nearest(tensor, _) = Symplectic.retract tensor

namespace Parametrize.Values

open Parametrize

/// The value `symplectic`.
[<AutoOpen>]
module SymplecticValues =

    /// Symplectic real 2n x 2n matrices, `W^T J W = J` with J = [0, I; -I, 0], at a base that follows assignments: a product of block
    /// triangular and block diagonal symplectic factors (Dopico & Johnson 2009), O(n^3). Projects by a retraction, `W R` with R
    /// from the eigenvectors of `W^T J W`, which is the symplectic polar factor near symplectic matrices.
    let symplectic: Parametrization = Parametrization.ofNode (SymplecticNode())
