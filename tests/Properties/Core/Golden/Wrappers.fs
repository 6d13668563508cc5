/// Layers whose weight the facade's shortcuts parametrize.
module Properties.Core.Golden.Wrappers

open System
open Parametrize
open Parametrize.CSharp
open Properties.Core.Golden.Arguments
open Properties.Core.Golden.Description
open Properties.Core.Golden.Layers

let private mapOf (term: Term) : OrthogonalMap =
    match term with
    | Term.Word "None" -> OrthogonalMap.Default
    | Term.Word "matrix_exp" -> OrthogonalMap.MatrixExp
    | Term.Word "cayley" -> OrthogonalMap.Cayley
    | Term.Word "householder" -> OrthogonalMap.Householder
    | Term.Word other -> unclear $"there is no orthogonal map '{other}'"
    | _ -> unclear "an orthogonal map is a name"

/// The name of the tensor comes second in Python; descriptions leave it out, and write the map there.
let private withName (arguments: Argument list) : Argument list =
    let name = { Keyword = Some "name"; Value = Term.Word "weight" }
    let isNamed = arguments |> List.exists (fun argument -> argument.Keyword = name.Keyword)

    match arguments with
    | layer :: { Keyword = None; Value = Term.Word("weight" | "bias") as tensor } :: rest ->
        layer :: rest @ [ { name with Value = tensor } ]
    | _ when isNamed -> arguments
    | _ -> arguments @ [ name ]

let private given (callee: string) (parameters: string list) (arguments: Argument list) : Bound =
    bind callee ([ "module" ] @ parameters @ [ "name" ]) (withName arguments)

let private orthogonal (inner: Term -> Layer) (arguments: Argument list) : Layer =
    let given = given "orthogonal" [ "orthogonal_map"; "use_trivialization" ] arguments

    // The facade's default is a null, as PyTorch's is None.
    let map =
        match given.TryFind "orthogonal_map" |> Option.map mapOf with
        | None
        | Some OrthogonalMap.Default -> null
        | Some map -> map

    parametrize.orthogonal (
        inner (term "module" given),
        wordOr "name" "weight" given,
        map,
        truthOr "use_trivialization" true given
    )

let private spectralNorm (inner: Term -> Layer) (arguments: Argument list) : Layer =
    let given = given "spectral_norm" [ "n_power_iterations"; "eps"; "dim" ] arguments

    parametrize.spectral_norm (
        inner (term "module" given),
        wordOr "name" "weight" given,
        given |> wholeOr "n_power_iterations" 1L |> Checked.int,
        realOr "eps" 1e-12 given,
        given |> optional whole "dim" |> Option.map Checked.int |> Option.toNullable
    )

let private weightNorm (inner: Term -> Layer) (arguments: Argument list) : Layer =
    let given = given "weight_norm" [ "dim" ] arguments

    // For PyTorch -1 is None, not the last dimension.
    let dimension =
        if given.ContainsKey "dim" then
            given
            |> optional whole "dim"
            |> Option.filter ((<>) -1L)
            |> Option.map Checked.int
            |> Option.toNullable
        else
            Nullable 0

    parametrize.weight_norm (inner (term "module" given), wordOr "name" "weight" given, dimension)

/// A layer, or one inside wrappers.
let rec layerOf (term: Term) : Layer =
    match term with
    | Term.Call("orthogonal", arguments) -> orthogonal layerOf arguments
    | Term.Call("spectral_norm", arguments) -> spectralNorm layerOf arguments
    | Term.Call("weight_norm", arguments) -> weightNorm layerOf arguments
    | Term.Call(name, arguments) -> layer name arguments
    | _ -> unclear "a layer is expected, with its sizes in parentheses"
