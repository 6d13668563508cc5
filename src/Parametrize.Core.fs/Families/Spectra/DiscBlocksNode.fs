namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Block triangular matrices `T = r B` where the eigenvalues of B have moduli below 1: by Cayley's map `B = (I + A) (I - A)^-1` of blocks
/// A whose eigenvalues have negative real parts, one to one. With `D = det(I - A)`, `B = 2/D [(1-m) + w, u + v; u - v, (1-m) - w] - I`.
type internal DiscBlocksNode(radius: float) =
    inherit Node()

    let space = StableSpace(Region.Disc radius, true)
    let number (x: float) = x.AsScalar()

    let forward (x: torch.Tensor) =
        let struct (a, root) =
            Blocks.stable (Blocks.ofNumbers (Entrywise.within (Form.greatest x.dtype / 16.0) x))

        // (1-m)^2 + v^2 - w^2 - u^2, without differences.
        let half = (number 1.0 .- a.M * number 2.0 +. root.Squared()) / number (2.0 * radius)

        {
            M = (number 1.0 .- a.M) / half - number radius
            W = a.W / half
            U = a.U / half
            V = a.V / half
            Last = number (2.0 * radius) / (number 1.0 .- a.Last) - number radius
        }
        |> Blocks.place x
        |> Entrywise.within (Form.greatest x.dtype)

    let large = 1e100
    let isLarge (size: torch.Tensor) = size.ge (number (large / 2.0))

    /// B in double precision. Blocks whose squares would overflow are made smaller, which does not matter to what they are scaled to.
    /// They are beyond the edge by any measure.
    let blocksOf (tensor: torch.Tensor) : Blocks =
        let b = Blocks.ofMatrix (Tensors.inDouble tensor)
        let most = number (radius * large)
        let ratio (size: torch.Tensor) = most / size.clamp_min most
        let ofBlock = ratio (Blocks.length [ b.M; b.W; b.U; b.V ])
        let unit (ratio: torch.Tensor) (x: torch.Tensor) = x * ratio / number radius

        {
            M = unit ofBlock b.M
            W = unit ofBlock b.W
            U = unit ofBlock b.U
            V = unit ofBlock b.V
            Last = unit (ratio (b.Last.abs ())) b.Last
        }

    let shifted (c: float) (b: Blocks) = { b with M = b.M .+ number c }
    let size (b: Blocks) = Blocks.length [ b.M; b.W; b.U; b.V ]

    /// `det(B + c I)`, to the last digits where it is small.
    let determinant (c: float) (b: Blocks) =
        let root = Blocks.signedRoot (shifted c b)
        root * root.abs ()

    let moduli (b: Blocks) =
        // Of real eigenvalues M +- sqrt(-square).
        let square = b.V.Squared() - b.W.Squared() - b.U.Squared()
        let complex = (b.M.Squared() +. square.relu ()).sqrt()
        torch.where (square.gt (number 0.0), complex, b.M.abs () +. square.neg().relu().sqrt())

    /// How far blocks are beyond the edge, to first order in their entries: where `1 - det B` or `det(I -+ B)` are negative. In units of
    /// the radius; negative inside.
    let beyond (b: Blocks) =
        let off (excess: torch.Tensor) (slope: torch.Tensor) =
            excess / Norms.oneWhereZero (slope.maximum ((excess.abs ()).sqrt()))

        let at (c: float) = off (-(determinant c b)) (size (shifted c b))

        let off = ((at 1.0).maximum(at -1.0)).maximum(off (determinant 0.0 b - number 1.0) (size b))
        off.masked_fill (isLarge (size b), number infinity)

    let beyondLast (b: Blocks) = (b.Last.abs () - number 1.0).masked_fill(isLarge (b.Last.abs ()), number infinity)

    /// The tolerance for each matrix, in units of the radius.
    let limits (tensor: torch.Tensor) (epsilon: float) =
        let largest = (Tensors.inDouble tensor).abs().amax([| -2L; -1L |], keepdim = true).squeeze -1L

        (largest / number radius).clamp_min(number 1.0)
        * number (4.0 * Tensors.limit epsilon (Tensors.last tensor) 1.0)

    /// Scaled to this modulus where a condition holds and theirs is larger.
    let scaled (most: float) (isMoved: torch.Tensor) (isLastMoved: torch.Tensor) (b: Blocks) : Blocks =
        let factor (moduli: torch.Tensor) (isMoved: torch.Tensor) =
            torch.where (isMoved, number most / moduli.clamp_min (number most), torch.ones_like moduli)

        let ratio = factor (moduli b) isMoved

        {
            M = b.M * ratio
            W = b.W * ratio
            U = b.U * ratio
            V = b.V * ratio
            Last = b.Last * factor (b.Last.abs ()) isLastMoved
        }

    /// The parameter of T. Blocks beyond the edge are scaled to it, and then moved inside by a few roundoffs.
    let inverse (tensor: torch.Tensor) (epsilon: float) (starts: bool) =
        let b, limits = blocksOf tensor, limits tensor epsilon
        let tiny = 4.0 * Form.epsilon tensor.dtype

        let b =
            if starts then
                scaled 0.75 ((beyond b).gt -limits) ((beyondLast b).gt -limits) b
            else
                scaled 1.0 ((beyond b).gt limits) ((beyondLast b).gt limits) b

        // The three numbers that are positive inside; their sum is 4 with twice the first. Where the trace or the determinant change
        // by rounding, so do they, together.
        let least (c: float) = ((size (shifted c b)) * number tiny).clamp(number (tiny * tiny), number 0.25)

        let minus, plus = least -1.0, least 1.0
        let under, over = determinant -1.0 b, determinant 1.0 b
        let most = number 4.0 .- (size b * number (2.0 * tiny)).clamp_max(number 0.25)
        let lowered = (under +. over - most).relu() / number 2.0
        let raised = (minus +. plus - under - over).relu() / number 2.0
        let under, over = under - lowered +. raised, over - lowered +. raised
        let turned = (minus - under).relu() - (plus - over).relu()
        let under, over = under +. turned, over - turned
        let inside = number 2.0 .- (under +. over) / number 2.0
        let last = b.Last.clamp (number (tiny - 1.0), number (1.0 - tiny))
        let stretched (x: torch.Tensor) = x * number 2.0 / over

        let stable =
            {
                M = -(inside / over)
                W = stretched b.W
                U = stretched b.U
                V = stretched b.V
                Last = -((number 1.0 .- last) / (last .+ number 1.0))
            }

        Blocks.placeNumbers (Tensors.inDouble tensor) (Blocks.free stable ((under / over).sqrt()))

    override _.Code = Code.call "schurStableBlocks" [ Code.Float radius ]
    override this.Inputs form = Node.same this Requirement.realSquares form
    override _.Codomain _ = space :> Space
    override _.Forward(inputs, _) = forward inputs[0]

    override _.Contains(_, tensor, epsilon) =
        let wide, b = Tensors.inDouble tensor, blocksOf tensor
        let below = (wide - Blocks.place wide (Blocks.ofMatrix wide)).abs().amax [| -1L |] / number radius
        let off = torch.cat ([| beyond b; beyondLast b; below |], -1L)
        let limits = (limits tensor epsilon).expand_as off
        let worst = (off / limits).argmax()
        let at (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
        Violation.unless $"T in {space}" (at off) (at limits)

    override _.Invert(_, tensor, epsilon, want) =
        NodeParts.ofInput ((inverse tensor epsilon (want = Want.Start)).``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) =
            let b, limits = blocksOf tensor, limits tensor epsilon

            ((beyond b).gt -limits).any().item<bool>() || ((beyondLast b).gt -limits).any().item<bool>()

    interface IHoldsNumbers with
        member _.Factors = [ radius ]
        member _.Offsets = []

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface ISampled with
        /// What normal numbers yield, smaller above the blocks (`Blocks.spread`).
        member _.Sample(form, generator) =
            let x = Form.normal generator form
            let above = x * number (radius / Blocks.spread (Tensors.last x))
            forward (Blocks.placeNumbers above (Blocks.ofNumbers x))
