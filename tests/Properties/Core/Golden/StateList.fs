/// The golden list: how every entry of the catalogue prints, and what its state has for some forms of the tensor. Files
/// that users have saved depend on every line.
module Properties.Core.Golden.StateList

open System
open System.IO
open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

/// Square, tall, wide, with a batch, kernels, vectors and a number; 3 x 4 suits the mask of the catalogue.
let private shapes: int64[] list =
    [
        [||]
        [| 4L |]
        [| 4L; 4L |]
        [| 6L; 4L |]
        [| 3L; 4L |]
        [| 2L; 4L; 4L |]
        [| 2L; 6L; 4L |]
        [| 2L; 2L; 3L; 4L |]
        [| 4L; 1L; 2L; 2L |]
        [| 6L; 2L; 3L |]
    ]

let private forms: (int64[] * torch.ScalarType) list =
    List.allPairs shapes [ torch.ScalarType.Float32; torch.ScalarType.BFloat16; torch.ScalarType.ComplexFloat64 ]

/// The state's keys with shapes and element types; the kind of error where there is none.
let private state (value: Parametrization) (shape: int64[], dtype: torch.ScalarType) : string =
    use _ = torch.NewDisposeScope()

    let case = { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = 1UL; Device = Case.device }

    let shown (name: string) (tensor: torch.Tensor) = $"{name} {Form.Shown tensor.shape} {tensor.dtype}"

    match Parametrization.initializeNearest value (Case.unit 1UL case) with
    | Error(ParametrizationError.WrongShape _) -> "wrong shape"
    | Error(ParametrizationError.WrongDtype _) -> "wrong element type"
    | Error error -> error.Message
    | Ok parts ->
        let names = Parametrization.parameterNames value @ Parametrization.bufferNames value
        Seq.map2 shown names parts.Tensors |> String.concat ", "

let private describe (entry: CatalogueEntry) : string list =
    $"{entry.Name}: {entry.Value}"
    :: [
        for form in forms do
            $"  {Form.Shown(fst form)} {snd form}: {state entry.Value form}"
    ]

/// The list of today.
let lines () : string list = Catalogue.entries |> List.collect describe

let private file: string = Path.Combine(AppContext.BaseDirectory, "golden", "states.txt")

/// The lines of one entry in the file, by its name.
let private kept: Map<string, string list> =
    (Map.empty, File.ReadAllLines file)
    ||> Array.fold (fun known line ->
        if line.StartsWith "  " then
            let last = known["last"].Head
            known.Add(last, known[last] @ [ line ])
        else
            let name = line.Substring(0, line.IndexOf ": ")
            known.Add(name, [ line ]).Add("last", [ name ]))

let tests: Test =
    testList
        "states as they were"
        [
            for entry in Catalogue.entries do
                match kept.TryFind entry.Name with
                | Some lines -> testCase entry.Name (fun () -> Expect.equal (describe entry) lines "the golden lines")
                | None -> testCase entry.Name (fun () -> failtest "Add it: dotnet run -- states > golden/states.txt")
        ]
