namespace Parametrize

open System.Collections.Generic
open TorchSharp

/// The tensors that belong to one parametrized tensor: parameters, which an optimizer trains, and buffers, one row for each node.
/// Immutable: operations return new parts, which share the tensors that did not change.
[<Sealed; AllowNullLiteral(false)>]
type Parts internal (shape: int64[], parameters: torch.Tensor[], buffers: torch.Tensor[][]) =

    /// The shape of the tensor that is computed.
    member internal _.Shape: int64[] = shape

    member internal _.ParameterArray: torch.Tensor[] = parameters
    member internal _.BufferArrays: torch.Tensor[][] = buffers

    /// The parameters, named by `Parametrization.parameterNames`.
    member _.Parameters: IReadOnlyList<torch.Tensor> = parameters

    /// The parameters that an optimizer can take: all of them, unless the parts were made of computed tensors.
    member _.Trainable: Modules.Parameter seq =
        parameters
        |> Seq.choose (function
            | :? Modules.Parameter as p -> Some p
            | _ -> None)

    /// The buffers of all nodes in order, named by `Parametrization.bufferNames`.
    member _.Buffers: IReadOnlyList<torch.Tensor> = Array.concat buffers

    /// Every tensor, parameters first.
    member _.Tensors: torch.Tensor seq = Array.append parameters (Array.concat buffers)

    /// Disposes every tensor of these parts.
    member this.Dispose() : unit =
        for tensor in this.Tensors do
            tensor.Dispose()

    interface System.IDisposable with
        member this.Dispose() : unit = this.Dispose()
