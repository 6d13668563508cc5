/// What tests of single cases have in common.
[<AutoOpen>]
module internal Properties.Core.SingleCases

open Expecto
open Parametrize
open Parametrize.Laws
open TorchSharp

/// A test whose tensors are disposed when it ends.
let inScope (name: string) (body: unit -> unit) : Test =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        body ())

/// What was found; the test fails where nothing was.
let orFail (result: Result<'a, ParametrizationError>) : 'a =
    match result with
    | Ok value -> value
    | Error error -> failtest $"{error}"

/// Normal entries of scale 1.
let normalOn (device: torch.Device) (dtype: torch.ScalarType) (seed: uint64) (shape: int64 list) : torch.Tensor =
    Case.unit
        1UL
        {
            Shape = List.toArray shape
            Dtype = dtype
            Scale = 1.0
            Seed = seed
            Device = device
        }

/// The same parts with another leaf.
let withLeaf (position: int) (next: torch.Tensor) (value: Parametrization) (parts: Parts) : Parts =
    let leaves =
        parts.Parameters |> Seq.mapi (fun index old -> if index = position then next else old.detach ())

    Parametrization.ofTensorsLike parts leaves parts.Buffers value
