namespace Parametrize

open TorchSharp

/// A link that reads a convolution kernel `[out, in, k...]` as the matrix `out x (in k...)`.
type internal KernelLink(matrixLink: Link) =
    inherit Link()

    let asMatrix (kernel: torch.Tensor) = kernel.flatten 1L

    let likeKernel (kernel: torch.Tensor) (matrix: torch.Tensor) = matrix.reshape kernel.shape

    let formOfMatrix (form: Form) = { form with Shape = [| form.Shape[0]; Array.fold (*) 1L form.Shape[1..] |] }

    let reshaped (kernel: torch.Tensor) (parts: LinkParts) =
        { parts with Inputs = parts.Inputs |> Array.map (likeKernel kernel) }

    /// The link that reads the matrix.
    member _.Inner: Link = matrixLink

    override _.Code = $"onKernel {Typed.argument matrixLink.Code}"
    override _.Key = box matrixLink

    override _.Requirement = { matrixLink.Requirement with Dimensions = 2; Square = false }

    override _.Expects form =
        match Form.check matrixLink.Code matrixLink.Requirement (formOfMatrix form) with
        | Ok() -> matrixLink.Expects(formOfMatrix form)
        | Error _ -> Some "a kernel whose matrix, out x (in k...), is square"

    override _.Domain =
        match matrixLink.Domain with
        | Domain.Anything -> Domain.Anything
        | Domain.OneOf spaces -> Domain.OneOf(spaces |> List.map Space.ofKernel)

    override _.Codomain = Space.ofKernel matrixLink.Codomain
    override _.BufferNames = matrixLink.BufferNames
    override _.IsBatched = false
    override _.Learns = matrixLink.Learns

    override _.Forward(inputs, buffers) =
        matrixLink.Forward(inputs |> Array.map asMatrix, buffers) |> likeKernel inputs[0]

    override _.Narrow(kernel, dtype) = matrixLink.Narrow(kernel, dtype)

    override _.Contains(present, kernel, epsilon) = matrixLink.Contains(present, asMatrix kernel, epsilon)

    override _.RightInverse(present, kernel, epsilon) =
        matrixLink.RightInverse(present, asMatrix kernel, epsilon) |> Result.map (reshaped kernel)

    override _.CanCarry(buffers, epsilon) = matrixLink.CanCarry(buffers, epsilon)

    override _.Mend buffers = matrixLink.Mend buffers

    override _.Approximate(kernel, epsilon) =
        matrixLink.Approximate(asMatrix kernel, epsilon) |> Result.map (reshaped kernel)

    override _.Nearest(kernel, epsilon) = matrixLink.Nearest(asMatrix kernel, epsilon) |> likeKernel kernel

    override _.Sample(form, generator) = matrixLink.Sample(formOfMatrix form, generator).reshape form.Shape

    override _.Advance(inputs, buffers) = matrixLink.Advance(inputs |> Array.map asMatrix, buffers)

    override this.Behind space =
        match space with
        | Space.OfKernel inner -> KernelLink(matrixLink.Behind inner)
        | _ -> this
