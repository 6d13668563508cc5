namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal StableSpaces =

    let private square (name: string) : Space =
        { new Space(name, [], [ Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let hurwitz (alpha: float) : Space = square $"matrices whose eigenvalues have real parts below {-alpha}"
    let schur (radius: float) : Space = square $"matrices of spectral radius below {radius}"

/// Matrices whose eigenvalues lie in an open set, through those with negative real parts: `A = L L^T (S - I/2)` with L lower
/// triangular, its diagonal positive, and S skew. One to one: `(L L^T)^-1` solves `A^T X + X A = -I`. The lower triangle of the
/// parameter has L, with softplus of the diagonal, and the strict upper one S.
[<AbstractClass>]
type internal StableNode() =
    inherit Node()

    /// No entry of the products that follow leaves the range.
    let moderate (x: torch.Tensor) = Entrywise.within (Form.greatest x.dtype ** 0.15) x

    let factorOf (x: torch.Tensor) =
        let diagonal = (Entrywise.softplus (Tensors.diagonal x)).clamp_min((Form.epsilon x.dtype).AsScalar())
        x.tril -1L + torch.diag_embed diagonal

    let coreOf (x: torch.Tensor) =
        let half = x.triu 1L
        half - half.mT - Tensors.eyeLike x / 2.0.AsScalar()

    let skewPart (matrix: torch.Tensor) = (matrix - matrix.mT) / 2.0.AsScalar()

    /// Factors whose product is closer to A: one step of Newton's method, from how far that is off. Of an X of large and small
    /// eigenvalues, rounding leaves factors with few digits.
    let refined (a: torch.Tensor) (factor: torch.Tensor, skew: torch.Tensor) =
        let core = skew - Tensors.eyeLike a / 2.0.AsScalar()
        let off = a - factor.matmul (factor.mT.matmul core)
        let half = torch.linalg.solve_triangular (factor, off, upper = false)
        let change = torch.linalg.solve_triangular (factor.mT, half, upper = true)
        let moved = Lyapunov.solve a (change + change.mT)
        let turned = -(factor.mT.matmul(moved).matmul factor)
        let lower = turned.tril -1L + torch.diag_embed (Tensors.diagonal turned / 2.0.AsScalar())
        factor + factor.matmul lower, skew + skewPart (change + moved.matmul a)

    /// The parameter of A, in double precision.
    let inverse (a: torch.Tensor) =
        let eye = (Tensors.eyeLike a).expand_as a
        let solution = Lyapunov.solve a eye
        // X = U U^T with U upper triangular, so that its inverse is U^-T U^-1.
        let struct (turned, _) = torch.linalg.cholesky_ex (solution.flip [| -2L; -1L |])
        let upper = turned.flip [| -2L; -1L |]
        let factor = (torch.linalg.solve_triangular (upper, eye, upper = true)).mT
        let factor, skew = refined a (refined a (factor, skewPart (solution.matmul a)))
        let diagonal = Entrywise.softplusInverse ((Tensors.diagonal factor).clamp_min(1e-300.AsScalar()))
        factor.tril -1L + torch.diag_embed diagonal + skew.triu 1L

    /// W of A = L L^T K with K = S - I/2.
    abstract OfFactors: factor: torch.Tensor * core: torch.Tensor -> torch.Tensor

    /// A of W.
    abstract ToStable: w: torch.Tensor -> torch.Tensor

    /// How far the eigenvalues of each matrix are outside, at most 0 for those inside; NaN is outside.
    abstract Outside: w: torch.Tensor -> torch.Tensor

    abstract Condition: string

    /// A retraction that ends at least this far inside, as a share of the scale.
    abstract Retracted: w: torch.Tensor * margin: float -> torch.Tensor

    /// The parameters of matrices that are inside, in an element type, rounded to the caller's.
    member private this.Back(wide: torch.Tensor, dtype: torch.ScalarType, epsilon: float) =
        // Where rounding has left no solution that is definite there is none.
        Entrywise.roundedTo epsilon (((inverse (this.ToStable wide)).``to`` dtype).nan_to_num(0.0, 0.0, 0.0))

    /// What comes back, and how far that is from each matrix as a share of what rounding may do: matrices whose eigenvalues
    /// rounding may move far are not yielded.
    member private this.Residuals(tensor: torch.Tensor, epsilon: float) : struct (torch.Tensor * torch.Tensor) =
        let wide = Tensors.inDouble tensor
        let outside = this.Outside wide
        let isInside = outside.lt (0.0.AsScalar())
        // Others are replaced by a matrix that is inside.
        let eye = Tensors.eyeLike wide
        let safe = torch.where (isInside, wide, this.OfFactors(eye, eye / -2.0.AsScalar()))
        let made = this.Forward([| this.Back(safe, tensor.dtype, epsilon) |], [||])
        let size (matrix: torch.Tensor) = matrix.abs().amax([| -2L; -1L |], keepdim = true)
        let limit = 16.0 * Tensors.limit epsilon (Tensors.last tensor) 1.0
        let share = size (Tensors.inDouble made - safe) / (size safe * limit.AsScalar())
        struct (torch.where (isInside, torch.zeros_like outside, outside), share.nan_to_num infinity)

    member private this.AreAllowed(tensor: torch.Tensor, epsilon: float) =
        let struct (_, shares) = this.Residuals(tensor, epsilon)
        (this.Outside(Tensors.inDouble tensor)).lt(0.0.AsScalar()).logical_and(shares.le (1.0.AsScalar()))

    override this.Inputs form = Node.same this Requirement.realSquares form

    override this.Forward(inputs, _) =
        let x = moderate inputs[0]
        let matrix = this.OfFactors(factorOf x, coreOf x)
        Entrywise.within (Form.greatest matrix.dtype) matrix

    override this.Contains(_, tensor, epsilon) =
        let outside = Tensors.number ((this.Outside(Tensors.inDouble tensor)).max())

        if not (outside < 0.0) then
            Error { Condition = this.Condition; Size = outside; Limit = 0.0 }
        else
            let struct (_, shares) = this.Residuals(tensor, epsilon)

            Violation.unless
                "W comes back from its Lyapunov equation (in units of rounding)"
                (Tensors.largest shares)
                1.0

    override this.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor

        let found =
            match want with
            | Want.Exact -> wide
            | Want.Nearest ->
                torch.where (this.AreAllowed(tensor, epsilon), wide, this.Retracted(wide, max 1e-3 (sqrt epsilon)))
            | Want.Start -> torch.where (this.AreAllowed(tensor, epsilon), wide, this.Retracted(wide, 0.25))

        NodeParts.ofInput (this.Back(found, tensor.dtype, epsilon))

    interface ISampled with
        /// What normal parameters yield.
        member this.Sample(form, generator) = this.Forward([| Form.normal generator form |], [||])
