/// A value of a user's own as the laws see it.
module internal Parametrize.Laws.Own

open FsCheck.FSharp
open Parametrize
open TorchSharp

/// What a value of the library is called in the catalogue; the others are called as they print.
let nameOf (value: Parametrization) : string =
    Catalogue.entries
    |> List.tryFind (fun entry -> entry.Value = value)
    |> Option.map _.Name
    |> Option.defaultValue (string value)

let private requireSome (name: string) (items: 'a list) : unit =
    if items.IsEmpty then
        invalidArg name $"The laws need at least one of the {name}."

/// Shapes that the value does not take are an error of the caller, not a law that is broken.
let private requireShapes (value: Parametrization) (dtypes: torch.ScalarType list) (shapes: int64[] list) : unit =
    for shape in shapes do
        for dtype in dtypes do
            let form = { Shape = shape; Dtype = dtype; Device = torch.CPU }

            match Parametrization.parameterForms value form with
            | Ok _ -> ()
            | Error error -> invalidArg "shapes" error.Message

let private accepts (value: Parametrization) (shapes: int64[] list) (dtype: torch.ScalarType) : bool =
    shapes
    |> List.exists (fun shape ->
        match Parametrization.parameterForms value { Shape = shape; Dtype = dtype; Device = torch.CPU } with
        | Ok _ -> true
        | Error _ -> false)

let subject (options: LawOptions) (value: Parametrization) (shapes: int64[] list) : Subject =
    requireSome "shapes" shapes
    requireSome "scales" options.Scales

    if options.Cases < 1 then
        invalidArg "cases" $"The laws need at least one case, but {options.Cases} were asked for."

    let dtypes =
        match options.ElementTypes with
        | Some given -> given
        | None ->
            match Shrinking.types |> List.filter (accepts value shapes) with
            | [] -> [ torch.ScalarType.Float64 ]
            | accepted -> accepted

    let devices = options.Devices |> Option.defaultWith (fun () -> [ Case.device ])
    requireSome "elementTypes" dtypes
    requireSome "devices" devices
    requireShapes value dtypes shapes

    {
        Name = nameOf value
        Value = value
        Rebuilt = options.Again |> Option.defaultValue (fun () -> value)
        Shapes = Gen.elements shapes
        Dtypes = dtypes
        Devices = devices
        Scales = options.Scales
        HalfLimit = infinity
        Reads = if options.IsBijective then Some id else None
        Miss = options.Outside
        SmoothAtZero = false
        Accuracy = fun _ -> options.Accuracy
        Ground = 1.0
    }
