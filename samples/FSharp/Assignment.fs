/// Assigning a weight: by a setter that throws, or as a result.
module Assignment

open Parametrize
open Parametrize.Values
open Parametrize.CSharp
open TorchSharp
open type TorchSharp.torch.nn

let run () : unit =
    let weight = Linear(4L, 4L).register_parametrization("weight", orthogonal).parametrization "weight"
    let rotation = Parametrization.sample orthogonal (Form.ofTensor weight.Value) None

    weight.Value <- rotation
    Claim.atMost 0.0 "an orthogonal matrix comes back, difference" (Claim.distance weight.Value rotation)

    match weight.TryAssign(rotation * 2.0) with
    | null -> Claim.that "twice that is refused" false "it was accepted"
    | error -> Claim.that "twice that is refused" error.IsNotAllowed error.Message

    let checkedFirst =
        Parametrization.contains orthogonal (rotation * 2.0)
        |> Result.map (fun () -> weight.Value <- rotation)

    match checkedFirst with
    | Error(ParametrizationError.NotAllowed(_, violation)) -> Claim.that "the core says by how much" true $"{violation}"
    | other -> Claim.that "the core says by how much" false $"{other}"
