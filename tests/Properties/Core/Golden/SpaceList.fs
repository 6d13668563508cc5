/// The golden list of spaces: in which larger ones each entry of the catalogue lies, what does not leave it, and what may stand
/// before it. What is composed fits, or not, by every line.
module Properties.Core.Golden.SpaceList

open System
open System.IO
open Expecto
open Parametrize

let rec private withSupersets (space: Space) : string list =
    space.Name :: (space.Supersets |> Seq.collect withSupersets |> List.ofSeq)

let private describe (entry: CatalogueEntry) : string list =
    let space = Tree.space entry.Value.Tree
    let closures = space.ClosedUnder |> Seq.map (sprintf "%A") |> Seq.sort |> String.concat ", "
    let domains = entry.Value.Nodes |> Seq.collect _.Domains |> Seq.map string |> String.concat " | "

    let interior =
        if space.IsClosedUnder Closure.EntrywiseChoice then
            $", around {space.Interior}"
        else
            ""

    let supersets = withSupersets space |> List.distinct |> String.concat " < "

    [ $"{entry.Name}: {supersets}{interior}"; $"  keeps {closures}"; $"  behind {domains}" ]
    |> List.map _.TrimEnd()

/// Values behind one another whose space is made of both.
let private chains: (string * Parametrization) list =
    let entry name = (Catalogue.tryFind name).Value.Value

    let names =
        [
            "positive"
            "symmetric"
            "skew"
            "orthogonal"
            "sphere"
            "bounded below"
            "triangular, lower"
            "spd"
        ]

    [
        for name in names do
            for last in [ "scale"; "shift"; "positive"; "pruned, mask"; "sphere"; "spectralNorm" ] do
                match Parametrization.tryAndThen (entry last) (entry name) with
                | Ok chain -> $"{name}, then {last}", chain
                | Error _ -> ()

            $"{name}, on kernels", Parametrization.onKernel (entry name)

            $"{name}, transposed, then scaled",
            Parametrization.andThen (entry "scale") (Parametrization.transposed (entry name))
    ]

let private entries: CatalogueEntry list =
    Catalogue.entries @ [ for name, value in chains -> { Name = name; Value = value } ]

/// The list of today.
let lines () : string list = List.collect describe entries

let private file: string = Path.Combine(AppContext.BaseDirectory, "golden", "spaces.txt")

let tests: Test =
    testCase "spaces as they were" (fun () ->
        let kept = File.ReadAllLines file |> List.ofArray
        Expect.equal (lines ()) kept "golden/spaces.txt (dotnet run -- spaces > golden/spaces.txt)")
