/// A layer of TorchSharp whose weight is orthogonal, trained by an optimizer of TorchSharp.
module RegisteredLayer

open TorchSharp
open type TorchSharp.torch.nn
open Parametrize.Values
open Parametrize.CSharp

let run () : unit =
    let layer = Linear(6L, 6L).register_parametrization("weight", skew >>> cayley)
    let inputs, targets = torch.randn (16L, 6L), torch.randn (16L, 6L)
    let optimizer = torch.optim.Adam(layer.parameters (), lr = 0.05)
    let loss () = functional.mse_loss (layer.call inputs, targets)

    let step () =
        use _scope = torch.NewDisposeScope()
        optimizer.zero_grad ()
        let loss = loss ()
        loss.backward ()
        optimizer.step () |> ignore
        loss.ToDouble()

    let losses = List.init 60 (fun _ -> step ())

    Claim.that
        "training reduces the loss"
        (List.last losses < List.head losses)
        $"%.3f{losses.Head} to %.3f{List.last losses}"

    let weight = layer.parametrization ("weight")
    Claim.atMost 1e-5 $"the weight, {weight.Parametrization}, stays orthogonal" (Claim.defect weight.Value)

    Claim.that
        "outside a pass the layer's field has no number"
        (layer.weight.isnan().all().item<bool>())
        $"{layer.weight}"

    use _scope = parametrize.cached ()
    let final = List.fold (fun state _ -> (layer.call state).tanh()) inputs [ 1..5 ]
    Claim.that "a recurrence runs in a cached scope" (final.shape = inputs.shape) $"{final}"
    Claim.atMost 0.0 "there the field shows the weight, difference" (Claim.distance layer.weight weight.Value)
