/// Golden lists of numbers that differ a little between processors.
[<RequireQualifiedAccess>]
module Properties.Core.Golden.KeptLines

open Expecto
open Properties.Core
open TorchSharp

/// Fails for lines that differ from those of the file by more than rounding: a line that differs passes if it is near the old
/// one, or if it changes visibly when the tensors are moved by a few units of roundoff.
let require
    (list: string)
    (kept: Map<string, string>)
    (linesOf: (torch.Tensor -> torch.Tensor) -> (string * string) list)
    (isNear: string -> string -> string -> bool)
    (isUnmoved: string -> string -> string -> bool)
    : unit =
    let nudged = lazy [ for seed in 1UL .. 4UL -> Map.ofList (linesOf (Rounding.nudged seed)) ]

    let isOfRounding (key: string) (text: string) =
        nudged.Value |> List.choose (Map.tryFind key) |> List.exists (isUnmoved key text >> not)

    let wrong =
        [
            for key, text in linesOf id do
                match kept.TryFind key with
                | None -> $"{key} is not in the list"
                | Some expected when not (isNear key expected text) && not (isOfRounding key text) ->
                    $"{key}: {text}, but it was {expected}"
                | Some _ -> ()
        ]

    if not wrong.IsEmpty then
        let lines = String.concat "\n" (List.truncate 8 wrong)
        failtest $"{wrong.Length} lines changed (dotnet run -- {list} > golden/{list}.txt):\n{lines}"
