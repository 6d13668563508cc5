namespace Parametrize

open System
open TorchSharp

[<RequireQualifiedAccess>]
module internal ConvolutionSpaces =

    let sphere (sizes: int64 list) (norm: float) : Space =
        let shown = sizes |> List.map string |> String.concat " x "

        { new Space((invariant $"kernels of operator norm {norm} on inputs of {shown}"), [], [ Closure.Negation ]) with
            override _.Dimension form = Nullable(Form.reals form - 1L)
        }

/// Norms of convolutions as they act on inputs of a size, which continue at the other end (circular padding, stride 1).
[<RequireQualifiedAccess>]
module ConvolutionNorm =

    /// The fault of the sizes for a kernel of that shape, if there is one.
    let internal fault (sizes: int64 list) (shape: int64[]) : string option =
        if shape.Length <> sizes.Length + 2 then
            Some $"a kernel [out, in, k...] of {sizes.Length + 2} dimensions"
        elif Seq.forall2 (<=) shape[2..] sizes then
            None
        else
            Some $"a kernel no larger than the input, {Form.Shown(List.toArray sizes)}"

    /// For each frequency, the matrix out x in that acts on it (Sedghi, Gupta & Long 2019, theorem 6). Of real kernels, half of
    /// them: the others are conjugate.
    let private blocks (sizes: int64[]) (kernel: torch.Tensor) : torch.Tensor =
        let along = [| for place in 2L .. kernel.dim () - 1L -> place |]

        let spectrum =
            if kernel.is_complex () then
                torch.fft.fftn (kernel, sizes, along)
            else
                torch.fft.rfftn (kernel, sizes, along)

        (spectrum.flatten 2L).permute(2L, 0L, 1L)

    /// The operator norm for a kernel whose entries are neither tiny nor huge.
    let internal ofUnits (sizes: int64[]) (kernel: torch.Tensor) : torch.Tensor =
        let blocks = blocks sizes kernel
        // Gradients take the way through the one block that counts.
        let leading = (torch.linalg.svdvals (blocks.detach ())).amax([| -1L |]).argmax()
        (torch.linalg.svdvals (blocks.index_select (0L, leading.reshape 1L))).max()

    /// The largest singular value of the convolution with a kernel `[out, in, k...]` on inputs of these sizes, one for each
    /// dimension behind the channels, exactly: `O(h w (out in log(h w) + min(out, in) out in))`. Differentiable; the caller
    /// disposes it. Throws ArgumentException for sizes that do not suit the kernel.
    let operatorNorm (sizes: int64 list) (kernel: torch.Tensor) : torch.Tensor =
        if isNull (box kernel) then
            nullArg (nameof kernel)

        match fault sizes kernel.shape with
        | Some expected -> invalidArg (nameof kernel) $"Expected {expected}; found shape {Form.Shown kernel.shape}."
        | None ->
            use _ = torch.NewDisposeScope()
            let largest = Norms.largest kernel (Norms.others kernel -1L)
            let unit = Norms.oneWhereZero largest

            (ofUnits (List.toArray sizes) (Norms.dividedBy unit kernel) * unit.reshape ([||]: int64[]))
                .MoveToOuterDisposeScope()

/// `W = bound X / |X|`, with the norm of the convolution on inputs of these sizes. Zeros yield zeros.
type internal ConvolutionNormNode(sizes: int64 list, bound: float) =
    inherit Node()

    let space = ConvolutionSpaces.sphere sizes bound

    let inUnits (kernel: torch.Tensor) =
        let largest = Norms.largest kernel (Norms.others kernel -1L)
        struct (Norms.inUnits kernel largest, largest)

    override _.Code = Code.call "convolutionNorm" [ Code.Items(List.map Code.Long sizes); Code.Float bound ]

    override this.Inputs form =
        match Form.fault Requirement.vectors form, ConvolutionNorm.fault sizes form.Shape with
        | Some error, _ -> Error(error (Node.text this))
        | None, Some expected -> Node.wrongShape this expected form
        | None, None -> Ok [ form ]

    override _.Domains = [ Domain.OneOf [ Domain.Needs [ Closure.Scaling ]; Domain.Within space ] ]
    override _.Codomain before = Space.intersect before.Head space
    override _.IsBatched = false

    override _.Forward(inputs, _) =
        let struct (scaled, _) = inUnits inputs[0]
        let norm = Norms.oneWhereZero (ConvolutionNorm.ofUnits (List.toArray sizes) scaled)
        Norms.dividedBy (norm / bound.AsScalar()) scaled

    override _.Contains(_, tensor, epsilon) =
        let struct (scaled, largest) = inUnits (Tensors.inDouble tensor)

        let share =
            Tensors.number (ConvolutionNorm.ofUnits (List.toArray sizes) scaled)
            * (Tensors.number largest / bound)

        if share = 0.0 then
            Ok()
        else
            Violation.unless
                (invariant $"|W| = {bound} as a convolution")
                (abs (share - 1.0) * bound)
                (Tensors.roundoff epsilon bound)

    override _.Invert(_, tensor, _, _) = NodeParts.ofInput tensor

    interface IHoldsNumbers with
        member _.Factors = [ bound ]
        member _.Offsets = []

    interface IDimension with
        member _.Dimension(form, before, _) = Dimension.onSphere form before.Head

namespace Parametrize.Values

/// The value `convolutionNorm`.
[<AutoOpen>]
module ConvolutionNormValues =

    open System
    open Parametrize

    /// Kernels `[out, in, k...]` whose convolution has this operator norm on inputs of these sizes with circular padding,
    /// exactly, by the Fourier transform (Sedghi, Gupta & Long 2019): `bound X / |X|`. `spectralNorm` of a kernel is the norm of
    /// the matrix `out x (in k...)`; the norm of the convolution can be larger, by up to a factor of the root of the number of
    /// taps. Each pass costs the singular values of a matrix out x in for each frequency. The parameter is the kernel as it is,
    /// which projects by the map (a retraction); zeros stay. Throws ArgumentException for a bound that is not positive and
    /// finite, and for sizes that are missing, not positive, or of more than 2^24 places together.
    let convolutionNorm (sizes: int64 list) (bound: float) : Parametrization =
        Options.requirePositive (nameof bound) bound

        if sizes.IsEmpty || List.exists (fun size -> size < 1L) sizes then
            invalidArg (nameof sizes) $"Positive sizes of an input are expected, such as [32; 32], but found {sizes}."

        let places = List.fold (*) 1.0 (List.map float sizes)

        if places > 2.0 ** 24.0 then
            invalidArg (nameof sizes) $"An input of at most 2^24 places is expected, but {sizes} has {places}."

        Parametrization.ofNode (ConvolutionNormNode(sizes, bound))
