/// Which densities are normalised, in each form that they have.
module Properties.Core.Priors.NormalizedTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private formOf (shape: int64 list) : Form =
    {
        Shape = List.toArray shape
        Dtype = torch.ScalarType.Float64
        Device = Case.device
    }

let private zeros (rows: int) (columns: int) : float[,] = Array2D.zeroCreate rows columns
let private numbers (rows: int) (columns: int) : float[,] = Array2D.init rows columns (fun i j -> float (i - j))

/// All priors are normalised, except those on several orthonormal columns that concentrate around a matrix.
let private cases: (Prior * int64 list * bool) list =
    let definite = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]

    [
        Prior.normal 1.0, [ 3L ], true
        Prior.normalAround 2.0 1.0, [ 3L ], true
        Prior.laplace 1.0, [ 3L ], true
        Prior.studentT 2.0 1.0, [ 3L ], true
        Prior.dirichlet [ 2.0 ], [ 3L ], true
        Prior.lkj 2.0, [ 3L; 3L ], true
        Prior.lkjCholesky 2.0, [ 3L; 3L ], true
        Prior.wishart 4.0 1.0, [ 3L; 3L ], true
        Prior.wishartOf 4.0 definite, [ 2L; 2L ], true
        Prior.inverseWishart 4.0 1.0, [ 3L; 3L ], true
        Prior.inverseWishartOf 4.0 definite, [ 2L; 2L ], true
        Prior.uniform simplex, [ 3L ], true
        Prior.uniform orthogonal, [ 4L; 2L ], true
        Prior.vonMisesFisher [ 1.0; 2.0; 3.0 ], [ 3L ], true
        Prior.vonMisesFisher [ 0.0; 0.0; 0.0 ], [ 3L ], true
        for rows, columns in [ 4, 1; 1, 4 ] do
            Prior.langevin (numbers rows columns), [ int64 rows; int64 columns ], true
            Prior.langevin (zeros rows columns), [ int64 rows; int64 columns ], true
        for rows, columns in [ 4, 2; 2, 4; 3, 3 ] do
            Prior.langevin (numbers rows columns), [ int64 rows; int64 columns ], false
            Prior.langevin (zeros rows columns), [ int64 rows; int64 columns ], true
    ]

let private uniformIsZero () : unit =
    use _ = torch.NewDisposeScope()

    // Around zero a density is the uniform one.
    for rows, columns in [ 4, 1; 1, 4; 4, 2; 2, 4; 3, 3 ] do
        let form = formOf [ int64 rows; int64 columns ]
        let tensor = Parametrization.sample orthogonal form None
        let found = Prior.logDensity (Prior.langevin (zeros rows columns)) tensor
        let expected = Prior.logDensity (Prior.uniform orthogonal) tensor
        Expect.isLessThan (Measures.apart found expected) 1e-12 $"{rows} x {columns}"

let tests: Test =
    testList
        "normalised densities"
        [
            for prior, shape, isNormalized in cases do
                testCase $"{prior} of {shape}" (fun () ->
                    let form = formOf shape
                    Expect.equal (Prior.isNormalized form prior) isNormalized "the density"

                    let moved = Prior.ofValue (scale 2.0) (Prior.normal 1.0)
                    Expect.isTrue (Prior.isNormalized form moved) "one of multiples")
            testCase "around zero all are alike" uniformIsZero
        ]
