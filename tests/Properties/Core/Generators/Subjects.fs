/// The catalogue, each entry with its line.
module internal Properties.Core.Generators.Subjects

open FsCheck.FSharp
open Parametrize
open Parametrize.Laws

let private lines: Subject list =
    List.concat
        [
            Structured.lines
            Orthogonal.lines
            Norms.lines
            Entries.lines
            Spectra.lines
            Pruning.lines
            Practice.lines
            Combining.lines
            Adapters.lines
        ]

/// Values of which one case takes several times as long as of others: fewer are tried.
let isCostly (subject: Subject) : bool =
    List.contains
        subject.Name
        [
            "almostOrthogonal"
            "almostOrthogonal, tanh"
            "aol"
            "bjorck"
            "conditioned"
            "correlation"
            "doublyStochastic"
            "fakeQuantized"
            "fakeQuantized, affine"
            "fixedRank 3"
            "grassmann"
            "hurwitz"
            "hurwitzBlocks"
            "kronecker"
            "lowRank 3"
            "lowRank 4"
            "matrixExp, no base"
            "orthogonal, no base"
            "polar"
            "psd"
            "psdFixedRank"
            "psdLowRank"
            "schurStable"
            "schurStableBlocks"
            "skewHermitian >>> orthogonal, no base"
            "spdBy"
            "spdWithDeterminant"
            "spdWithTrace"
            "specialLinear"
            "specialUnitary"
            "symplectic"
        ]

/// Entries of the catalogue without a line here.
let missing: string list =
    Catalogue.entries
    |> List.map _.Name
    |> List.filter (fun name -> lines |> List.forall (fun line -> line.Name <> name))

/// Lines without an entry in the catalogue.
let superfluous: string list =
    lines |> List.map _.Name |> List.filter (fun name -> (Catalogue.tryFind name).IsNone)

/// The catalogue with its lines.
let all: Subject list =
    let rebuilt (name: string) () =
        Catalogue.build () |> List.pick (fun entry -> if entry.Name = name then Some entry.Value else None)

    [
        for entry in Catalogue.entries do
            match lines |> List.tryFind (fun line -> line.Name = entry.Name) with
            | Some line -> { line with Value = entry.Value; Rebuilt = rebuilt line.Name }
            | None -> ()
    ]

/// The largest of its shapes of at most 30 entries.
let smallShape (subject: Subject) : int64[] =
    let size (shape: int64[]) = Array.fold (*) 1L shape

    subject.Shapes
    |> Gen.sampleWithSeed (FsCheck.Rnd(5UL, 1UL)) 10 40
    |> Array.filter (fun shape -> size shape <= 30L)
    |> Array.maxBy size
