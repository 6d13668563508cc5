namespace Parametrize

open TorchSharp

/// A tensor that is put together of pieces, each of a value of its own.
[<AbstractClass>]
type internal PiecesNode() =
    inherit Node()

    /// The pieces of a tensor.
    abstract Cut: tensor: torch.Tensor -> torch.Tensor[]

    override this.Invert(_, tensor, _, _) = Ok { Inputs = this.Cut tensor; Buffers = [||] }

    interface IPlacesEntries

    interface IDimension with
        member _.Dimension(_, before, _) =
            let known = before |> List.choose snd
            if known.Length = before.Length then Some(List.sum known) else None
