/// Whole models: built with the facade's shortcuts, they read PyTorch's state and compute its output.
module Properties.Core.Golden.ModelCases

open System.Collections.Generic
open Parametrize.CSharp
open Properties.Core.Golden.Json
open TorchSharp

let private stagesOf (node: Node) : Stage list =
    try
        text node |> Description.parse |> List.map Stage.ofStep
    with Description.Unclear reason ->
        raise (Malformed(node.Path, $"'{text node}' cannot be read: {reason}"))

let private requireDistinct (layers: Node) (stages: Stage list) : unit =
    let names =
        stages
        |> List.choose (function
            | Stage.Layer(name, _) -> Some name
            | Stage.Function _ -> None)

    match names |> List.countBy id |> List.tryFind (fun (_, count) -> count > 1) with
    | Some(name, _) -> raise (Malformed(layers.Path, $"several layers are called '{name}'"))
    | None -> ()

let private compareNames (expected: Map<string, torch.Tensor>) (found: Dictionary<string, torch.Tensor>) : Comparison =
    let expected = expected.Keys |> Set.ofSeq
    let found = found.Keys |> Set.ofSeq

    let missing = expected - found |> Seq.map (fun name -> $"{name} is missing")
    let unexpected = found - expected |> Seq.map (fun name -> $"{name} is not PyTorch's")
    let wrong = Seq.append missing unexpected |> List.ofSeq
    let listed = if wrong.IsEmpty then "" else ": " + String.concat ", " wrong
    Comparison.zero $"names of the state{listed}" (float wrong.Length)

let private load (state: Map<string, torch.Tensor>) (model: Model) : unit =
    model.load_parametrized_state_dict (Dictionary<string, torch.Tensor> state) |> ignore

/// Spectral norms move their vectors in training: each output starts from the file's.
let private reset (training: bool) (state: Map<string, torch.Tensor>) (model: Model) : unit =
    load state model
    model.train training

/// Files do not say in which mode their output was computed: power iterations go on in training, and PyTorch's models
/// start there, but states saved behind a training pass compute its output in evaluation.
let private compareOutput
    (state: Map<string, torch.Tensor>)
    (input: torch.Tensor)
    (expected: torch.Tensor)
    (model: Model)
    : Comparison list =
    let compare (what: string) = Comparison.between what expected (model.call(input).detach())

    let inMode (training: bool) =
        reset training state model
        let mode = if training then "training" else "evaluation"
        training, compare $"output in {mode}"

    let training, comparison =
        [ inMode false; inMode true ] |> List.minBy (fun (_, comparison) -> comparison.Off)

    // Scopes do not see tensors that are changed in place, so that loading comes first.
    reset training state model
    use _ = parametrize.cached model
    [ comparison; compare $"{comparison.What}, cached" ]

let private compareLoaded
    (state: Map<string, torch.Tensor>)
    (input: torch.Tensor)
    (expected: torch.Tensor)
    (model: Model)
    : Comparison list =
    let compared (what: string) =
        [
            for name, found in model.pytorch_state_dict () |> Seq.map (|KeyValue|) do
                Comparison.between $"{name}{what}" state[name] found
        ]

    let misshapen =
        model.pytorch_state_dict ()
        |> Seq.exists (fun (KeyValue(name, found)) -> found.shape <> state[name].shape)

    // Loading would fail at the first of them, or broadcast.
    if misshapen then
        compared "" |> List.filter (fun comparison -> System.Double.IsInfinity comparison.Off)
    else
        try
            load state model
            compared ", loaded" @ compareOutput state input expected model
        with error ->
            [ Comparison.impossible "loading and computing" (Verdict.because error) ]

let compare (case: Node) : Comparison list =
    let layers = case |> field "layers"
    let state = case |> field "state_dict" |> state
    let input = case |> field "input" |> tensor
    let expected = case |> field "output" |> tensor

    try
        let stages = layers |> items |> List.collect stagesOf
        requireDistinct layers stages
        use model = new Model(stages)
        let names = compareNames state (model.state_dict ())
        let loaded = if Comparison.agrees names then compareLoaded state input expected model else []
        names :: loaded
    with
    // PyTorch registered what the facade refuses.
    | :? ParametrizationException as error ->
        [ Comparison.impossible "registration" error.Message ]
