/// Values with sizes, ranks and dimensions among their options, at each small shape: what fits keeps all laws, what does not is
/// refused. Generators of single entries hardly draw an option larger than a side.
module Properties.Core.Values.OptionShapeTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// A value, the shapes it is tried with, and which of them it takes.
type private Variant =
    {
        Build: unit -> Parametrization
        Shapes: int64 list list
        Fits: int64 list -> bool
        /// Whether the map has no derivative at zero.
        IsRough: bool
    }

let private matrices: int64 list list =
    List.allPairs [ 1L .. 5L ] [ 1L .. 5L ] |> List.map (fun (m, n) -> [ m; n ])

let private squares: int64 list list = [ for n in 1L .. 5L -> [ n; n ] ]
let private threes: int64 list list = [ [ 2L; 3L; 4L ]; [ 1L; 2L; 3L ]; [ 3L; 1L; 2L ]; [ 2L; 2L; 1L ] ]
let private kernels: int64 list list = [ [ 2L; 1L; 3L; 1L ]; [ 1L; 3L; 2L; 2L ]; [ 3L; 2L; 1L; 3L ] ]

let private among shapes fits (build: unit -> Parametrization) : Variant =
    { Build = build; Shapes = shapes; Fits = fits; IsRough = false }

let private always = fun _ -> true
let private shortSide (shape: int64 list) : int64 = min shape[0] shape[1]
let private hasRank (rank: int64) : int64 list -> bool = fun shape -> rank <= shortSide shape
let private divides (divisor: int64) (size: int64) : bool = size % divisor = 0L

let private isDimension (dimension: int) (shape: int64 list) : bool =
    -shape.Length <= dimension && dimension < shape.Length

let private byEntries: Variant list =
    [
        for lower in [ 0L; 1L; 3L; 6L ] do
            for upper in [ 0L; 2L; 5L ] do
                among matrices always (fun () -> banded lower upper)
        for rows, columns in [ 1L, 1L; 1L, 2L; 2L, 1L; 2L, 2L; 3L, 1L; 5L, 4L ] do
            among matrices (fun shape -> divides rows shape[0] && divides columns shape[1]) (fun () ->
                kronecker (rows, columns) identity identity)
        for first, second in [ 1L, 1L; 2L, 1L; 1L, 3L; 2L, 3L ] do
            for dimension in [ 0; 1; -1 ] do
                among matrices (fun shape -> shape[(dimension + 2) % 2] = first + second) (fun () ->
                    slices dimension [ first, identity; second, positive ])
    ]

let private rough (variant: Variant) : Variant = { variant with IsRough = true }

let private byRank: Variant list =
    [
        for rank in 1L .. 5L do
            among matrices (hasRank rank) (fun () -> lowRank rank) |> rough
            among matrices (hasRank rank) (fun () -> fixedRank rank) |> rough
            among squares (hasRank rank) (fun () -> psdLowRank rank)
            among squares (hasRank rank) (fun () -> psdFixedRank rank)
            // As in PEFT, factors may be larger than the matrix.
            among matrices always (fun () -> lora rank 3.0)
            among matrices always (fun () -> rsLora rank 3.0)
            among matrices always (fun () -> dora rank 3.0) |> rough
        for block in 2L .. 5L do
            among matrices (fun shape -> divides block shape[1]) (fun () -> oft block)
    ]

let private byDimension: Variant list =
    [
        for dimension in -4 .. 3 do
            let tried = among (threes @ kernels) (isDimension dimension)
            tried (fun () -> weightNorm dimension) |> rough

            tried (fun () -> spectralNormWith { SpectralNorm.defaults with Dimension = dimension; Iterations = 2 })
            |> rough

            tried (fun () -> pruned (Pruning.Ln(Amount.Count 1L, 2.0, dimension)))
            tried (fun () -> pruned (Pruning.RandomStructured(Amount.Share 0.5, dimension, 3UL)))
    ]

let private variants: Variant list = byEntries @ byRank @ byDimension

let private formOf (shape: int64 list) : Form =
    {
        Shape = List.toArray shape
        Dtype = torch.ScalarType.Float64
        Device = Case.device
    }

let private subjectOf (variant: Variant) (shape: int64 list) : Subject =
    let value = variant.Build()

    { Generators.Line.line
          $"{value} of {shape}"
          (Gen.constant (List.toArray shape))
          [ torch.ScalarType.Float64; torch.ScalarType.Float32 ]
          [ 0.3; 1.0 ] with
        Value = value
        Rebuilt = variant.Build
        SmoothAtZero = not variant.IsRough
        Accuracy = fun _ -> 100.0
        Ground = 4.0
    }

let private tryAll (variant: Variant) : unit =
    let value = variant.Build()

    for shape in variant.Shapes do
        let taken = Parametrization.parameterForms value (formOf shape)

        if not (variant.Fits shape) then
            Expect.isError taken $"{value} does not fit {shape}"

            Expect.isError
                (Parametrization.initializeNearest value (torch.ones (List.toArray shape)))
                $"{value}, {shape}"
        else
            Expect.isOk taken $"{value} fits {shape}"
            let subject = subjectOf variant shape

            for law in Suite.laws do
                if Law.applies law subject then
                    match Running.run { Cases = 1; Seed = LawSuite.seed } law subject with
                    | Ok _ -> ()
                    | Error broken -> failtest (LawSuite.shown law subject broken)

[<Tests>]
let tests: Test =
    testList
        "options and shapes"
        [ for variant in variants -> testCase $"{variant.Build()}" (fun () -> tryAll variant) ]
