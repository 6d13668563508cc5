/// The golden limits: how far tensors are outside each space, and how far they may be, as it was when somebody last looked.
module Properties.Core.Golden.LimitList

open System
open System.Globalization
open System.IO
open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private shapes: int64[] list =
    [
        [| 7L |]
        [| 4L; 4L |]
        [| 12L; 4L |]
        [| 4L; 8L |]
        [| 3L; 4L |]
        [| 2L; 6L; 6L |]
        [| 6L; 2L; 3L; 3L |]
        [| 2L; 7L; 3L; 2L |]
    ]

let private dtypes: torch.ScalarType list =
    [
        torch.ScalarType.Float64
        torch.ScalarType.Float32
        torch.ScalarType.BFloat16
        torch.ScalarType.ComplexFloat32
    ]

let private values: (string * Parametrization) list =
    [
        for entry in Catalogue.entries do
            entry.Name, entry.Value
        for subject in Further.subjects do
            subject.Name, subject.Value
    ]

/// Far from every space, and near it.
let private tensors (value: Parametrization) (case: Case) : (string * torch.Tensor) list =
    let x = Case.unit 1UL case
    let near = Parametrization.project value x
    [ "x", x; "nearly", near + (Case.unit 2UL case) * (0.05 * Measures.largest near).ToScalar() ]

let private shown (number: float) : string = number.ToString("g3", CultureInfo.InvariantCulture)

let private limits
    (change: torch.Tensor -> torch.Tensor)
    (name: string, value: Parametrization)
    : (string * string) list =
    [
        for dtype in dtypes do
            for shape in shapes do
                let case = { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = 3UL; Device = torch.CPU }

                if Result.isOk (Parametrization.parameterForms value (Case.form case)) then
                    use _ = torch.NewDisposeScope()

                    for what, tensor in tensors value case do
                        match Parametrization.contains value (change tensor) with
                        | Error(ParametrizationError.NotAllowed(_, violation)) when violation.Limit > 0.0 ->
                            $"{name} {Form.Shown shape} {dtype}, {what}",
                            $"{shown violation.Size} of {shown violation.Limit}"
                        | _ -> ()
    ]

/// The list of today.
let lines () : string list = [ for name, limit in List.collect (limits id) values -> $"{name}: {limit}" ]

let private file: string = Path.Combine(AppContext.BaseDirectory, "golden", "limits.txt")

let private kept: Lazy<Map<string, string>> =
    lazy
        (File.ReadAllLines file
         |> Array.map (fun line ->
             let place = line.LastIndexOf ": "
             line.Substring(0, place), line.Substring(place + 2).TrimEnd())
         |> Map.ofArray)

let private isNear (expected: string) (found: string) : bool =
    let numbers (text: string) =
        [ for number in text.Split " of " -> Double.Parse(number, CultureInfo.InvariantCulture) ]

    List.forall2 (fun x y -> x = y || abs (x - y) <= 0.02 * abs x) (numbers expected) (numbers found)

let private agrees (name: string, value: Parametrization) : unit =
    let isNear (_: string) = isNear
    KeptLines.require "limits" kept.Value (fun change -> limits change (name, value)) isNear isNear

let tests: Test =
    testList
        "limits as they were"
        [
            for value in values do
                testCase (fst value) (fun () -> agrees value)
        ]
