namespace Parametrize

open TorchSharp

/// Going on from what a chain carries, when its last link becomes one with the next, as prunings do.
[<RequireQualifiedAccess>]
module internal Continuation =

    /// What the last link carries after `next` has become one with it.
    let private carried (last: StackedLink) (next: Link) (value: Parametrization) (parts: Parts) =
        Tensors.detached (Result.toOption >> Option.toArray >> Seq.concat) (fun () ->
            let tensor = Parametrization.forward value parts

            Checks.tensor (Parametrization.ofLink next) tensor
            |> Result.bind (fun () ->
                last.Continue(next, Array.last parts.BufferArrays, tensor)
                |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(next.Code, reason))))

    /// Parts for more links that stay apart: copies.
    let private extended (more: Link list) (value: Parametrization) (parts: Parts) =
        let longer = Parametrization.andThen (Composition.ofLinks more) value
        use tensor = Tensors.detached Seq.singleton (fun () -> Parametrization.forward value parts)
        Parametrization.extend longer parts tensor

    /// Parts for `value >>> more` when the last link becomes one with the first of the others: the parameters stay, and
    /// it goes on from what it carries. None when the links stay apart.
    let tryContinue (more: Parametrization) (value: Parametrization) (parts: Parts) =
        match List.tryLast value.Links, more.Links with
        | Some(:? StackedLink as last), next :: rest when (last.Absorb next).IsSome ->
            carried last next value parts
            |> Result.bind (fun row ->
                let before = parts.BufferArrays[.. parts.BufferArrays.Length - 2]
                let grown = new Parts(parts.ParameterArray, Array.append before [| row |])

                if List.isEmpty rest then
                    Ok grown
                else
                    let first = Parametrization.andThen (Parametrization.ofLink next) value
                    let longer = extended rest first grown
                    row |> Array.iter _.Dispose()
                    longer)
            |> Some
        | _ -> None
