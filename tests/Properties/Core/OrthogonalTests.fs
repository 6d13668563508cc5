/// Matrices with orthonormal columns at sizes that random cases do not reach.
module Properties.Core.OrthogonalTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.LinearAlgebra
open Parametrize.Values
open TorchSharp

let private numbers =
    [
        torch.ScalarType.Float32
        torch.ScalarType.Float64
        torch.ScalarType.ComplexFloat32
        torch.ScalarType.ComplexFloat64
    ]

let private reals = [ torch.ScalarType.Float32; torch.ScalarType.Float64 ]

let private sample (shape: int64 list) (dtype: torch.ScalarType) : torch.Tensor =
    use generator = new torch.Generator(11UL, torch.CPU)
    Orthonormal.sample (List.toArray shape) dtype Case.device generator

let private sizesThatDidNotConverge: (int64 * int64) list =
    [ 21L, 20L; 40L, 20L; 42L, 21L; 48L, 32L; 60L, 50L; 64L, 48L; 60L, 59L; 128L, 32L; 32L, 48L ]

/// The logarithm of a tall matrix, in every element type, and a wide one.
let private logarithms: Test =
    inScope "tall matrices of any size have a logarithm" (fun () ->
        let value = orthogonalWithoutBase OrthogonalMap.MatrixExp

        for rows, columns in sizesThatDidNotConverge do
            for dtype in numbers do
                let matrix = sample [ rows; columns ] dtype
                Expect.isOk (Parametrization.contains value matrix) $"{rows} x {columns}, {dtype}"

                match Parametrization.initialize value matrix with
                | Error error -> failtest $"{rows} x {columns}, {dtype}: {error}"
                | Ok parts ->
                    let allowed = 64.0 * Form.epsilon dtype * float (max rows columns)
                    let distance = Measures.apart matrix (Parametrization.forward value parts)
                    Expect.isLessThanOrEqual distance allowed $"{rows} x {columns}, {dtype}"
                    parts.Dispose())

/// The method itself: from a completion far from the shortest one.
let private descent: Test =
    inScope "descent ends at a logarithm with a zero last block from any completion" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
            for seed in 1UL .. 10UL do
                use generator = new torch.Generator(seed, torch.CPU)
                let completed = Orthonormal.sample [| 12L; 12L |] dtype Case.device generator
                let sign = torch.linalg.det(completed).real.sign().``to`` dtype

                let completed =
                    if dtype = torch.ScalarType.Float64 then
                        torch.cat ([| completed.narrow (1L, 0L, 11L); completed.narrow (1L, 11L, 1L) * sign |], 1L)
                    else
                        completed

                let a = ShortestCompletion.logarithm 1e-13 8L completed
                let last = a.narrow(0L, 8L, 4L).narrow(1L, 8L, 4L)
                Expect.isLessThan (Measures.largest last) 1e-13 "the last block"
                let reached = (torch.linalg.matrix_exp a).narrow(1L, 0L, 8L)
                Expect.isLessThan (Measures.apart (completed.narrow (1L, 0L, 8L)) reached) 1e-12 "the first columns")

/// Rounding leaves diagonals of R down to the smallest numbers there are.
let private lowRank: Test =
    inScope "large matrices of low rank are projected on orthonormal ones" (fun () ->
        let shapes = [ [ 48L; 48L ]; [ 64L; 40L ]; [ 40L; 64L ]; [ 2L; 48L; 48L ] ]

        for dtype in numbers do
            let values =
                [ orthogonal; cayley; matrixExp ] @ (if List.contains dtype reals then [ householder ] else [])

            for shape in shapes do
                let ones = torch.ones (List.toArray shape, dtype = dtype, device = Case.device)

                for tensor in [ ones; ones * 0.0; ones * 1e30; ones * 1e-30; sample shape dtype * 1e-30 + ones ] do
                    for value in values do
                        let projected = Parametrization.project value tensor
                        Expect.isOk (Parametrization.contains value projected) $"{value} of {dtype} {shape}"

            let kernel = torch.ones ([| 48L; 3L; 4L; 4L |], dtype = dtype, device = Case.device)
            let projected = Parametrization.project (onKernel orthogonal) kernel
            Expect.isOk (Parametrization.contains (onKernel orthogonal) projected) $"kernels of {dtype}")

/// From the least to the greatest numbers of double precision.
let private extremes: Test =
    inScope "the QR factor does not depend on the lengths of the columns" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
            let matrix = sample [ 6L; 4L ] dtype
            let expected = Orthonormal.retract matrix

            for exponent in [ -1050.0; -1000.0; -300.0; 300.0; 1000.0; 1023.0 ] do
                let scaled = matrix * (2.0 ** (exponent / 2.0)) * (2.0 ** (exponent / 2.0))
                let allowed = if exponent < -1022.0 then 1e-6 else 1e-14
                Expect.isLessThan (Measures.apart expected (Orthonormal.retract scaled)) allowed $"2^{exponent}")

let private infiniteBases: Test =
    inScope "a base that overflows is found, not handed to LAPACK" (fun () ->
        for size in [ 1e200; 1e20; infinity; nan ] do
            let w =
                torch.full ([| 3L; 3L |], size.ToScalar(), dtype = torch.ScalarType.Float64, device = Case.device)

            Expect.isError (Orthonormal.nearInSpectrum "near" 1e20 w) $"entries of {size}")

/// 16-bit numbers are as far apart as half turns and what the map reaches.
let private halfTurnsInHalf: Test =
    inScope "the Cayley map without a base comes to half turns in 16 bits" (fun () ->
        let value = orthogonalWithoutBase OrthogonalMap.Cayley

        for dtype in [ torch.ScalarType.Float16; torch.ScalarType.BFloat16 ] do
            for size in [ 2L; 4L; 6L ] do
                let turn = -torch.eye(size, dtype = dtype, device = Case.device)
                Expect.isOk (Parametrization.contains value turn) $"{dtype}, {size}"

                match Parametrization.initialize value turn with
                | Error error -> failtest $"{error}"
                | Ok parts ->
                    let distance = Measures.apart turn (Parametrization.forward value parts)
                    Expect.isLessThan distance (8.0 * Form.epsilon dtype) $"{dtype}, {size}"
                    parts.Dispose()

        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
            let turn = -torch.eye(4L, dtype = dtype, device = Case.device)
            Expect.isError (Parametrization.contains value turn) $"{dtype}")

/// Beside half turns, where the search has to follow the residual and not flee from it.
let private besideHalfTurns: Test =
    inScope "tall matrices beside half turns have a logarithm" (fun () ->
        let value = orthogonalWithoutBase OrthogonalMap.MatrixExp

        let eye (rows: int64) (columns: int64) =
            torch.eye (rows, columns, dtype = torch.ScalarType.Float64, device = Case.device)

        let flipped (rows: int64) (columns: int64) =
            let turn = eye rows columns
            turn[0, 0] <- -turn[0, 0]
            turn

        for turn in [ flipped 4L 2L; flipped 5L 3L; flipped 6L 4L; flipped 12L 8L; -(eye 5L 3L) ] do
            let noise = normalOn Case.device torch.ScalarType.Float64 1UL (List.ofArray turn.shape)
            let matrix = Orthonormal.retract (turn + noise * 1e-7.ToScalar())

            match Parametrization.initialize value matrix with
            | Error error -> failtest $"{error}"
            | Ok parts ->
                let distance = Measures.apart matrix (Parametrization.forward value parts)
                Expect.isLessThan distance 1e-10 $"{Form.Shown turn.shape}")

let tests: Test =
    testList "orthogonal" [ besideHalfTurns; logarithms; descent; lowRank; extremes; infiniteBases; halfTurnsInHalf ]
