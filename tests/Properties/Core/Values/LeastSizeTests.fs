/// Sizes exactly at the ends of what a value can have, and one beyond: which are accepted.
module Properties.Core.Values.LeastSizeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private form (dtype: torch.ScalarType) (shape: int64 list) : Form =
    { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }

let private metric = [ [ 4.0; 1.0 ]; [ 1.0; 3.0 ] ]
let private equation = linearlyConstrained [ [ 1.0; 2.0; 3.0 ] ] [ 6.0 ]

/// Values, the shapes at the ends of what they have, and those beyond.
let private cases: (Parametrization * int64 list list * int64 list list) list =
    [
        simplex, [ [ 2L ]; [ 1L; 2L ] ], [ [ 1L ]; [ 2L; 1L ]; [] ]
        simplexBy SimplexMap.StickBreaking, [ [ 2L ] ], [ [ 1L ] ]
        sumToZero, [ [ 2L ] ], [ [ 1L ] ]
        doublyStochastic, [ [ 2L; 2L ] ], [ [ 1L; 1L ]; [ 2L; 3L ] ]
        correlation, [ [ 2L; 2L ] ], [ [ 1L; 1L ] ]
        correlationCholesky, [ [ 2L; 2L ] ], [ [ 1L; 1L ] ]
        ordered, [ [ 1L ] ], [ [] ]
        equation, [ [ 3L ]; [ 1L; 3L ] ], [ [ 2L ]; [ 4L ]; [ 3L; 1L ] ]
        inMetric metric, [ [ 2L; 2L ]; [ 2L; 1L ] ], [ [ 2L; 3L ]; [ 1L; 2L ]; [ 3L; 2L ] ]
        toeplitz, [ [ 1L; 2L ]; [ 3L; 2L ] ], [ [ 2L; 1L ] ]
        hankel, [ [ 1L; 2L ]; [ 3L; 2L ] ], [ [ 2L; 1L ] ]
        circulant, [ [ 1L; 1L ]; [ 2L; 2L ] ], [ [ 2L; 1L ] ]
        weightStandardized 0, [ [ 1L; 2L ]; [ 3L; 2L ]; [ 3L; 1L; 2L ] ], [ [ 3L; 1L ]; [ 1L; 1L ]; [ 3L ] ]
        weightStandardized 1, [ [ 2L; 3L ]; [ 2L; 1L ] ], [ [ 1L; 3L ] ]
        weightStandardized -1, [ [ 2L; 3L ]; [ 1L; 2L; 1L ] ], [ [ 1L; 3L ] ]
        groupSparse 2 4, [ [ 4L ]; [ 8L ]; [ 3L; 4L ] ], [ [ 3L ]; [ 5L ]; [ 4L; 3L ] ]
        groupSparse 2 2, [ [ 2L ] ], [ [ 1L ]; [ 3L ] ]
        convolutionNorm [ 4L; 5L ] 2.0,
        [ [ 2L; 3L; 4L; 5L ]; [ 2L; 3L; 3L; 5L ]; [ 2L; 3L; 4L; 1L ] ],
        [ [ 2L; 3L; 5L; 5L ]; [ 2L; 3L; 4L; 6L ]; [ 2L; 3L; 4L ]; [ 2L; 3L; 4L; 5L; 1L ] ]
        convolutionNorm [ 3L ] 1.0, [ [ 1L; 1L; 3L ]; [ 1L; 1L; 1L ] ], [ [ 1L; 1L; 4L ]; [ 1L; 1L; 3L; 1L ] ]
        svd 2L [ orthogonal; identity; orthogonal ], [ [ 2L; 2L ]; [ 2L; 3L ] ], [ [ 1L; 3L ]; [ 3L; 1L ] ]
        eigen 2L [ orthogonal; positive ], [ [ 2L; 2L ] ], [ [ 1L; 1L ] ]
        kronecker (2L, 3L) identity identity, [ [ 2L; 3L ]; [ 4L; 3L ] ], [ [ 1L; 3L ]; [ 3L; 3L ]; [ 2L; 4L ] ]
        oft 3L, [ [ 2L; 3L ]; [ 1L; 6L ]; [ 2L; 1L; 3L ] ], [ [ 3L; 2L ]; [ 3L; 4L ]; [ 3L ] ]
        symplectic, [ [ 2L; 2L ] ], [ [ 1L; 1L ]; [ 3L; 3L ] ]
        hamiltonian, [ [ 2L; 2L ] ], [ [ 1L; 1L ]; [ 3L; 3L ] ]
        slices 0 [ 1L, positive; 2L, identity ], [ [ 3L ]; [ 3L; 1L ] ], [ [ 2L ]; [ 4L ] ]
        pruned (Pruning.L1(Amount.Count 3L)), [ [ 3L ]; [ 1L; 3L ] ], [ [ 2L ]; [ 1L; 2L ] ]
        pruned (Pruning.Random(Amount.Count 3L, 1UL)), [ [ 3L ] ], [ [ 2L ] ]
        pruned (Pruning.Ln(Amount.Count 2L, 2.0, 0)), [ [ 2L; 3L ] ], [ [ 1L; 3L ]; [ 2L ] ]
        pruned (Pruning.RandomStructured(Amount.Count 2L, -1, 1UL)), [ [ 3L; 2L ] ], [ [ 3L; 1L ]; [ 2L ] ]
        pruned (Pruning.Groups(1, 3)), [ [ 3L ]; [ 6L ] ], [ [ 2L ]; [ 4L ] ]
        weightNorm 1, [ [ 1L; 1L ] ], [ [ 3L ] ]
        weightNorm -2, [ [ 1L; 1L ] ], [ [ 3L ] ]
        spectralNormWith { SpectralNorm.defaults with Dimension = 1 }, [ [ 1L; 1L ] ], [ [ 3L ] ]
    ]

/// As many dimensions as libtorch's operations take.
let private dimensions: Test =
    testCase "as many dimensions as there can be" (fun () ->
        for value in [ identity; positive; scale 2.0; bounded 0.0 1.0; ordered; sphere 1.0; weightNorm 0; lora 1L 1.0 ] do
            let accepts (count: int) =
                let shape = List.replicate (count - 2) 1L @ [ 2L; 2L ]
                Result.isOk (Parametrization.parameterForms value (form torch.ScalarType.Float64 shape))

            Expect.isTrue (accepts 63) $"{value}: 63"
            Expect.isTrue (accepts 64) $"{value}: 64"
            Expect.isFalse (accepts 65) $"{value}: 65")

let private compared (value: Parametrization, accepted: int64 list list, refused: int64 list list) : Test =
    testCase $"{value}" (fun () ->
        let start (shape: int64 list) =
            use _ = torch.NewDisposeScope()
            let tensor = torch.randn (List.toArray shape, dtype = torch.ScalarType.Float64, device = Case.device)

            Parametrization.start value tensor
            |> Result.map (fun parts -> (Parametrization.forward value parts).shape)

        for shape in accepted do
            Expect.equal (start shape) (Ok(List.toArray shape)) $"{shape}"

        for shape in refused do
            match start shape with
            | Error(ParametrizationError.WrongShape _) -> ()
            | other -> failtest $"{shape}: %A{other}")

let tests: Test = testList "sizes at the ends of what there is" (dimensions :: List.map compared cases)
