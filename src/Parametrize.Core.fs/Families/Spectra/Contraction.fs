namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal ContractionSpaces =

    let contractions (bound: float) : Space =
        { new Space((invariant $"matrices of spectral norm {bound} at most"),
                    [],
                    [ Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

/// Matrices of spectral norm below c: `W = c X R^-1` with the triangular R of `R^H R = I + X^H X`, which makes W / c the upper
/// block of a matrix with orthonormal columns. `R R^H = (I - W^H W / c^2)^-1` leads back: it is one to one. Wide matrices are
/// handled by their transposes.
type internal ContractionNode(bound: float) =
    inherit Node()

    let isWide (matrix: torch.Tensor) = Tensors.rows matrix < Tensors.last matrix
    let upright (matrix: torch.Tensor) = if isWide matrix then matrix.mT else matrix
    let asGiven (given: torch.Tensor) (tall: torch.Tensor) = if isWide given then tall.mT else tall

    /// X over the identity: Q and R, behind X.
    let factored (x: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let tall = Entrywise.within (Form.greatest x.dtype ** 0.4) (upright x)
        let size = Tensors.last tall
        let eye = torch.eye (size, dtype = tall.dtype, device = tall.device)
        let shape = Array.append tall.shape[.. tall.shape.Length - 3] [| size; size |]
        let struct (q, r) = torch.linalg.qr (torch.cat ([| tall; eye.expand shape |], -2L))
        struct (tall, q, r)

    let signs (diagonal: torch.Tensor) =
        let negative = diagonal.detach().lt(0.0.AsScalar())
        1.0.AsScalar() .- negative.``to`` diagonal.dtype * 2.0.AsScalar()

    /// `U s V^H` of the tall matrix over the bound, in double precision.
    let decomposed (tensor: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 (upright tensor)
        let struct (left, values, right) = torch.linalg.svd (matrix, fullMatrices = false)
        struct (left, values * (unit.squeeze -1L / bound.AsScalar()), right)

    let limit (tensor: torch.Tensor) (epsilon: float) =
        Tensors.limit epsilon (min (Tensors.rows tensor) (Tensors.last tensor)) 1.0

    /// Larger singular values count as on the edge. Projected ones do: they lie one limit below the bound, up to rounding.
    let inside (tensor: torch.Tensor) (epsilon: float) = 1.0 - 2.0 * limit tensor epsilon

    let column (values: torch.Tensor) (like: torch.Tensor) = (values.unsqueeze -1L).``to`` like.dtype

    /// From `U s V^H` with s < 1: `R R^H = V (1 - s^2)^-1 V^H` by a QR factorization with rows and columns turned round.
    let inverse (left: torch.Tensor) (values: torch.Tensor) (right: torch.Tensor) =
        let root = ((1.0.AsScalar() .- values) * (values .+ 1.0.AsScalar())).rsqrt()
        let struct (_, turned) = torch.linalg.qr ((right * column root right).flip -1L)
        let upper = (turned.mH.resolve_conj ()).flip [| -2L; -1L |]
        let signs = signs (Tensors.realDiagonal upper)

        (left * (values.unsqueeze -2L).``to`` left.dtype).matmul(right).matmul upper
        * (signs.unsqueeze -2L).``to`` upper.dtype

    override _.Code = Code.call "lipschitz" [ Code.Float bound ]
    override this.Inputs form = Node.same this Requirement.matrices form
    override _.Codomain _ = ContractionSpaces.contractions bound

    override _.Forward(inputs, _) =
        let x = inputs[0]
        let struct (tall, q, r) = factored x
        let signs = (signs (Tensors.realDiagonal r)).unsqueeze -2L
        // Where X is small the block of Q loses its digits, and where X is large the quotient its norm.
        let block = q.narrow (-2L, 0L, Tensors.rows tall)
        let quotient = torch.linalg.solve_triangular (r, tall, upper = true, left = false)
        let isSmall = (Norms.largest tall [| tall.dim () - 2L; tall.dim () - 1L |]).le(1.0.AsScalar())
        let contraction = torch.where (isSmall, quotient, block) * signs.``to`` block.dtype
        asGiven x contraction * bound.AsScalar()

    override _.Contains(_, tensor, epsilon) =
        let struct (_, values, _) = decomposed tensor
        let condition = invariant $"|W|_2 <= {bound} (in units of the bound)"
        Violation.unless condition (Tensors.largest values) (1.0 + limit tensor epsilon)

    override _.Invert(_, tensor, epsilon, want) =
        let struct (left, values, right) = decomposed tensor
        let most = 1.0 - limit tensor epsilon
        // Those on the edge start where they can be trained; the others stay.
        let struct (edge, replaced) =
            if want = Want.Start then
                struct (inside tensor epsilon, 0.75)
            else
                struct (most, most)

        let found = values.masked_fill (values.gt (edge.AsScalar()), replaced.AsScalar())

        NodeParts.ofInput ((asGiven tensor (inverse left found right)).``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) =
            let struct (_, values, _) = decomposed tensor
            Tensors.largest values > inside tensor epsilon

    interface IHoldsNumbers with
        member _.Factors = [ bound ]
        member _.Offsets = []

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IVolume with
        /// `sum_i (2i - n - 2k - 2) log R_ii` for a real tall n x k matrix, i from 1, and a power of the bound; for a complex one
        /// `sum_i (4i - 2n - 4k - 2) log R_ii`.
        member _.LogVolume(inputs, _) =
            let x = inputs[0]
            let struct (_, _, r) = factored x
            let diagonal = Tensors.realDiagonal r
            let n, k = max (Tensors.rows x) (Tensors.last x), Tensors.last diagonal

            let places = Tensors.range 1L (k + 1L) diagonal.dtype x.device

            let weights =
                if x.is_complex () then
                    places * 4.0.AsScalar() - (float (2L * n + 4L * k + 2L)).AsScalar()
                else
                    places * 2.0.AsScalar() - (float (n + 2L * k + 2L)).AsScalar()

            let reals = n * k * (if x.is_complex () then 2L else 1L)
            (diagonal.abs().log() * weights).sum [| -1L |] .+ (float reals * log bound).AsScalar()

    interface ISampled with
        /// Uniform on the ball: the upper block of a random matrix with orthonormal columns and n + k + 1 rows, n + k when complex.
        member _.Sample(form, generator) =
            let count = form.Shape.Length
            let rows, columns = form.Shape[count - 2], form.Shape[count - 1]
            let n, k = max rows columns, min rows columns
            let whole = if Form.isComplex form.Dtype then n + k else n + k + 1L
            let shape = Array.append form.Shape[.. count - 3] [| whole; k |]
            let top = (Orthonormal.sample shape form.Dtype form.Device generator).narrow(-2L, 0L, n)
            (if columns > rows then top.mT else top) * bound.AsScalar()

namespace Parametrize.Values

open System
open Parametrize

/// The value `lipschitz`.
[<AutoOpen>]
module ContractionValues =

    /// n x k matrices of spectral norm below `bound`: linear maps that are Lipschitz with that constant. `bound X R^-1` with
    /// `R^H R = I + X^H X`, one to one, by a QR factorization: O(n k^2) for k <= n. Projects to the nearest one, whose singular
    /// values are cut off; those that are cut off or on the edge start at 3/4 of the bound. Samples are uniform.
    /// Throws ArgumentException for a bound that is not positive and finite.
    let lipschitz (bound: float) : Parametrization =
        Options.requirePositive (nameof bound) bound

        Parametrization.ofNode (ContractionNode bound)
