namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal AolSpaces =

    /// Every block of `|W^H W|` that does not fall apart has the spectral radius 1, zero columns aside.
    let aol: Space =
        { new Space("matrices W with |W^H W| d = d for a positive d", [], [ Closure.Negation; Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> one.Reals * one.Rows * one.Columns - 1L) form
        }

    let kernels: Space =
        { new Space("kernels W with sum |W * W| d = d for a positive d", [], [ Closure.Negation ]) with
            override _.Dimension form = System.Nullable(Form.reals form - 1L)
        }

/// `W = X D^-1/2` with `D_ii = sum_j |X^H X|_ij`, whose spectral norm is at most 1 (Prach & Lampert 2022, theorem 1). With
/// G = |W^H W| and `G d = d`, X = W diag(d) yields W: d is the Perron vector of G. O(n k^2); the right inverse O(n k^2 + k^3).
type internal AolNode() =
    inherit Node()

    /// How often the matrix is squared by which small entries of a vector get as many exact digits as large ones.
    let squarings = 6

    /// The least size of an entry of a Perron vector; smaller ones count as this.
    let least = 1e-150

    /// In double precision, with entries whose squares are numbers. No entry of an element is larger than 1.
    let withSquares (tensor: torch.Tensor) =
        let wide = Entrywise.within 4.0 (Tensors.inDouble tensor)
        torch.where (wide.abs().lt(least.AsScalar()), wide.sgn () * least.AsScalar(), wide)

    /// A vector d for each matrix, and `(G d)_i / d_i`, which is 1 where it is a Perron vector; zero columns have ones.
    let perron (g: torch.Tensor) (limit: float) : struct (torch.Tensor * torch.Tensor) =
        let isZero = (Tensors.diagonal g).eq(0.0.AsScalar()).unsqueeze -1L
        let struct (values, vectors) = torch.linalg.eigh g
        // Each independent block of the matrix has an eigenvector of its own.
        let isOne = (values - 1.0.AsScalar()).abs().le((limit / 8.0).AsScalar()).``to`` g.dtype
        let weights = vectors.sum ([| -2L |], keepdim = true) * isOne.unsqueeze -2L
        let start = (vectors * weights).sum([| -1L |], keepdim = true).clamp_min(least.AsScalar())
        // No entry is negative, so that products lose no digits.
        let mutable power = (g +. Tensors.eyeLike g) * 0.5.AsScalar()

        for _ in 1..squarings do
            power <- power.matmul power
            power <- power / power.amax ([| -2L; -1L |], keepdim = true)

        let d = power.matmul start
        let d = (d / d.amax ([| -2L |], keepdim = true)).clamp_min(least.AsScalar())
        let ratio = g.matmul d / d
        let one = torch.ones_like d
        struct (torch.where(isZero, one, d).mT, torch.where (isZero, one, ratio))

    /// The dimensions of one problem.
    abstract Along: tensor: torch.Tensor -> int64[]
    default _.Along matrix = [| matrix.dim () - 2L; matrix.dim () - 1L |]

    /// G of an element.
    abstract Gram: tensor: torch.Tensor -> torch.Tensor
    default _.Gram matrix = (matrix.mH.matmul matrix).abs()

    /// A row with one number for each column, in a shape that broadcasts with the tensor.
    abstract Spread: row: torch.Tensor * tensor: torch.Tensor -> torch.Tensor
    default _.Spread(row, _) = row

    /// The shape as a batch of matrices, one for each problem.
    abstract Problems: tensor: torch.Tensor -> int64[]
    default _.Problems matrix = matrix.shape

    abstract Condition: string
    default _.Condition = "|W^H W| d = d"

    abstract Limit: tensor: torch.Tensor * epsilon: float -> float
    default _.Limit(tensor, epsilon) = Tensors.limit epsilon (Tensors.rows tensor) 1.0

    override _.Code = Code.name "aol"
    override this.Inputs form = Node.same this Requirement.matrices form
    override _.Codomain _ = AolSpaces.aol

    override this.Forward(inputs, _) =
        // Nothing depends on the unit.
        let scaled = Norms.inUnits inputs[0] (Norms.largest inputs[0] (this.Along inputs[0]))

        let within (scaled: torch.Tensor) =
            let sums = (this.Gram scaled).sum([| -2L |], keepdim = true)
            struct (sums, scaled * this.Spread((Norms.oneWhereZero sums).rsqrt(), scaled))

        let struct (sums, result) = within scaled

        // The slope of the root of so small a sum is no number of single precision.
        if
            Tensors.realType scaled <> torch.ScalarType.Float64
            && sums.device_type = DeviceType.CPU
            && sums.numel () > 0L
            && Tensors.number (sums.detach().min()) < 1e-24
        then
            let struct (_, result) = within (Tensors.inDouble scaled)
            result.``to`` scaled.dtype
        else
            result

    override this.Contains(_, tensor, epsilon) =
        let limit = this.Limit(tensor, epsilon)
        let struct (_, ratio) = perron (this.Gram(withSquares tensor)) limit
        Violation.unless this.Condition (Tensors.largest (ratio - 1.0.AsScalar())) limit

    /// Allowed matrices of a batch stay exact when others are not allowed.
    override this.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let limit = this.Limit(tensor, epsilon)
        let struct (d, ratio) = perron (this.Gram(withSquares tensor)) limit
        let found = (wide * this.Spread(d, wide)).``to`` tensor.dtype

        if want = Want.Exact then
            NodeParts.ofInput found
        else
            let isAllowed = (ratio - 1.0.AsScalar()).abs().amax([| -2L |], keepdim = true).le(limit.AsScalar())
            let asProblems (tensor: torch.Tensor) = tensor.reshape (this.Problems tensor)
            let chosen = torch.where (isAllowed, asProblems found, asProblems tensor)
            NodeParts.ofInput (chosen.reshape tensor.shape)

/// The same for a kernel `[out, in, k...]` as it acts on images of any size: `G_ij` is the sum of the moduli of the
/// cross-correlation of its channels i and j, which bounds the convolution with stride 1 whatever the padding (Prach & Lampert 2022).
/// Real kernels with one to three dimensions behind the channels.
type internal AolConvolutionNode() =
    inherit AolNode()

    override _.Code = Code.name "aolConvolution"

    override this.Inputs form =
        match Form.fault { Requirement.vectors with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None when form.Shape.Length < 3 || form.Shape.Length > 5 ->
            Node.wrongShape this "a kernel [out, in, k...] of 3 to 5 dimensions" form
        | None -> Ok [ form ]

    override _.IsBatched = false
    override _.Codomain _ = AolSpaces.kernels
    override _.Along kernel = [| 0L .. kernel.dim () - 1L |]
    override _.Problems kernel = [| kernel.shape[0]; kernel.numel () / kernel.shape[0] |]
    override _.Condition = "sum |W * W| d = d"

    override _.Gram kernel =
        // Channels that are read as images, always of three dimensions, and padded so that every shift counts.
        let ones = Array.create (5 - int (kernel.dim ())) 1L
        let sizes = Array.append ones kernel.shape[2..]
        let images = (kernel.reshape (Array.append kernel.shape[..1] sizes)).transpose(0L, 1L)
        let padding = sizes |> Array.map (fun size -> size - 1L)
        let correlations = torch.nn.functional.conv3d (images, images, padding = padding)
        correlations.abs().sum [| 2L; 3L; 4L |]

    override _.Spread(row, kernel) =
        row.reshape [| for place in 0 .. int (kernel.dim ()) - 1 -> if place = 1 then kernel.shape[1] else 1L |]

    override _.Limit(kernel, epsilon) = Tensors.limit epsilon (kernel.numel () / kernel.shape[1]) 1.0

namespace Parametrize.Values

open Parametrize

/// The values `aol` and `aolConvolution`.
[<AutoOpen>]
module AolValues =

    /// Almost orthogonal matrices, whose spectral norm is at most 1, so that layers are 1-Lipschitz: `X D^-1/2` with
    /// `D_ii = sum_j |X^H X|_ij` (AOL: Prach & Lampert 2022). n x k, O(n k^2) without a decomposition; assigning takes the
    /// eigenvectors of a k x k matrix. A matrix is allowed where `|W^H W| d = d` for a positive d. The parameter is the tensor
    /// as it is, which projects by the map (a retraction).
    let aol: Parametrization = Parametrization.ofNode (AolNode())

    /// Almost orthogonal kernels `[out, in, k...]`, whose convolution with stride 1 has the operator norm 1 at most on inputs of any
    /// size, with any padding: each input channel is divided by the root of the sum of the moduli of its cross-correlations with
    /// all channels (Prach & Lampert 2022). One to three dimensions behind the channels. A pass costs a convolution of the kernel
    /// with itself. Otherwise as `aol`.
    let aolConvolution: Parametrization = Parametrization.ofNode (AolConvolutionNode())
