namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Block triangular matrices `T = A - alpha I` where the eigenvalues of A have negative real parts: blocks of two rows, the last of one
/// when the size is odd. A block `[m + w, u + v; u - v, m - w]` has such eigenvalues where m < 0 and `w^2 + u^2 < R^2 = m^2 + v^2`.
type internal StableBlocksNode(alpha: float) =
    inherit Node()

    let space = StableSpace(Region.HalfPlane alpha, true)
    let zero = 0.0.AsScalar()

    let shifted (amount: float) (blocks: Blocks) : Blocks =
        { blocks with
            M = blocks.M .+ amount.AsScalar()
            Last = blocks.Last .+ amount.AsScalar()
        }

    let forward (x: torch.Tensor) =
        let struct (blocks, _) =
            Blocks.stable (Blocks.ofMatrix (Entrywise.within (Form.greatest x.dtype / 16.0) x))

        blocks |> shifted -alpha |> Blocks.place x |> Entrywise.within (Form.greatest x.dtype)

    /// The blocks of A in double precision.
    let blocksOf (tensor: torch.Tensor) : Blocks = shifted alpha (Blocks.ofMatrix (Tensors.inDouble tensor))

    /// The nearest with real parts of 0 at most.
    let nearest (blocks: Blocks) : Blocks =
        let cut = { blocks with M = blocks.M.clamp_max zero; Last = blocks.Last.clamp_max zero }
        let r, rho = Blocks.length [ cut.M; cut.V ], Blocks.length [ cut.W; cut.U ]
        let mean = r / 2.0.AsScalar() +. rho / 2.0.AsScalar()
        let isOver = (Blocks.signedRoot cut).lt zero

        let ratio (length: torch.Tensor) = torch.where (isOver, mean / Norms.oneWhereZero length, torch.ones_like mean)

        let toMean = ratio rho

        { cut with
            M = cut.M * ratio r
            // Where m and v are zero, what v becomes is as near as any: m may have been above zero.
            V = torch.where (isOver.logical_and (r.eq zero), mean, cut.V * ratio r)
            W = cut.W * toMean
            U = cut.U * toMean
        }

    let limit (tensor: torch.Tensor) (epsilon: float) = 4.0 * Tensors.limit epsilon (Tensors.last tensor) 1.0

    /// The unit of rounding errors of each matrix.
    let size (tensor: torch.Tensor) =
        (Tensors.inDouble tensor)
            .abs()
            .amax([| -2L; -1L |], keepdim = true)
            .squeeze(-1L)
            .clamp_min((abs alpha).AsScalar())

    /// Which blocks, and which last rows, are on the edge up to rounding, or beyond it; those of a zero matrix at alpha = 0 are.
    let isOnEdge (tensor: torch.Tensor) (epsilon: float) =
        let blocks, limit = blocksOf tensor, limit tensor epsilon
        let least = size tensor * (-limit).AsScalar()
        let r = Blocks.length [ blocks.M; blocks.V ]
        let isFlat = (Blocks.signedRoot blocks).le(r * (sqrt (2.0 * limit)).AsScalar())
        struct (isFlat.logical_or (blocks.M.ge least), blocks.Last.ge least)

    /// The parameter of T. Blocks on the edge or beyond it are moved inside.
    let inverse (tensor: torch.Tensor) (epsilon: float) (starts: bool) =
        let struct (isOnEdge, isLastOnEdge) = isOnEdge tensor epsilon
        let blocks = nearest (blocksOf tensor)
        let tiny = 4.0 * Form.epsilon tensor.dtype

        let least (isOnEdge: torch.Tensor) (numbers: torch.Tensor) =
            let near = (size tensor * (tiny * tiny).AsScalar()).clamp_min(1e-300.AsScalar()).expand_as numbers
            let mean = (Tensors.inDouble tensor).abs().mean([| -2L; -1L |], keepdim = true).squeeze -1L
            let far = (mean * 0.25.AsScalar()).clamp_min(Entrywise.leastStart.AsScalar())
            if starts then torch.where (isOnEdge, far.expand_as near, near) else near

        let m = blocks.M.minimum -(least isOnEdge blocks.M)
        let last = blocks.Last.minimum -(least isLastOnEdge blocks.Last)
        let r = Blocks.length [ m; blocks.V ]

        // The least root of the determinant, as a share of r.
        let part =
            // Numbers are divided by it, and rounded to the caller's element type beside others that are not.
            let near = torch.full_like (r, (sqrt (8.0 * epsilon)).AsScalar())

            if starts then
                torch.where (isOnEdge, torch.full_like (r, 0.7.AsScalar()), near)
            else
                near

        let root = (Blocks.signedRoot blocks).maximum(r * part)
        Blocks.place (Tensors.inDouble tensor) (Blocks.free { blocks with M = m; Last = last } root)

    override _.Code = Code.call "hurwitzBlocks" [ Code.Float alpha ]
    override this.Inputs form = Node.same this Requirement.realSquares form
    override _.Codomain _ = space :> Space
    override _.Forward(inputs, _) = forward inputs[0]

    override _.Contains(_, tensor, epsilon) =
        let inside = Blocks.place (Tensors.inDouble tensor) (shifted -alpha (nearest (blocksOf tensor)))
        let apart = (inside - Tensors.inDouble tensor).abs().amax([| -2L; -1L |], keepdim = true)
        let limits = (size tensor).unsqueeze -1L * (limit tensor epsilon).AsScalar()
        let worst = (apart / Norms.oneWhereZero limits).argmax()
        let at (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
        Violation.unless $"T in {space}" (at apart) (at limits)

    override _.Invert(_, tensor, epsilon, want) =
        NodeParts.ofInput ((inverse tensor epsilon (want = Want.Start)).``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) =
            let struct (blocks, last) = isOnEdge tensor epsilon
            blocks.any().item<bool>() || last.any().item<bool>()

    interface IReaches with
        member _.Least(_, _) = max alpha 0.0

    interface IHoldsNumbers with
        member _.Factors = []
        member _.Offsets = [ alpha ]

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface ISampled with
        /// What normal numbers yield, smaller above the blocks (`Blocks.spread`).
        member _.Sample(form, generator) =
            let x = Form.normal generator form
            let above = x / (Blocks.spread (Tensors.last x)).AsScalar()
            forward (Blocks.place above (Blocks.ofMatrix x))
