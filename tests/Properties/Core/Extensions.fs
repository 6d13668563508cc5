/// Parametrizations of a user's own, derived from `Node`: they pass the same laws.
module internal Properties.Core.Extensions

open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open TorchSharp

/// Rows of mean zero.
type private Centred() =
    inherit Node()

    let mean (tensor: torch.Tensor) = tensor.mean ([| -1L |], keepdim = true)

    override _.Code = Code.Call("centred", [])

    override _.Inputs form =
        Form.check "centred" { Dimensions = 1; Square = false; Complex = false } form
        |> Result.map (fun () -> [ form ])

    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space "rows of mean zero"

    /// Subtracts the mean twice: if the entries are large beside the result, the rounding error of the first mean is large as
    /// well.
    override _.Forward(inputs, _) =
        let once = inputs[0] - mean inputs[0]
        once - mean once

    override _.Contains(_, tensor, epsilon) =
        let size = (mean tensor).abs().max().``to``(torch.ScalarType.Float64).item<double>()
        let largest = tensor.abs().max().``to``(torch.ScalarType.Float64).item<double>()
        let limit = 4.0 * epsilon * largest

        if size <= limit then
            Ok()
        else
            Error { Condition = "mean = 0"; Size = size; Limit = limit }

    override _.Invert(_, tensor, _, want) =
        NodeParts.ofInput (if want = Want.Exact then tensor else tensor - mean tensor)

/// The sum of two parameters and a buffer. It contains every tensor.
type private Summed(share: float) =
    inherit Node()

    override _.Code = Code.Call("summed", [ Code.Float share ])
    override _.Codomain _ = Space.all
    override _.Domains = [ Domain.free; Domain.free ]

    override _.Buffers = [ { Name = "offset"; Role = BufferRole.Constant; FormFor = id } ]

    override _.Forward(inputs, buffers) = inputs[0] + inputs[1] * share + buffers[0]
    override _.Contains(_, _, _) = Ok()

    override _.Invert(present, tensor, _, _) =
        let offset = if present.Length = 1 then present[0] else torch.zeros_like tensor

        Ok
            {
                Inputs = [| tensor - offset; torch.zeros_like tensor |]
                Buffers = [| offset |]
            }

let private line name (build: unit -> Parametrization) shapes dtypes scales : Subject =
    {
        Name = name
        Value = build ()
        Rebuilt = build
        Shapes = shapes
        Dtypes = dtypes
        Scales = scales
        Devices = [ Case.device ]
        HalfLimit = infinity
        Reads = None
        Miss = None
        SmoothAtZero = true
        Accuracy = fun _ -> 1.0
        Ground = 1.0
    }

let private rows = Gen.choose64 (2L, 6L) |> Gen.arrayOfLength 2
let private scales = [ 1e-3; 1.0; 1e3 ]

let private build (nodes: Node list) () : Parametrization =
    nodes
    |> List.map Parametrization.ofNode
    |> List.reduce (fun left right -> Parametrization.andThen right left)

let subjects: Subject list =
    [
        { line "own node" (build [ Centred() ]) rows Ingredients.reals scales with
            Miss = Some(fun w -> w + (w.abs().max() + 1.0) * 0.5)
        }
        line "own node with two parameters" (build [ Summed 0.5 ]) rows Ingredients.all scales
        line "own nodes, chained" (build [ Summed 2.0; Centred() ]) rows Ingredients.reals scales
    ]
