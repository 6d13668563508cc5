namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal AolSpaces =

    /// Every block of `|W^H W|` that does not fall apart has the spectral radius 1, zero columns aside.
    let aol: Space =
        { new Space("matrices W with |W^H W| d = d for a positive d", [], [ Closure.Negation; Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> one.Reals * one.Rows * one.Columns - 1L) form
        }

/// `W = X D^-1/2` with `D_ii = sum_j |X^H X|_ij`, whose spectral norm is at most 1 (Prach & Lampert 2022, theorem 1). With
/// G = |W^H W| and `G d = d`, X = W diag(d) yields W: d is the Perron vector of G. O(n k^2); the right inverse O(n k^2 + k^3).
type internal AolNode() =
    inherit Node()

    let both (matrix: torch.Tensor) = [| matrix.dim () - 2L; matrix.dim () - 1L |]

    let gram (matrix: torch.Tensor) = (matrix.mH.matmul matrix).abs()

    /// How often a matrix is squared that gives small entries of a vector as many digits as large ones.
    let squarings = 6

    /// What an entry of a Perron vector counts at least.
    let least = 1e-150

    /// A vector d for each matrix, and `(G d)_i / d_i`, which is 1 where it is a Perron vector; zero columns have ones.
    let perron (matrix: torch.Tensor) (limit: float) : struct (torch.Tensor * torch.Tensor) =
        let g = gram matrix
        let isZero = (Tensors.diagonal g).eq(0.0.AsScalar()).unsqueeze -1L
        let struct (values, vectors) = torch.linalg.eigh g
        // Of blocks that fall apart each has an eigenvector of its own.
        let isOne = (values - 1.0.AsScalar()).abs().le((limit / 8.0).AsScalar()).``to`` g.dtype
        let weights = vectors.sum ([| -2L |], keepdim = true) * isOne.unsqueeze -2L
        let start = (vectors * weights).sum([| -1L |], keepdim = true).clamp_min(least.AsScalar())
        // Of numbers that are not negative, products lose no digits.
        let mutable power = (g + Tensors.eyeLike g) * 0.5.AsScalar()

        for _ in 1..squarings do
            power <- power.matmul power
            power <- power / power.amax ([| -2L; -1L |], keepdim = true)

        let d = power.matmul start
        let d = (d / d.amax ([| -2L |], keepdim = true)).clamp_min(least.AsScalar())
        let ratio = g.matmul d / d
        let one = torch.ones_like d
        struct (torch.where(isZero, one, d).mT, torch.where (isZero, one, ratio))

    let limitOf (tensor: torch.Tensor) (epsilon: float) = Tensors.limit epsilon (Tensors.rows tensor) 1.0

    override _.Code = Code.name "aol"
    override this.Inputs form = Node.same this Requirement.matrices form
    override _.Codomain _ = AolSpaces.aol

    override _.Forward(inputs, _) =
        // Nothing depends on the unit.
        let scaled = Norms.inUnits inputs[0] (Norms.largest inputs[0] (both inputs[0]))
        let sums = (gram scaled).sum([| -2L |], keepdim = true)
        scaled * (Norms.oneWhereZero sums).rsqrt()

    override _.Contains(_, tensor, epsilon) =
        // No entry of an element is larger than 1.
        let wide = Entrywise.within 4.0 (Tensors.inDouble tensor)
        let limit = limitOf tensor epsilon
        let struct (_, ratio) = perron wide limit
        Violation.unless "|W^H W| d = d" (Tensors.largest (ratio - 1.0.AsScalar())) limit

    /// Matrices that are allowed stay beside others.
    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let limit = limitOf tensor epsilon
        let struct (d, ratio) = perron (Entrywise.within 4.0 wide) limit
        let found = (wide * d).``to`` tensor.dtype

        if want = Want.Exact then
            NodeParts.ofInput found
        else
            let isAllowed = (ratio - 1.0.AsScalar()).abs().amax([| -2L |], keepdim = true).le(limit.AsScalar())
            NodeParts.ofInput (torch.where (isAllowed, found, tensor))

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module AolValues =

    /// Almost orthogonal matrices, whose spectral norm is at most 1, so that layers are 1-Lipschitz: `X D^-1/2` with
    /// `D_ii = sum_j |X^H X|_ij` (AOL: Prach & Lampert 2022). n x k, O(n k^2) without a decomposition; assigning takes the
    /// eigenvectors of a k x k matrix. A matrix is allowed where `|W^H W| d = d` for a positive d. The parameter is the tensor
    /// as it is, which projects by the map (a retraction).
    let aol: Parametrization = Parametrization.ofNode (AolNode())
