/// A parametrization of one's own.
module OwnLink

open Parametrize
open Parametrize.Values
open Parametrize.CSharp
open TorchSharp
open type TorchSharp.torch.nn

/// Tensors whose last dimension has a given mean, by shifting it.
type MeanLink(mean: float) =
    inherit Link()

    let meanOf (tensor: torch.Tensor) = tensor.mean ([| -1L |], keepdim = true)
    let shifted (tensor: torch.Tensor) = tensor - meanOf tensor + mean

    override _.Code = $"withMean {mean}"
    override _.Codomain = Space.Named $"tensors of mean {mean}"
    override _.Requirement = { Dimensions = 1; Square = false; Complex = false }
    override _.Forward(inputs, _) = shifted inputs[0]
    override _.Nearest(tensor, _) = shifted tensor
    override _.RightInverse(_, tensor, _) = Ok { Inputs = [| tensor |]; Buffers = [||] }

    override _.Contains(_, tensor, epsilon) =
        let size = (meanOf tensor - mean).abs().max().ToDouble()
        let limit = 16.0 * epsilon * (1.0 + tensor.abs().max().ToDouble())

        if size <= limit then
            Ok()
        else
            Error { Condition = $"mean = {mean}"; Size = size; Limit = limit }

let withMean (mean: float) : Parametrization = Parametrization.ofLink (MeanLink mean)

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
