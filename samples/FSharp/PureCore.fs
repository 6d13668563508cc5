/// The core without modules: parts beside an immutable value, in a training loop written by hand.
module PureCore

open Parametrize
open Parametrize.Values
open TorchSharp

/// Finds the rotation that takes one cloud of points to another.
let run () : unit =
    let value = skew >>> matrixExp
    let start = torch.eye 3L
    let form = Form.ofTensor start
    let rotation = Parametrization.sample (orthogonalWithoutBase OrthogonalMap.MatrixExp) form None
    let points = torch.randn (50L, 3L)
    let images = points.matmul rotation.mT

    match Parametrization.initialize value start with
    | Error error -> Claim.that "the identity is orthogonal" false error.Message
    | Ok parts ->
        use parts = parts
        let optimizer = torch.optim.Adam(parts.Trainable, lr = 0.05)

        for _ in 1..400 do
            use _scope = torch.NewDisposeScope()
            optimizer.zero_grad ()
            let found = Parametrization.forward value parts
            (points.matmul found.mT - images).square().mean().backward()
            optimizer.step () |> ignore

        Claim.atMost
            1e-3
            "the rotation is found, difference"
            (Claim.distance (Parametrization.forward value parts) rotation)

        match Parametrization.rebase value parts with
        | Error error -> Claim.that "the base moves there" false error.Message
        | Ok moved ->
            use moved = moved

            let difference =
                Claim.distance (Parametrization.forward value moved) (Parametrization.forward value parts)

            Claim.atMost 1e-5 "the base moves there and the tensor stays, difference" difference
            Claim.atMost 0.0 "the parameter is then" (moved.Parameters[0].abs().max().ToDouble())
