/// Right-hand sides of every batch and of every number of columns: those that go with the matrices are solved, others are refused.
module Properties.Core.Values.SolveShapeTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private wide = torch.ScalarType.Float64

/// By factors of their own, by what their spaces tell, and by factorizations.
let private values: Parametrization list =
    [
        identity
        orthogonal
        triangular Triangle.Lower
        transposed (triangular Triangle.Lower)
        spd
        invertible
        transposed invertible
        skew >>> cayley
        scale -2.0
        spdWithDeterminant 2.0
        product [ orthogonal; identity ]
        eigenFull [ orthogonal; positive ]
        svdFull [ orthogonal; positive; orthogonal ]
        symmetric >>> matrixExponential
    ]

let private batches: int64 list list =
    [ []; [ 1L ]; [ 2L ]; [ 3L ]; [ 2L; 1L ]; [ 1L; 3L ]; [ 2L; 3L ]; [ 3L; 2L ]; [ 1L; 1L; 1L ] ]

/// The batch of both, dimension by dimension from the last; None where they do not go together.
let private together (left: int64 list) (right: int64 list) : int64 list option =
    let count = max left.Length right.Length
    let padded (batch: int64 list) = List.replicate (count - batch.Length) 1L @ batch
    let pairs = List.zip (padded left) (padded right)

    if pairs |> List.forall (fun (l, r) -> l = r || l = 1L || r = 1L) then
        Some(pairs |> List.map (fun (l, r) -> if l = 1L then r else l))
    else
        None

let private solves (value: Parametrization) (batch: int64 list) : unit =
    use _ = torch.NewDisposeScope()
    let parts = orFail (Parametrization.start value (normalOn Case.device wide 1UL (batch @ [ 3L; 3L ])))
    let matrix = Parametrization.forward value parts

    // As many columns as rows, too, and as many as there are matrices.
    for other, columns in List.allPairs batches [ 1L; 2L; 3L ] do
        let right = normalOn Case.device wide 2UL (other @ [ 3L; columns ])
        let what = $"{value} of {batch @ [ 3L; 3L ]}, {right.dim ()} dimensions: {Form.Shown right.shape}"

        match together batch other with
        | Some both ->
            let found = Parametrization.solve value parts right
            Expect.equal found.shape (List.toArray (both @ [ 3L; columns ])) what
            let made = matrix.matmul found
            let size = Measures.largest matrix * Measures.largest found + Measures.largest right
            Expect.isLessThan (Measures.apart made (right.expand_as made)) (1e-9 * size) what
        | None ->
            Expect.throwsT<ArgumentException>
                (fun () -> Parametrization.solve value parts right |> ignore)
                $"{what} does not go with it"

/// One vector for all matrices.
let private solvesVectors (value: Parametrization) (batch: int64 list) : unit =
    use _ = torch.NewDisposeScope()
    let parts = orFail (Parametrization.start value (normalOn Case.device wide 1UL (batch @ [ 3L; 3L ])))
    let right = normalOn Case.device wide 2UL [ 3L ]
    let found = Parametrization.solve value parts right
    let expected = Parametrization.solve value parts (right.unsqueeze -1L)
    Expect.equal found.shape (List.toArray (batch @ [ 3L ])) $"{value}: a vector each"
    Expect.equal (Measures.apart (found.unsqueeze -1L) expected) 0.0 $"{value}: that of the column"

let tests: Test =
    testList
        "shapes of solutions"
        [
            for value in values do
                testCase $"{value}" (fun () ->
                    for batch in batches do
                        solves value batch
                        solvesVectors value batch)
        ]
