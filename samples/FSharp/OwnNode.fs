/// A parametrization of one's own.
module OwnNode

open Parametrize
open Parametrize.Values
open Parametrize.CSharp
open TorchSharp
open type TorchSharp.torch.nn

/// Tensors whose last dimension has a given mean, by shifting it.
type MeanNode(mean: float) =
    inherit Node()

    let meanOf (tensor: torch.Tensor) = tensor.mean ([| -1L |], keepdim = true)
    let shifted (tensor: torch.Tensor) = tensor - meanOf tensor + mean

    override _.Code = Code.Call("withMean", [ Code.Float mean ])
    override _.Codomain _ = Space $"tensors of mean {mean}"

    override _.Inputs form =
        Form.check "withMean" { Dimensions = 1; Square = false; Complex = false } form
        |> Result.map (fun () -> [ form ])

    override _.Forward(inputs, _) = shifted inputs[0]

    override _.Invert(_, tensor, _, want) = NodeParts.ofInput (if want = Want.Exact then tensor else shifted tensor)

    override _.Contains(_, tensor, epsilon) =
        // Of each row by itself: rows may be a batch.
        let sizes = tensor.abs().amax([| -1L |], keepdim = true) + System.Math.Abs mean
        let share = ((meanOf tensor - mean).abs() / sizes).max().ToDouble()

        if share <= 4.0 * epsilon then
            Ok()
        else
            Error
                {
                    Condition = $"mean = {mean} (over the largest entry)"
                    Size = share
                    Limit = 4.0 * epsilon
                }

let withMean (mean: float) : Parametrization = Parametrization.ofNode (MeanNode mean)

let run () : unit =
    Claim.that
        "values are equal by what they say"
        (withMean 1.0 = withMean 1.0 && withMean 1.0 <> withMean 2.0)
        $"{withMean 1.0}"

    let layer = Linear(8L, 4L).register_parametrization("weight", withMean 1.0)

    Claim.atMost
        1e-6
        "a layer's rows have the mean, difference"
        (Claim.distance (layer.parametrization("weight").Value.mean [| -1L |]) (torch.ones 4L))

    match Parametrization.contains (withMean 1.0) (torch.zeros (4L, 8L)) with
    | Error error -> Claim.that "another mean is not contained" true error.Message
    | Ok() -> Claim.that "another mean is not contained" false "it is"
