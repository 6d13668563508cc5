/// Determinants and solutions beyond what the laws try: single precision, kernels, views, shapes that do not fit.
module Properties.Core.DeterminantTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private drawn (dtype: torch.ScalarType) (shape: int64[]) : torch.Tensor =
    (torch.randn (shape, dtype = dtype, device = torch.CPU, generator = new torch.Generator(5UL, torch.CPU))).``to``
        Case.device

let private parts (value: Parametrization) (dtype: torch.ScalarType) (shape: int64[]) : Parts =
    match Parametrization.start value (drawn dtype shape) with
    | Ok parts -> parts
    | Error error -> failtest $"{error}"

let private test (name: string) (work: unit -> unit) : Test =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        work ())

let private logOf (matrix: torch.Tensor) : torch.Tensor =
    let struct (_, logarithm) = torch.linalg.slogdet (matrix.``to`` torch.ScalarType.Float64)
    logarithm

/// In single precision against double, of the matrix in double from the same parts.
let private isAccurate (value: Parametrization) : Test =
    test $"{value} in single precision" (fun () ->
        let parts = parts value torch.ScalarType.Float32 [| 3L; 12L; 12L |]

        let wide (tensors: torch.Tensor seq) =
            tensors
            |> Seq.map (fun each -> if each.is_floating_point () then each.``to`` torch.ScalarType.Float64 else each)

        let exactly = Parametrization.ofTensorsLike parts (wide parts.Parameters) (wide parts.Buffers) value
        let expected = logOf (Parametrization.forward value exactly)
        let found = Parametrization.logAbsDet value parts
        Expect.equal found.dtype torch.ScalarType.Float32 "its element type"
        Expect.equal found.shape [| 3L |] "one for each"
        Expect.isLessThan (Measures.apart expected found) (2e-5 * (12.0 + Measures.largest expected)) "log |det W|"
        let right = drawn torch.ScalarType.Float32 [| 12L; 2L |]
        let solution = Parametrization.solve value parts right
        Expect.equal solution.shape [| 3L; 12L; 2L |] "one right-hand side for all"
        let made = (Parametrization.forward value parts).matmul solution

        let size =
            Measures.largest right
            + Measures.largest (Parametrization.forward value parts) * Measures.largest solution

        Expect.isLessThan (Measures.apart (right.expand_as made) made) (2e-5 * size) "W (solve b) = b")

/// Complex factors are conjugated where equations are transposed twice, and are not where once.
let private solvesComplex (value: Parametrization) : Test =
    test $"{value} solves complex equations" (fun () ->
        let dtype = torch.ScalarType.ComplexFloat64
        let parts = parts value dtype [| 4L; 4L |]

        let moved =
            [|
                for leaf in parts.Parameters -> (drawn leaf.dtype leaf.shape + leaf.detach ()).requires_grad_ true
            |]

        let parts = Parametrization.ofTensorsLike parts moved parts.Buffers value
        let right = drawn dtype [| 4L; 2L |]
        let solution = Parametrization.solve value parts right
        let matrix = Parametrization.forward value parts
        let size = Measures.largest matrix * Measures.largest solution + 1.0
        Expect.isLessThan (Measures.apart (matrix.matmul solution) right) (1e-10 * size) "W x = b")

let private refusal (words: string) (work: unit -> torch.Tensor) : unit =
    Expect.throwsC (fun () -> work () |> ignore) (fun error ->
        Expect.stringContains error.Message words "the message"
        Expect.isTrue (error :? System.ArgumentException) $"{error.GetType()}")

let tests: Test =
    testList
        "determinants"
        [
            for value in
                [
                    orthogonal
                    triangular Triangle.Lower
                    transposed (triangular Triangle.Lower) >>> scale 0.5
                    unitTriangular Triangle.Upper
                    diagonal >>> scale -3.0
                    invertible
                    transposed invertible
                    specialLinear
                    spd
                    spdWithDeterminant 3.0
                    correlation
                    transposed correlationCholesky
                    symmetric >>> matrixExponential
                    svd 12L [ orthogonal; positive; orthogonal ]
                    eigenFull [ orthogonal; positive ]
                    almostOrthogonal 0.5 AlmostOrthogonalMap.Tanh
                    product [ orthogonal; identity; spd ]
                    product [ invertible; unitTriangular Triangle.Lower; identity; orthogonal ]
                    transposed (product [ invertible; identity ])
                    blockDiagonal [ orthogonal; invertible; spd ]
                    kronecker (3L, 3L) identity orthogonal
                    circulant
                    symplectic
                    identity
                    skew
                    // Spaces are not what they say where nothing was checked.
                    matrixExp >>>! sphere 2.0
                    orthogonal >>>! positive
                    spd >>>! skew >>>! scale 2.0
                ] do
                isAccurate value

            for value in
                [
                    unitary
                    cayley
                    unitary >>> scale 2.0
                    triangular Triangle.Upper
                    unitTriangular Triangle.Lower
                    diagonal
                    spd
                    product [ unitary; identity; spd ]
                    product [ unitTriangular Triangle.Lower; identity ]
                    blockDiagonal [ unitary; spd ]
                    circulant
                    hermitian
                ] do
                solvesComplex value
                solvesComplex (transposed value)
                solvesComplex (transposed value >>> scale 2.0)

            test "are real, of the precision of the matrix" (fun () ->
                let complex = [ torch.ScalarType.ComplexFloat32; torch.ScalarType.ComplexFloat64 ]

                for value in
                    [ unitary; cayley; unitTriangular Triangle.Upper; triangular Triangle.Lower; spd; circulant ] do
                    for dtype in complex do
                        let found = Parametrization.logAbsDet value (parts value dtype [| 2L; 4L; 4L |])

                        let expected =
                            if dtype = torch.ScalarType.ComplexFloat32 then
                                torch.ScalarType.Float32
                            else
                                torch.ScalarType.Float64

                        Expect.equal found.dtype expected $"{value}, {dtype}")

            test "of negative eigenvalues" (fun () ->
                let value = eigenFull [ orthogonal; identity ]
                let matrix = torch.tensor (array2D [ [ 1.0; 2.0 ]; [ 2.0; 1.0 ] ], device = Case.device)

                match Parametrization.initialize value matrix with
                | Error error -> failtest $"{error}"
                | Ok parts ->
                    let found = Tensors.number (Parametrization.logAbsDet value parts)
                    Expect.floatClose Accuracy.high found (log 3.0) "eigenvalues 3 and -1")

            test "of kernels of 1 x 1" (fun () ->
                for value in [ onKernel invertible; onKernel (orthogonal >>> scale 2.0) ] do
                    let parts = parts value torch.ScalarType.Float64 [| 4L; 4L; 1L; 1L |]
                    let matrix = (Parametrization.forward value parts).flatten 1L
                    let found = Parametrization.logAbsDet value parts
                    Expect.isLessThan (Measures.apart (logOf matrix) found) 1e-12 $"{value}"
                    let right = drawn torch.ScalarType.Float64 [| 4L |]
                    let made = matrix.matmul (Parametrization.solve value parts right)
                    Expect.isLessThan (Measures.apart right made) 1e-12 "a vector")
            test "far from 1 stay finite" (fun () ->
                let value = spd >>> scale 1e-6
                let parts = parts value torch.ScalarType.Float32 [| 200L; 200L |]
                let found = Parametrization.logAbsDet value parts
                Expect.isLessThan (Measures.largest found) 1e5 "log |det W|")
            test "of 16 bits are float32" (fun () ->
                for value in
                    [ invertible; orthogonal; specialLinear; spd; matrixExponential; orthogonal >>> scale 2.0 ] do
                    for dtype in [ torch.ScalarType.BFloat16; torch.ScalarType.Float16 ] do
                        let found = Parametrization.logAbsDet value (parts value dtype [| 4L; 4L |])
                        Expect.equal found.dtype torch.ScalarType.Float32 $"{value}: the determinant"

                let parts = parts invertible torch.ScalarType.BFloat16 [| 4L; 4L |]
                let right = drawn torch.ScalarType.BFloat16 [| 4L; 2L |]

                Expect.equal
                    (Parametrization.solve invertible parts right).dtype
                    torch.ScalarType.BFloat16
                    "a solution")
            test "batches are stretched on either side" (fun () ->
                let double = torch.ScalarType.Float64

                for matrices, right in
                    [
                        [| 1L; 3L; 3L |], [| 5L; 3L; 2L |]
                        [| 5L; 3L; 3L |], [| 1L; 3L; 2L |]
                        [| 3L; 3L |], [| 5L; 3L; 2L |]
                        [| 5L; 3L; 3L |], [| 3L; 2L |]
                        [| 4L; 1L; 3L; 3L |], [| 5L; 3L; 1L |]
                    ] do
                    for value in [ orthogonal; spd; invertible; symmetric ] do
                        let parts = parts value double matrices
                        let right = drawn double right
                        let expected = torch.linalg.solve (Parametrization.forward value parts, right)
                        let found = Parametrization.solve value parts right
                        Expect.equal found.shape expected.shape $"{value}"
                        Expect.isLessThan (Measures.apart expected found) 1e-9 $"{value}")
            test "of what is no square matrix are refused" (fun () ->
                let tall = parts orthogonal torch.ScalarType.Float64 [| 4L; 3L |]
                let square = parts orthogonal torch.ScalarType.Float64 [| 2L; 3L; 3L |]
                let numbers (shape: int64[]) = drawn torch.ScalarType.Float64 shape
                refusal "Square matrices are needed" (fun () -> Parametrization.logAbsDet orthogonal tall)

                refusal "Square matrices are needed" (fun () ->
                    Parametrization.solve orthogonal tall (numbers [| 4L |]))

                refusal "columns of 3 numbers" (fun () ->
                    Parametrization.solve orthogonal square (numbers [| 4L; 1L |]))

                refusal "columns of 3 numbers" (fun () ->
                    Parametrization.solve orthogonal square (numbers [| 5L; 3L; 1L |]))

                refusal "the right-hand side is Float32" (fun () ->
                    Parametrization.solve orthogonal square (drawn torch.ScalarType.Float32 [| 3L; 1L |])))
        ]
