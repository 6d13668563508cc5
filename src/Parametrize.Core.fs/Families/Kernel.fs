namespace Parametrize

open TorchSharp

/// A link that reads a convolution kernel `[out, in, k...]` as the matrix `out x (in k...)`. Those that become one on
/// matrices do so on kernels.
type internal KernelLink(matrixLink: Link) =
    inherit StackedLink()

    let asMatrix (kernel: torch.Tensor) = kernel.flatten 1L

    let likeKernel (kernel: torch.Tensor) (matrix: torch.Tensor) = matrix.reshape kernel.shape

    let formOfMatrix (form: Form) = { form with Shape = [| form.Shape[0]; Array.fold (*) 1L form.Shape[1..] |] }

    let reshaped (kernel: torch.Tensor) (parts: LinkParts) =
        for input in parts.Inputs do
            if input.numel () <> kernel.numel () then
                Contract.breach matrixLink "pulling back a kernel" $"{kernel.numel ()} entries" (Form.Shown input.shape)

        { parts with Inputs = parts.Inputs |> Array.map (likeKernel kernel) }

    let onMatrices (link: Link) : Link option =
        match link with
        | :? KernelLink as kernel -> Some kernel.Inner
        | _ -> None

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
        Contract.forward matrixLink (inputs |> Array.map asMatrix) buffers |> likeKernel inputs[0]

    override _.Narrow(kernel, dtype) = Contract.narrow matrixLink kernel dtype

    override _.Contains(present, kernel, epsilon) = Contract.contains matrixLink present (asMatrix kernel) epsilon

    override _.RightInverse(present, kernel, epsilon) =
        Contract.rightInverse None matrixLink present (asMatrix kernel) epsilon
        |> Result.map (reshaped kernel)

    override _.CanCarry(buffers, epsilon) = Contract.canCarry matrixLink buffers epsilon

    override _.Mend buffers = Contract.mend matrixLink buffers

    override _.Approximate(kernel, epsilon) =
        Contract.approximate None matrixLink (asMatrix kernel) epsilon |> Result.map (reshaped kernel)

    override _.Nearest(kernel, epsilon) = Contract.nearest matrixLink (asMatrix kernel) epsilon |> likeKernel kernel

    override _.Sample(form, generator) = (Contract.sample matrixLink (formOfMatrix form) generator).reshape form.Shape

    override _.Advance(inputs, buffers) = Contract.advance matrixLink (inputs |> Array.map asMatrix) buffers

    override _.Absorb next =
        match matrixLink, onMatrices next with
        | :? StackedLink as stacked, Some next ->
            stacked.Absorb next |> Option.map (fun one -> KernelLink one :> StackedLink)
        | _ -> None

    override _.Continue(next, present, kernel) =
        match matrixLink, onMatrices next with
        | :? StackedLink as stacked, Some next -> stacked.Continue(next, present, asMatrix kernel)
        | _ -> Error $"{next} does not become one with {matrixLink}."

    override this.Behind space =
        match space with
        | Space.OfKernel inner -> KernelLink(matrixLink.Behind inner)
        | _ -> this
