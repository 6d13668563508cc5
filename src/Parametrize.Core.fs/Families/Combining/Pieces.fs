namespace Parametrize

open TorchSharp

/// The value among several that takes what the others leave of a tensor.
[<RequireQualifiedAccess>]
module internal Rest =

    /// The position of the first free value. Throws ArgumentException if no value is free, or if there are fewer than two.
    let positionIn (whole: string) (part: string) (values: Parametrization list) : int =
        if values.Length < 2 then
            invalidArg $"{part}s" $"A {whole} has at least two {part}s, not {values.Length}."

        match values |> List.tryFindIndex Traits.isFree with
        | Some position -> position
        | None ->
            invalidArg
                $"{part}s"
                $"One {part} has to be free, such as identity, to take what the others leave, but all {part}s are constrained."

/// A tensor that is put together of pieces, each of a value of its own.
[<AbstractClass>]
type internal PiecesNode() =
    inherit Node()

    /// The pieces of a tensor.
    abstract Cut: tensor: torch.Tensor -> torch.Tensor[]

    override this.Invert(_, tensor, _, _) = Ok { Inputs = this.Cut tensor; Buffers = [||] }

    interface IPlacesEntries

    interface ICuts with
        member this.Cut tensor = this.Cut tensor

    interface IDimension with
        member _.Dimension(_, before, _) =
            let known = before |> List.choose snd
            if known.Length = before.Length then Some(List.sum known) else None
