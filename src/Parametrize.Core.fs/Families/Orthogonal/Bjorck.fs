namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal BjorckSpaces =

    let contractions: Space =
        { new Space("matrices of spectral norm 1 at most",
                    [],
                    [ Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

/// `X <- X (3 I - X^H X) / 2`, a fixed number of times (Bjorck & Bowie 1971, with p = 1; Anil, Lucas & Grosse 2019). Each
/// singular value s becomes s (3 - s^2) / 2, which takes [0, 1] onto itself, one to one, and [0, 3/2] into it. So matrices whose
/// norm |(X^H X)^16|_F^(1/32) is more than 1.2 are first shortened to one between 1.2 and 1.5. It is never less than the
/// spectral norm, and of matrices in the space at most k^(1/64), which is less than 1.2 for k up to 100,000.
type internal BjorckNode(iterations: int) =
    inherit Node()

    let near, far = 1.2, 1.5

    let upright (matrix: torch.Tensor) = if Tensors.rows matrix < Tensors.last matrix then matrix.mT else matrix

    let norm (matrix: torch.Tensor) = torch.linalg.norm (matrix, [| -2L; -1L |], true)

    let square (matrix: torch.Tensor) = matrix.matmul matrix

    /// The norm of which the 32th power is that of the 16th power of X^H X. In units of their norm, no power overflows or vanishes.
    let bound (gram: torch.Tensor) =
        let first = norm gram

        let next (struct (bound: torch.Tensor, power: torch.Tensor, share: float)) () =
            let square = square power
            let size = norm square
            struct (bound * size.pow (share.AsScalar()), square / size, share / 2.0)

        let struct (bound, _, _) =
            Seq.init 4 ignore |> Seq.fold next (struct (first.sqrt (), gram / first, 0.25))

        bound

    let shortened (tall: torch.Tensor) =
        let unit = (Norms.largest tall [| tall.dim () - 2L; tall.dim () - 1L |]).clamp_min(1.0.AsScalar())

        let scaled = Norms.dividedBy unit tall
        let gram = Norms.gram scaled
        // The bound of a zero matrix is NaN, which is not greater either.
        let isLong = (bound (gram.detach ()) * unit).gt(near.AsScalar())
        let bound = bound (torch.where (isLong, gram, Tensors.eyeLike gram))
        // Strictly increasing, with the slope 1 where it begins.
        let beyond = (bound - near.AsScalar() / unit) * (1.0 / (far - near)).AsScalar()
        let shorter = far.AsScalar() .- (far - near).AsScalar() / (beyond * unit .+ 1.0.AsScalar())
        torch.where (isLong, scaled * (shorter / bound), tall)

    /// The s in [0, 1] of which so many steps make these singular values: 2 sin(asin(t) / 3).
    let before (values: torch.Tensor) =
        Seq.init iterations ignore
        |> Seq.fold (fun (s: torch.Tensor) () -> (s.asin () / 3.0.AsScalar()).sin() * 2.0.AsScalar()) values

    let spectralNorm (tensor: torch.Tensor) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 tensor
        Tensors.largest ((torch.linalg.svdvals matrix).narrow(-1L, 0L, 1L) * unit.squeeze -1L)

    let limit (epsilon: float) (tensor: torch.Tensor) =
        Tensors.limit epsilon (min (Tensors.rows tensor) (Tensors.last tensor)) 1.0

    override _.Code = Code.call "bjorck" [ Code.Integer iterations ]
    override this.Inputs form = Node.same this Requirement.matrices form
    override _.Codomain _ = BjorckSpaces.contractions

    override _.Forward(inputs, _) =
        let isWide = Tensors.rows inputs[0] < Tensors.last inputs[0]

        let result =
            Seq.init iterations ignore
            |> Seq.fold (fun matrix () -> Orthonormal.newtonSchulz matrix) (shortened (upright inputs[0]))

        if isWide then result.mT else result

    override _.Contains(_, tensor, epsilon) =
        Violation.unless "|W|_2 <= 1" (spectralNorm tensor - 1.0) (limit epsilon tensor)

    /// Singular values beyond 1 become 1, which is the nearest. To train, those at 1 start where the map is not flat.
    override _.Invert(_, tensor, _, want) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 tensor
        let struct (left, values, right) = Svd.thin matrix
        let found = before ((values * unit.squeeze -1L).clamp_max(1.0.AsScalar()))
        let found = if want = Want.Start then found.clamp_max (0.9.AsScalar()) else found
        NodeParts.ofInput ((left * found.unsqueeze -2L).matmul(right).``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) = spectralNorm tensor >= 1.0 - limit epsilon tensor

    interface ISampled with
        /// Normal matrices scaled to a spectral norm of about 1; longer ones are projected.
        member _.Sample(form, generator) =
            let normal = Form.normal generator form
            let sides = sqrt (float (Tensors.rows normal)) + sqrt (float (Tensors.last normal))
            normal / sides.AsScalar()

namespace Parametrize.Values

open Parametrize

/// The value `bjorck`.
[<AutoOpen>]
module BjorckValues =

    /// n x k matrices of spectral norm 1 at most, for Lipschitz networks. Each of the `iterations` steps,
    /// `X <- X (3 I - X^H X) / 2`, moves X towards orthonormal columns (rows, when wide), in O(n k min(n, k)). Exact in this
    /// sense: it reaches every matrix of spectral norm 1 at most, orthonormal ones among them, and nothing else; a singular value
    /// s near 1 ends at a distance of about (1 - s)^(2^iterations) from 1; small ones grow by the factor 3/2 in each step.
    /// Projects to the nearest: singular values beyond 1 become 1. Throws ArgumentException for fewer than 1 iteration or more
    /// than 1000.
    let bjorck (iterations: int) : Parametrization =
        Options.requireSteps (nameof iterations) "iteration" 1000 iterations
        Parametrization.ofNode (BjorckNode iterations)
