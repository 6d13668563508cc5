/// What values say of the spaces that they yield is true of random members.
module Properties.Core.Values.ClaimTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

/// Spaces, and values that tell their members.
let private known: (Space * Parametrization) list =
    [
        PositiveSpaces.positive, positive
        PositiveSpaces.nonNegative, positiveBy PositiveMap.Square
        SymmetricSpaces.symmetric, symmetric
        SymmetricSpaces.hermitian, hermitian
        Tree.space skew.Tree, skew
        Tree.space skewHermitian.Tree, skewHermitian
        Tree.space (triangular Triangle.Lower).Tree, triangular Triangle.Lower
        Tree.space (triangular Triangle.Upper).Tree, triangular Triangle.Upper
        Tree.space diagonal.Tree, diagonal
        StiefelSpaces.stiefel, orthogonal
        PositiveDefiniteSpaces.positiveDefinite, matrixExponential
        InvertibleSpaces.positiveDeterminant, invertible
    ]

let private symmetricMask =
    Mask.OfArray(
        [| 4L; 4L |],
        [|
            for row in 0..3 do
                for column in 0..3 do
                    (row + column) % 3 <> 1
        |]
    )

let private single () : Parametrization list =
    [
        for entry in Catalogue.entries do
            entry.Value
        pruned (Pruning.Custom symmetricMask)
        bounded 0.0 1.0
        bounded 0.25 1.0
        bounded 0.0 infinity
        positiveBy PositiveMap.Exp
        slices 0 [ 2L, orthogonal; 2L, orthogonal ]
        slices 1 [ 1L, orthogonal; 3L, orthogonal ]
        slices -1 [ 4L, spd ]
        slices 0 [ 2L, positive; 2L, positive ]
        slices 0 [ 2L, triangular Triangle.Lower; 2L, triangular Triangle.Lower ]
        blockDiagonal [ spd; spd ]
        blockDiagonal [ skew; skew ]
        blockDiagonal [ positive; positive ]
        sum [ identity; spd ]
        product [ identity; spd ]
        where symmetricMask positive positive
        where symmetricMask positive identity
    ]

let private form: Form = { Shape = [| 4L; 4L |]; Dtype = torch.ScalarType.Float64; Device = torch.CPU }

/// Random parts, some of which reach the ends of what the map yields.
let private membersOf (value: Parametrization) : torch.Tensor list =
    let case =
        {
            Shape = form.Shape
            Dtype = form.Dtype
            Scale = 1.0
            Seed = 7UL
            Device = form.Device
        }

    match Parametrization.start value (Case.unit 1UL case) with
    | Error _ -> []
    | Ok parts ->
        [
            for scale in [ 0.5; 30.0 ] do
                let redrawn =
                    parts.Parameters
                    |> Seq.mapi (fun index leaf -> Case.normalOf leaf.shape scale (2UL + uint64 index) case)

                Parametrization.forward value (Parametrization.ofTensorsLike parts redrawn parts.Buffers value)
        ]

let private holds (value: Parametrization) : unit =
    use _ = torch.NewDisposeScope()
    let space = Tree.space value.Tree
    let claims = known |> List.filter (fun (larger, _) -> space.IsWithin larger)

    if not claims.IsEmpty && Result.isOk (Parametrization.parameterForms value form) then
        for index, tensor in List.indexed (membersOf value) do
            for larger, judge in claims do
                // At the ends of its range rounding may take a map out of a space, but never to zero where that has none.
                if index = 0 || larger = PositiveSpaces.positive then
                    Expect.isOk (Parametrization.contains judge tensor) $"{value} yields {larger}"

let private pairs () : Parametrization list =
    [
        for left, right in List.allPairs (single ()) (single ()) do
            match Parametrization.tryAndThen right left with
            | Ok both -> both
            | Error _ -> ()
    ]

let tests: Test =
    testList
        "claims"
        [
            testCase "values yield the spaces that they say" (fun () -> single () |> List.iter holds)
            testCase "chains of two yield the spaces that they say" (fun () -> pairs () |> List.iter holds)
            testCase "an edge that is zero is not positive" (fun () ->
                let needsPositive = inverse (positiveBy PositiveMap.Exp)
                Expect.isError (Parametrization.tryAndThen needsPositive (bounded 0.0 1.0)) "it may be zero"
                Expect.isOk (Parametrization.tryAndThen needsPositive (bounded 0.25 1.0)) "it is positive")
            testCase "a view keeps the number that an entry may be" (fun () ->
                for value in single () do
                    let inner, outer = Tree.space value.Tree, Tree.space (transposed value).Tree

                    if inner.IsClosedUnder Closure.EntrywiseChoice then
                        Expect.equal outer.Interior inner.Interior $"a number of transposed {value}")
        ]
