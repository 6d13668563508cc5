/// The laws on random trees of the library's values, of depth up to 4.
module internal Properties.Core.RandomTrees

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private shapes: int64[] list =
    [
        [| 4L; 4L |]
        [| 6L; 4L |]
        [| 4L; 6L |]
        [| 2L; 4L; 4L |]
        [| 4L; 1L; 2L; 2L |]
        [| 6L; 6L |]
        [| 12L; 12L |]
    ]

let private dtypes =
    [ torch.ScalarType.Float64; torch.ScalarType.Float32; torch.ScalarType.ComplexFloat64 ]

let private accepts (value: Parametrization) (shape: int64[]) (dtype: torch.ScalarType) : bool =
    Result.isOk (Parametrization.parameterForms value { Shape = shape; Dtype = dtype; Device = torch.CPU })

/// Values of depth 0 of which every composition is well conditioned at moderate points.
let private simple: Parametrization list =
    [
        identity
        symmetric
        hermitian
        skew
        skewHermitianFrom Triangle.Lower
        triangular Triangle.Lower
        unitTriangular Triangle.Upper
        diagonal
        cayley
        matrixExp
        householder
        orthogonal
        weightNorm 0
        spectralNorm
        sphere 2.0
        sphereExp 1.0
        positive
        positiveBy PositiveMap.Exp
        bounded -1.0 3.0
        bounded 0.1 infinity
        spd
        matrixExponential
        invertible
        pruned (Pruning.Bernoulli(0.3, 7UL))
        pruned (Pruning.L1(Amount.Share 0.4))
        lowRank 2L
        scale -2.5
        shift 0.5
    ]

let private mask: Mask = Mask.OfArray([| 4L; 4L |], Array.init 16 (fun entry -> entry % 3 <> 1))

/// Whether entries on an edge lose, by rounding, what others before them are tied to: those of a skew matrix, say.
let private loses (left: Parametrization) (right: Parametrization) : bool =
    let isTied = not ((Tree.space left.Tree).IsClosedUnder Closure.EntrywiseMaps)
    isTied && right.Nodes |> Seq.exists (fun node -> box node :? ISaturates)

let rec private tree (random: Random) (depth: int) : Parametrization =
    let among (values: 'a list) = values[random.Next values.Length]
    let inner () = tree random (depth - 1)

    /// A spectral norm has no derivative at zero, where terms start.
    let term () =
        let term = inner ()
        if Parametrization.learns term then identity else term

    if depth = 0 then
        among simple
    else
        match random.Next 12 with
        | 0 -> onKernel (inner ())
        | 1 -> transposed (inner ())
        | 2 -> sum [ term (); identity ]
        | 3 -> sum [ identity; term (); term () ]
        | 4 -> product [ orthogonal; identity; cayley ] |> Parametrization.andThen (among [ scale 0.5; identity ])
        | 5 -> blockDiagonal [ inner (); inner () ]
        | 6 -> slices (among [ 0; -2 ]) [ 2L, inner (); 2L, inner (); 2L, inner () ]
        | 7 -> where mask (among [ positive; bounded -1.0 3.0; identity ]) (among [ scale 2.0; positive ])
        | 8 -> svd 2L [ orthogonal; among [ identity; positive; scale 2.0 ]; cayley ]
        | _ ->
            let left, right = inner (), inner ()

            match Parametrization.tryAndThen right left with
            | Ok value when not (loses left right) -> value
            | _ -> among [ left; right ]

let private subjectOf (value: Parametrization) : Subject option =
    let suited = shapes |> List.filter (fun shape -> accepts value shape torch.ScalarType.Float64)

    match suited with
    | [] -> None
    | shape :: _ ->
        Some
            {
                Name = Own.nameOf value
                Value = value
                Rebuilt = fun () -> value
                Shapes = Gen.elements suited
                Dtypes = dtypes |> List.filter (accepts value shape)
                Scales = [ 1.0 ]
                Devices = [ Case.device ]
                Reads = None
                Miss = None
                SmoothAtZero = false
                HalfLimit = infinity
                Accuracy = fun _ -> 1e3
                Ground = 1.0
            }

/// The first so many trees that suit one of the shapes, no two alike.
let subjects: Subject list =
    Seq.initInfinite (fun seed ->
        try
            subjectOf (tree (Random(1000 + seed)) (1 + seed % 4))
        with :? ArgumentException ->
            None)
    |> Seq.choose id
    |> Seq.distinctBy _.Value
    |> Seq.filter (fun subject -> Catalogue.entries |> List.forall (fun entry -> entry.Value <> subject.Value))
    |> Seq.truncate 100
    |> List.ofSeq

let private settings: Running.Settings =
    { Cases = max 3 (LawSuite.casesEach / 20); Seed = LawSuite.seed }

let private holdsOnAll (law: Law) () : unit =
    let broken =
        [
            for subject in subjects |> List.filter (Law.applies law) do
                match Running.run settings law subject with
                | Ok _ -> ()
                | Error broken -> LawSuite.shown law subject broken
        ]

    if not broken.IsEmpty then
        failtest $"""{broken.Length} trees: {String.concat "\n" (List.truncate 10 broken)}"""

let tests: Test =
    testList "random trees" [ for law in Suite.laws -> testCase $"{law.Number} {law.Name}" (holdsOnAll law) ]
