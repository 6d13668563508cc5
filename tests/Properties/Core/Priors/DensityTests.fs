/// Densities integrate to 1, and are those of textbooks.
module Properties.Core.Priors.DensityTests

open System
open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private test (name: string) (work: unit -> unit) : Test =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        work ())

let private matrix: float[,] = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]

let private integrates (accuracy: float) (charts: Quadrature.Chart list) (prior: Prior) : Test =
    test $"{prior} integrates to 1 over {charts.Head.Box.Length} dimensions" (fun () ->
        let total =
            charts
            |> List.sumBy (fun chart -> Quadrature.integral chart (fun w -> (Prior.logDensity prior w).exp()))

        Expect.isLessThan (abs (total - 1.0)) accuracy $"the integral {total}")

let private drawn (shape: int64[]) (value: Parametrization) : torch.Tensor =
    let form = { Shape = shape; Dtype = torch.ScalarType.Float64; Device = Case.device }
    Parametrization.sample value form (Some(new torch.Generator(11UL, torch.CPU)))

/// A formula of the textbook's, of a tensor drawn.
let private textbook (prior: Prior) (value: Parametrization) (shape: int64[]) (formula: torch.Tensor -> torch.Tensor) =
    test $"{prior} is the textbook's of {Form.Shown shape}" (fun () ->
        let w = drawn shape value
        let found = Prior.logDensityBy Measure.Textbook prior w
        Expect.isLessThan (Measures.apart (formula w) found) 1e-11 "the log density")

let private logDeterminant (w: torch.Tensor) : torch.Tensor = (torch.linalg.det w).log()

let private multiGamma (x: float) (size: int64) : float =
    (torch.tensor (x, dtype = torch.ScalarType.Float64)).mvlgamma(size).item<double>()

let private logGamma (x: float) : float = (torch.tensor (x, dtype = torch.ScalarType.Float64)).lgamma().item<double>()

/// As `torch.distributions.LKJCholesky` has it.
let private lkjCholesky (shape: float) (factor: torch.Tensor) : torch.Tensor =
    let size = factor.size -1
    let diagonal = factor.diagonal(0L, -2L, -1L).narrow(-1L, 1L, size - 1L)

    let order =
        torch.arange (2L.ToScalar(), (size + 1L).ToScalar(), dtype = factor.dtype, device = factor.device)

    let order = 2.0 * (shape - 1.0) + float size - order
    let alpha = shape + 0.5 * float (size - 1L)

    let normalizer =
        0.5 * float (size - 1L) * log Math.PI + multiGamma (alpha - 0.5) (size - 1L)
        - logGamma alpha * float (size - 1L)

    (order * diagonal.log ()).sum(-1L) - normalizer

/// Of L L^T: dW has the Jacobian `prod L_kk^(n-k)` in the entries of L below the diagonal (rows of norm 1).
let private lkj (shape: float) (w: torch.Tensor) : torch.Tensor =
    let factor = torch.linalg.cholesky w
    let size = w.size -1
    let places = torch.arange (1L.ToScalar(), (size + 1L).ToScalar(), dtype = w.dtype, device = w.device)
    let jacobian = (factor.diagonal(0L, -2L, -1L).log() * (float size - places)).sum -1L
    lkjCholesky shape factor - jacobian

let private wishart (freedom: float) (scale: torch.Tensor) (w: torch.Tensor) : torch.Tensor =
    let size = float (w.size -1)
    let trace = (torch.linalg.solve (scale, w)).diagonal(0L, -2L, -1L).sum -1L

    logDeterminant w * ((freedom - size - 1.0) / 2.0)
    - trace / 2.0
    - (freedom * size / 2.0 * log 2.0 + multiGamma (freedom / 2.0) (int64 size))
    - logDeterminant scale * (freedom / 2.0)

/// Of W^-1 that of Wishart with S^-1, times `|W|^-(n+1)`.
let private inverseWishart (freedom: float) (scale: torch.Tensor) (w: torch.Tensor) : torch.Tensor =
    wishart freedom (scale.inverse ()) (w.inverse ()) - logDeterminant w * (float (w.size -1) + 1.0)

let private scaleOf (numbers: float[,]) : torch.Tensor =
    (torch.tensor (numbers, dtype = torch.ScalarType.Float64)).``to`` Case.device

let private numbers (entries: float list) : torch.Tensor =
    (torch.tensor (List.toArray entries, dtype = torch.ScalarType.Float64)).``to`` Case.device

let tests: Test =
    testList
        "densities"
        [
            integrates 1e-9 [ Quadrature.interval -20.0 20.0 ] (Prior.normal 1.7)
            integrates 1e-9 [ Quadrature.interval -20.0 23.0 ] (Prior.normalAround 1.5 1.7)
            integrates 1e-9 [ Quadrature.interval 0.0 60.0; Quadrature.interval -60.0 0.0 ] (Prior.laplace 0.8)
            integrates 1e-5 [ Quadrature.interval -300.0 0.0; Quadrature.interval 0.0 300.0 ] (Prior.studentT 5.0 6.0)
            integrates 1e-6 [ Quadrature.interval -1.0 3.0 ] (Prior.ofValue (bounded -1.0 3.0) (Prior.normal 0.6))
            integrates 1e-9 [ Quadrature.interval -1.0 3.0 ] (Prior.uniform (bounded -1.0 3.0))
            integrates 1e-6 [ Quadrature.interval 1.0 7.0 ] (Prior.ofValue (above 1.0) (Prior.normal 0.7))

            integrates 1e-9 [ Quadrature.simplex2 ] (Prior.dirichlet [ 2.0; 3.0 ])
            integrates 1e-6 [ Quadrature.simplex2 ] (Prior.ofValue simplex (Prior.normal 0.7))
            integrates 1e-9 [ Quadrature.simplex3 ] (Prior.dirichlet [ 2.0; 3.0; 1.0 ])
            integrates 1e-9 [ Quadrature.simplex3 ] (Prior.dirichlet [ 4.0 ])
            integrates 1e-9 [ Quadrature.simplex3 ] (Prior.uniform simplex)

            for map in [ SimplexMap.IsometricLogRatio; SimplexMap.StickBreaking ] do
                integrates 1e-4 [ Quadrature.simplex3 ] (Prior.ofValue (simplexBy map) (Prior.normal 0.8))

            integrates 1e-9 [ Quadrature.circle 2.0 ] (Prior.uniform (sphere 2.0))
            integrates 1e-9 [ Quadrature.sphere 2.0 ] (Prior.uniform (sphereExp 2.0))
            integrates 1e-9 [ Quadrature.circle 1.0 ] (Prior.vonMisesFisher [ 1.5; -2.0 ])
            integrates 1e-9 [ Quadrature.sphere 1.0 ] (Prior.vonMisesFisher [ 1.5; -2.0; 6.0 ])

            integrates 1e-9 [ Quadrature.correlation2 ] (Prior.lkj 2.0)
            integrates 1e-9 [ Quadrature.correlation2 ] (Prior.uniform correlation)
            integrates 1e-5 [ Quadrature.correlation2 ] (Prior.ofValue correlation (Prior.normal 0.6))
            integrates 1e-4 [ Quadrature.correlation3 ] (Prior.lkj 2.5)
            integrates 1e-4 [ Quadrature.correlation3 ] (Prior.uniform correlation)
            integrates 1e-3 [ Quadrature.correlation3 ] (Prior.ofValue correlation (Prior.normal 0.5))
            integrates 1e-6 [ Quadrature.factor3 ] (Prior.lkjCholesky 2.0)
            integrates 1e-6 [ Quadrature.factor3 ] (Prior.uniform correlationCholesky)
            integrates 1e-3 [ Quadrature.factor3 ] (Prior.ofValue correlationCholesky (Prior.normal 0.5))

            integrates 1e-5 [ Quadrature.definite1 ] (Prior.wishart 3.0 2.0)
            integrates 1e-5 [ Quadrature.definite1 ] (Prior.inverseWishart 8.0 2.0)
            integrates 1e-3 [ Quadrature.definite2 ] (Prior.wishartOf 5.0 matrix)
            integrates 1e-3 [ Quadrature.definite2 ] (Prior.inverseWishartOf 7.0 matrix)

            integrates 2e-3 [ Quadrature.definite2 ] (Prior.ofValue spd (Prior.normal 0.6))

            integrates 1e-9 [ Quadrature.rotations ] (Prior.uniform specialOrthogonal)
            integrates 1e-9 [ Quadrature.rotations; Quadrature.reflections ] (Prior.uniform orthogonal)
            integrates 1e-6 [ Quadrature.frames ] (Prior.uniform cayley)

            test "the constant of one column is that of vectors" (fun () ->
                let w = drawn [| 4L; 5L; 1L |] orthogonal
                let vectors = Prior.logDensity (Prior.vonMisesFisher [ 1.0; 2.0; -3.0; 0.0; 7.0 ]) (w.squeeze -1L)
                let columns = array2D [ [ 1.0 ]; [ 2.0 ]; [ -3.0 ]; [ 0.0 ]; [ 7.0 ] ]
                let found = Prior.logDensity (Prior.langevin columns) w
                Expect.isLessThan (Measures.apart vectors found) 1e-12 "the log densities"
                Expect.isTrue (Prior.isNormalized (Form.ofTensor w) (Prior.langevin columns)) "it is normalised"
                let rows = Prior.langevin (array2D [ [ 1.0; 2.0; -3.0; 0.0; 7.0 ] ])
                Expect.isLessThan (Measures.apart vectors (Prior.logDensity rows w.mT)) 1e-12 "of one row"
                Expect.isTrue (Prior.isNormalized (Form.ofTensor w.mT) rows) "it is normalised, too")
            test "the integral of a Langevin density is what is left out" (fun () ->
                // Over rotations and over reflections of the plane, each is Bessel's I0 of a sum over the entries.
                let f = array2D [ [ 1.0; 2.0 ]; [ 0.5; -1.0 ] ]

                let total =
                    [ Quadrature.rotations; Quadrature.reflections ]
                    |> List.sumBy (fun chart ->
                        Quadrature.integral chart (fun w -> (Prior.logDensity (Prior.langevin f) w).exp()))

                let bessel (x: float) (y: float) =
                    let size = numbers [ sqrt (x * x + y * y) ]
                    (torch.special.i0 size).item<double>()

                let expected = (bessel (1.0 - 1.0) (0.5 - 2.0) + bessel (1.0 + 1.0) (0.5 + 2.0)) / 2.0
                Expect.isLessThan (abs (total - expected)) 1e-9 $"{total} {expected}")
            test "special unitary matrices are a sphere" (fun () ->
                // (a, -b*; b, a*) with |a|^2 + |b|^2 = 1, whose norm is sqrt 2.
                let form =
                    {
                        Shape = [| 2L; 2L |]
                        Dtype = torch.ScalarType.ComplexFloat64
                        Device = Case.device
                    }

                let w = Parametrization.sample specialUnitary form None
                let expected = -log(2.0 * Math.PI * Math.PI * (sqrt 2.0 ** 3.0))
                let found = (Prior.logDensity (Prior.uniform specialUnitary) w).item<double>()
                Expect.isLessThan (abs (found - expected)) 1e-12 "the constant")
            test "complex vectors are real ones of twice as many numbers" (fun () ->
                for radius in [ 0.3; 1.0; 2.0 ] do
                    for size in 1L .. 4L do
                        let form =
                            {
                                Shape = [| 3L; size |]
                                Dtype = torch.ScalarType.ComplexFloat64
                                Device = Case.device
                            }

                        for measure in [ Measure.Frobenius; Measure.Textbook ] do
                            let w = Parametrization.sample (sphere radius) form None
                            let found = Prior.logDensityBy measure (Prior.uniform (sphere radius)) w
                            let reals = (torch.view_as_real w).flatten 1L
                            let expected = Prior.logDensityBy measure (Prior.uniform (sphere radius)) reals
                            Expect.isLessThan (Measures.apart expected found) 1e-12 $"{radius}, {size}, {measure}")
            test "columns and rows are vectors, kernels and transposes have the volumes of their matrices" (fun () ->
                let expected (number: float) (shape: int64[]) =
                    torch.full (shape, (-number).AsScalar(), dtype = torch.ScalarType.Float64, device = Case.device)

                let check (value: Parametrization) (shape: int64[]) (number: float) (batch: int64[]) =
                    let found = Prior.logDensity (Prior.uniform value) (drawn shape value)
                    Expect.isLessThan (Measures.apart (expected number batch) found) 1e-12 $"{value}"

                let ball = log (4.0 * Math.PI)
                check oblique [| 2L; 3L; 5L |] (5.0 * ball) [| 2L |]
                check (sphere 1.0) [| 2L; 5L; 3L |] ball [| 2L; 5L |]
                check (onKernel (sphere 1.0)) [| 4L; 3L; 1L |] ball [| 4L |]
                check (onKernel (bounded 0.0 2.0)) [| 4L; 3L; 2L |] (log 2.0) [| 4L; 3L; 2L |]
                check (transposed simplex) [| 2L; 4L |] (4.0 * log (sqrt 2.0)) [||]
                let frames = log (8.0 * Math.PI * Math.PI * sqrt 2.0)
                check (onKernel orthogonal) [| 3L; 2L; 1L |] frames [||]
                check (transposed orthogonal) [| 5L; 2L; 3L |] frames [| 5L |])

            test "what the textbook's density has more depends on the space only" (fun () ->
                for value, shape, priors in
                    [
                        simplex, [| 3L; 4L |], [ Prior.uniform simplex; Prior.dirichlet [ 2.0 ] ]
                        correlation, [| 3L; 4L; 4L |], [ Prior.uniform correlation; Prior.lkj 1.0; Prior.lkj 2.3 ]
                        correlationCholesky,
                        [| 3L; 4L; 4L |],
                        [ Prior.uniform correlationCholesky; Prior.lkjCholesky 1.0; Prior.lkjCholesky 2.3 ]
                        spd, [| 3L; 2L; 2L |], [ Prior.wishart 4.0 1.0; Prior.inverseWishartOf 3.0 matrix ]
                        sphere 1.0, [| 3L; 2L |], [ Prior.uniform (sphere 1.0); Prior.vonMisesFisher [ 1.0; 2.0 ] ]
                        orthogonal, [| 3L; 2L; 2L |], [ Prior.uniform orthogonal; Prior.langevin matrix ]
                    ] do
                    let w = drawn shape value

                    let more (prior: Prior) = Prior.logDensityBy Measure.Textbook prior w - Prior.logDensity prior w

                    for other in priors.Tail do
                        Expect.isLessThan (Measures.apart (more priors.Head) (more other)) 1e-12 $"{other}")

            let dirichlet (w: torch.Tensor) = (torch.distributions.Dirichlet(numbers [ 0.5; 2.0; 3.0; 1.0 ])).log_prob w

            textbook (Prior.dirichlet [ 0.5; 2.0; 3.0; 1.0 ]) simplex [| 3L; 4L |] dirichlet
            textbook (Prior.lkj 2.3) correlation [| 3L; 4L; 4L |] (lkj 2.3)
            textbook (Prior.uniform correlation) correlation [| 3L; 4L; 4L |] (lkj 1.0)
            textbook (Prior.lkjCholesky 0.6) correlationCholesky [| 3L; 5L; 5L |] (lkjCholesky 0.6)

            textbook (Prior.wishart 4.5 0.3) spd [| 3L; 4L; 4L |] (fun w ->
                wishart 4.5 (torch.eye (4L, dtype = w.dtype, device = w.device) * 0.3) w)

            textbook (Prior.wishartOf 4.5 matrix) spd [| 2L; 2L |] (wishart 4.5 (scaleOf matrix))
            textbook (Prior.inverseWishartOf 1.5 matrix) spd [| 5L; 2L; 2L |] (inverseWishart 1.5 (scaleOf matrix))

            textbook (Prior.laplace 2.0) identity [| 5L |] (fun w ->
                (torch.distributions.Laplace(numbers [ 0.0 ], numbers [ 2.0 ])).log_prob w)

            textbook (Prior.studentT 1.0 2.0) identity [| 5L |] (fun w ->
                (torch.distributions.Cauchy(numbers [ 0.0 ], numbers [ 2.0 ])).log_prob w)

            textbook (Prior.vonMisesFisher [ 0.0; 0.0; 4.0 ]) (sphere 1.0) [| 2L; 3L |] (fun w ->
                w.select (-1L, 2L) * 4.0 + log (4.0 / sinh 4.0))

            textbook (Prior.uniform orthogonal) orthogonal [| 2L; 4L; 3L |] (fun _ -> numbers [ 0.0; 0.0 ])

            test "0F1 is Bessel's I, whatever the size" (fun () ->
                for x in [ 1e-3; 1.0; 30.0; 600.0; 999.0; 1001.0; 1e6; 1e8; 1e12 ] do
                    let expected = log ((torch.special.i0e (numbers [ x ])).item<double>())

                    Expect.isLessThan
                        (abs (Special.logHypergeometric 2L x - expected))
                        (1e-12 * (1.0 + min x 1000.0))
                        $"{x}")

            test "0F1 of three dimensions is the hyperbolic sine over its argument, of one the cosine" (fun () ->
                for x in [ 1.0; 300.0; 999.0; 1001.0; 1e6; 1e100 ] do
                    let sinh, cosh = log (-(Double.ExpM1(-2.0 * x)) / 2.0) - log x, log ((1.0 + exp (-2.0 * x)) / 2.0)

                    Expect.isLessThan
                        (abs (Special.logHypergeometric 3L x - sinh))
                        (1e-12 * (1.0 + min x 1000.0))
                        $"{x}"

                    Expect.isLessThan
                        (abs (Special.logHypergeometric 1L x - cosh))
                        (1e-12 * (1.0 + min x 1000.0))
                        $"{x}")

            test "0F1 of many dimensions does not jump where its expansion begins" (fun () ->
                for size in [ 100L; 1000L; 1990L ] do
                    let order = float size / 2.0 - 1.0
                    let edge = sqrt (1e6 - order * order)
                    let at (step: float) = Special.logHypergeometric size (edge + step)
                    let bend = at -2e-3 - 2.0 * at -1e-3 + 2.0 * at 1e-3 - at 2e-3
                    Expect.isLessThan (abs bend) 1e-8 $"{size}")

            test "log Gamma is that of libtorch" (fun () ->
                for x in [ 1e-3; 0.5; 1.0; 3.7; 15.99; 16.0; 170.0; 1e6 ] do
                    Expect.isLessThan
                        (abs (Special.logGamma x - logGamma x))
                        (1e-14 * (10.0 + abs (logGamma x)))
                        $"{x}")
        ]
