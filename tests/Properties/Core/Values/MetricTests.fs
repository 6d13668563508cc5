/// Other metrics, and kernels that are almost orthogonal.
module Properties.Core.Values.MetricTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64 = torch.ScalarType.Float64
let private normal = normalOn torch.CPU float64
let private rows: float list list = [ [ 2.0; 0.5; 0.0 ]; [ 0.5; 1.0; -0.25 ]; [ 0.0; -0.25; 1.5 ] ]

let private inner () : unit =
    use _ = torch.NewDisposeScope()
    let b = torch.tensor(List.concat rows |> List.toArray).reshape(3L, 3L)
    let value = generalizedStiefel rows

    for columns in 1L .. 3L do
        let w = Parametrization.project value (normal 1UL [ 3L; columns ])
        let gram = w.mT.matmul(b).matmul w
        Expect.isLessThan (Measures.apart gram (torch.eye (columns, dtype = float64))) 1e-14 "W^T B W"
        Expect.isOk (Parametrization.contains value w) "a member"

    Expect.isError (Parametrization.contains value (torch.eye (3L, dtype = float64))) "orthonormal in another metric"

/// Ill-conditioned metrics lose digits, and contain what they yield.
let private illConditioned () : unit =
    for size in [ 1e2; 1e4; 1e6 ] do
        for dtype in [ torch.ScalarType.Float32; float64 ] do
            use _ = torch.NewDisposeScope()
            let value = generalizedStiefel [ [ 1.0; 0.0 ]; [ 0.0; size ] ]
            let w = Parametrization.project value ((normal 2UL [ 2L; 2L ]).``to`` dtype)
            Expect.isOk (Parametrization.contains value w) $"{size} in {dtype}"

let private refused () : unit =
    for b in
        [
            []
            [ [ 1.0; 2.0 ] ]
            [ [ 1.0; 2.0 ]; [ 0.0; 1.0 ] ]
            [ [ 1.0; 2.0 ]; [ 2.0; 1.0 ] ]
            [ [ 1.0; 1.0 ]; [ 1.0; 1.0 ] ]
            [ [ nan ] ]
            [ [ 2.0; nan ]; [ 0.5; 1.0 ] ]
            [ [ 2.0; 0.5 ]; [ nan; 1.0 ] ]
            [ [ 2.0; infinity ]; [ infinity; 1.0 ] ]
            [ [ infinity; 0.0 ]; [ 0.0; 1.0 ] ]
        ] do
        Expect.throwsT<System.ArgumentException> (fun () -> inMetric b |> ignore) $"{b}"

/// The operator norm on inputs of some sizes is 1 at most; a kernel of one tap is a matrix.
let private norms () : unit =
    use _ = torch.NewDisposeScope()

    for shape, sizes in
        [
            [ 4L; 3L; 3L; 3L ], [ 8L; 8L ]
            [ 3L; 5L; 3L; 2L ], [ 7L; 9L ]
            [ 4L; 4L; 3L ], [ 16L ]
            [ 2L; 3L; 2L; 2L; 2L ], [ 4L; 4L; 4L ]
        ] do
        let w = Parametrization.project aolConvolution (normal 4UL shape)
        let norm = Tensors.number (ConvolutionNorm.operatorNorm sizes w)
        Expect.isLessThanOrEqual norm (1.0 + 1e-12) $"{shape}"
        Expect.isGreaterThan norm 0.3 $"{shape}"

    let matrix = normal 5UL [ 4L; 3L ]
    let kernel = torch.zeros (4L, 3L, 3L, 3L, dtype = float64)
    let middle (kernel: torch.Tensor) = kernel.select(3L, 1L).select(2L, 1L)
    (middle kernel).copy_ matrix |> ignore
    let w = Parametrization.project aolConvolution kernel
    Expect.isLessThan (Measures.apart (middle w) (Parametrization.project aol matrix)) 1e-14 "aol of the matrix"

/// A large one, a zero channel, zeros.
let private kernels () : unit =
    use _ = torch.NewDisposeScope()
    let large = (normal 6UL [ 64L; 64L; 3L; 3L ]).``to`` torch.ScalarType.Float32
    let withZero = normal 7UL [ 4L; 3L; 3L; 3L ]
    withZero.narrow(1L, 1L, 1L).zero_() |> ignore

    for what, kernel in [ "large", large; "a channel of zeros", withZero; "zeros", torch.zeros (2L, 2L, 3L, 3L) ] do
        let parts = orFail (Parametrization.start aolConvolution kernel)
        let w = Parametrization.forward aolConvolution parts
        Expect.isOk (Parametrization.contains aolConvolution w) what
        let back = Parametrization.forward aolConvolution (orFail (Parametrization.initialize aolConvolution w))
        Expect.isLessThan (Measures.apart w back) (64.0 * Form.epsilon w.dtype) $"{what} comes back"
        let found = torch.autograd.grad ([| (w * w.detach ()).sum() |], Seq.toArray parts.Parameters)
        Expect.equal (found |> Seq.sumBy Tensors.nonFinite) 0L $"{what}: gradients"

let tests: Test =
    testList
        "metrics and kernels"
        [
            testCase "W^T B W = I" inner
            testCase "ill-conditioned metrics" illConditioned
            testCase "what is no metric" refused
            testCase "aolConvolution has the norm 1 at most" norms
            testCase "kernels come back" kernels
        ]
