namespace Parametrize

open TorchSharp

/// Going on from what a chain carries, when its last link becomes one with the next, as prunings do.
[<RequireQualifiedAccess>]
module internal Continuation =

    /// Parts for `value >>> more` when the last link becomes one with the first of the others: the parameters stay, and
    /// it goes on from what it carries. None when the links stay apart.
    let tryContinue (more: Parametrization) (value: Parametrization) (parts: Parts) =
        match List.tryLast value.Links, more.Links with
        | Some(:? StackedLink as last), next :: rest when (last.Absorb next).IsSome ->
            let position = value.Links.Length - 1
            let first = Parametrization.andThen (Parametrization.ofLink next) value

            let continued () =
                let tensor = Parametrization.forward value parts

                Checks.tensor (Parametrization.ofLink next) tensor
                |> Result.bind (fun () ->
                    last.Continue(next, parts.BufferArrays[position], tensor)
                    |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(next.Code, reason)))

            let result =
                Tensors.detached (Result.toOption >> Option.toArray >> Seq.concat) continued
                |> Result.bind (fun row ->
                    let rows = Array.append parts.BufferArrays[.. position - 1] [| row |]
                    let next = new Parts(parts.ParameterArray, rows)

                    if List.isEmpty rest then
                        Ok next
                    else
                        use tensor = Tensors.detached Seq.singleton (fun () -> Parametrization.forward first next)

                        let extended =
                            Parametrization.extend
                                (Parametrization.andThen (Composition.ofLinks rest) first)
                                next
                                tensor
                        // Extending copies.
                        row |> Array.iter _.Dispose()
                        extended)

            Some result
        | _ -> None
