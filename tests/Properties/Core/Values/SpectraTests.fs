/// Matrices by their spectra where random cases seldom are: equal eigenvalues, singular matrices, parameters far out; and what
/// random ones are.
module Properties.Core.Values.SpectraTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private normal: uint64 -> int64 list -> torch.Tensor = normalOn torch.CPU float64

let private eye (size: int64) : torch.Tensor = torch.eye (size, dtype = float64)

/// Singular, with equal eigenvalues, indefinite, huge and tiny.
let private matrices () : (string * torch.Tensor) list =
    [
        "zero", torch.zeros (4L, 4L, dtype = float64)
        "the identity", eye 4L
        "minus the identity", -(eye 4L)
        "equal entries", torch.ones (4L, 4L, dtype = float64)
        "one entry", torch.diag (torch.tensor ([| 1.0; 0.0; 0.0; 0.0 |], dtype = float64))
        "equal eigenvalues", torch.diag (torch.tensor ([| 1.0; 1.0; -1.0; -1.0 |], dtype = float64))
        "a nilpotent one", torch.ones(4L, 4L, dtype = float64).triu 1L
        "normal numbers", normal 1UL [ 4L; 4L ]
        "huge ones", normal 2UL [ 4L; 4L ] * 1e150.ToScalar()
        "tiny ones", normal 3UL [ 4L; 4L ] * 1e-150.ToScalar()
    ]

let private values: Parametrization list =
    [
        psd
        psdLowRank 2L
        psdFixedRank 2L
        spdBy SpdMap.Eigenvalues
        spdBy SpdMap.Exponential
        spdWithTrace 2.5
        correlation
        correlationCholesky
        lipschitz 2.5
        spdWithDeterminant 2.5
        specialLinear
    ]

let private gradients (value: Parametrization) (parts: Parts) : torch.Tensor list =
    let leaves =
        parts.Parameters |> Seq.map (fun leaf -> leaf.detach().clone().requires_grad_ true) |> Seq.toArray

    let tensor =
        Parametrization.forward value (Parametrization.ofTensorsLike parts leaves parts.Buffers value)

    let weights = normal 9UL (List.ofArray tensor.shape)
    torch.autograd.grad ([| (tensor * weights.``to`` tensor.dtype).sum() |], leaves) |> List.ofSeq

/// Whatever is registered: an allowed tensor, with gradients that are numbers and not all zero.
let private starts (value: Parametrization) : Test =
    testCase $"{value} starts from singular and degenerate matrices where gradients flow" (fun () ->
        for what, tensor in matrices () do
            use _ = torch.NewDisposeScope()
            let parts = orFail (Parametrization.start value tensor)
            Expect.isOk (Parametrization.contains value (Parametrization.forward value parts)) what
            let found = gradients value parts
            Expect.equal (found |> Seq.sumBy Tensors.nonFinite) 0L $"{what}: gradients that are no numbers"
            Expect.isGreaterThan (found |> Seq.map Measures.largest |> Seq.max) 0.0 $"{what}: gradients"
            let projected = Parametrization.project value tensor
            Expect.isOk (Parametrization.contains value projected) $"{what}: the projection")

/// At zero and far out.
let private farOut (value: Parametrization) : Test =
    testCase $"{value} yields numbers, with gradients, from parameters that are far out" (fun () ->
        for dtype in [ float64; float32 ] do
            for size in [ 0.0; 1e-30; 1e3; 1e15 ] do
                use _ = torch.NewDisposeScope()
                let parts = orFail (Parametrization.start value ((eye 4L).``to`` dtype))
                let leaf (old: torch.Tensor) = ((normal 5UL (List.ofArray old.shape)) * size.ToScalar()).``to`` dtype
                // The values behind Q: others are turned by anything.
                let leaves =
                    parts.Parameters
                    |> Seq.map (fun old ->
                        if old.dim () = 2L && parts.Buffers.Count > 0 then old.detach () else leaf old)

                let moved = Parametrization.ofTensorsLike parts leaves parts.Buffers value
                Expect.equal (Tensors.nonFinite (Parametrization.forward value moved)) 0L $"{size} in {dtype}"
                let found = gradients value moved
                Expect.equal (found |> Seq.sumBy Tensors.nonFinite) 0L $"{size} in {dtype}: gradients")

/// Off the diagonal, uniform correlations have the moments of a beta distribution on (-1, 1) with both numbers n / 2.
let private uniformCorrelations () : unit =
    use _ = torch.NewDisposeScope()
    use generator = new torch.Generator(5UL)
    let size, many = 4L, 20_000L
    let form = { Shape = [| many; size; size |]; Dtype = float64; Device = torch.CPU }
    let sample = Parametrization.sample correlation form (Some generator)

    let moment (power: int) =
        ((torch.ones_like sample, Seq.replicate power sample) ||> Seq.fold (fun p x -> p * x)).mean [| 0L |]

    let n = float size
    let within = 6.0 / sqrt (float many)

    for row in 0L .. size - 1L do
        for column in 0L .. row - 1L do
            let at (power: int) = Tensors.number ((moment power)[row, column])
            Expect.isLessThan (abs (at 1)) within "the mean"
            Expect.isLessThan (abs (at 2 - 1.0 / (n + 1.0))) within "the mean square"
            Expect.isLessThan (abs (at 4 - 3.0 / ((n + 1.0) * (n + 3.0)))) within "the mean fourth power"

    // The determinant of uniform ones, from the volume of all: products of beta numbers with means (n - k + 1) / (n + 1).
    let struct (_, logarithms) = torch.linalg.slogdet sample

    let expected =
        Seq.fold (*) 1.0 (seq { for k in 1L .. size - 1L -> float (size - k + 1L) / float (size + 1L) })

    Expect.isLessThan (abs (Tensors.number (logarithms.exp().mean()) - expected)) within "the mean determinant"

/// As torch.distributions.CorrCholeskyTransform maps these numbers.
let private asPyTorch () : unit =
    use _ = torch.NewDisposeScope()
    let numbers = torch.tensor ([| 0.5; -1.0; 0.25 |], dtype = float64)

    let found =
        Parametrization.forward correlationCholesky (Parametrization.ofTensors [ numbers ] [] correlationCholesky)

    let z = [| for x in [ 0.5; -1.0; 0.25 ] -> tanh x |]
    let rest (z: float) = sqrt (1.0 - z * z)

    let expected = [| 1.0; 0.0; 0.0; z[0]; rest z[0]; 0.0; z[1]; z[2] * rest z[1]; rest z[1] * rest z[2] |]

    Expect.isLessThan (Measures.apart found (torch.tensor(expected, dtype = float64).reshape(3L, 3L))) 1e-15 "its rows"

/// Higham's example (2002, section 4): the nearest correlation matrix of ones beside zeros.
let private highamsExample () : unit =
    use _ = torch.NewDisposeScope()

    let given =
        torch.tensor([| 1.0; 1.0; 0.0; 1.0; 1.0; 1.0; 0.0; 1.0; 1.0 |], dtype = float64).reshape(3L, 3L)

    let found = Parametrization.project correlation given
    let a, b = 0.7607, 0.1573
    let expected = torch.tensor([| 1.0; a; b; a; 1.0; a; b; a; 1.0 |], dtype = float64).reshape(3L, 3L)
    Expect.isLessThan (Measures.apart found expected) 1e-4 "what he has"

let private options () : unit =
    for call in
        [
            fun () -> eigen 0L [ orthogonal; identity ]
            fun () -> psdLowRank 0L
            fun () -> psdFixedRank -1L
            fun () -> spdWithTrace 0.0
            fun () -> spdWithTrace infinity
            fun () -> spdWithDeterminant 0.0
            fun () -> lipschitz 0.0
            fun () -> lipschitz nan
            fun () -> eigen 2L [ orthogonal ]
            fun () -> eigen 2L [ positive; identity ]
        ] do
        Expect.throwsT<System.ArgumentException> (call >> ignore) "an option out of range"

let private spaces () : unit =
    let space (value: Parametrization) = Tree.space value.Tree
    let definite = PositiveDefiniteSpaces.positiveDefinite
    let semidefinite = PositiveDefiniteSpaces.positiveSemidefinite

    for value in [ spdBy SpdMap.Eigenvalues; spdWithTrace 2.0; spdWithDeterminant 2.0; correlation ] do
        Expect.isTrue ((space value).IsWithin definite) $"{value}"

    for value in [ psd; eigenFull [ identity; positive ] ] do
        Expect.isTrue ((space value).IsWithin semidefinite) $"{value}"
        Expect.isFalse ((space value).IsWithin definite) $"{value} may be singular"

    Expect.isTrue ((space (eigenFull [ orthogonal; identity ])).IsWithin SymmetricSpaces.hermitian) "symmetric"
    Expect.isTrue ((space (psdLowRank 2L)).IsWithin(RankSpaces.atMost 2L)) "of a rank"
    Expect.isFalse ((space (eigenFull [ orthogonal; identity ])).IsWithin semidefinite) "of any sign"
    Expect.isFalse ((space (eigenFull [ orthogonal; bounded 0.0 1.0 ])).IsClosedUnder Closure.Scaling) "bounded"

/// The nearest matrix of a determinant is where the distance is stationary: `P - W = c P^-1`.
let private nearestOfDeterminant () : unit =
    for determinant in [ 1e-6; 2.5; 1e6 ] do
        let value = spdWithDeterminant determinant

        for size in [ 1L; 2L; 5L; 20L ] do
            for deviation in [ 1e-4; 0.03; 1.0 ] do
                use _ = torch.NewDisposeScope()
                let matrices = normal 3UL [ 4L; size; size ]
                let allowed = matrices.matmul matrices.mT +. eye size
                let struct (_, logarithm) = torch.linalg.slogdet allowed
                let toDeterminant = ((log determinant).ToScalar() .- logarithm) / (float size).ToScalar()
                let member' = allowed * toDeterminant.exp().unsqueeze(-1L).unsqueeze -1L
                let noise = normal 4UL [ 4L; size; size ]
                let given = member' +. (noise +. noise.mT) * (deviation * Measures.largest member').ToScalar()
                let projected = Parametrization.project value given
                let what = $"{determinant}, {size} x {size}, {deviation}"
                let product = (projected - given).matmul projected
                let multiple = Tensors.realDiagonal product |> _.mean([| -1L |], keepdim = true) |> _.unsqueeze(-1L)
                let allowed = 1e-9 * Measures.largest projected * Measures.largest given
                Expect.isLessThanOrEqual (Measures.apart product (eye size * multiple)) allowed what

/// A small change of an ill-conditioned matrix moves its projection little.
let private nearDeterminant (dtype: torch.ScalarType) () : unit =
    use _ = torch.NewDisposeScope()
    let value = spdWithDeterminant 2.5
    let form = { Shape = [| 64L; 64L |]; Dtype = dtype; Device = torch.CPU }
    use generator = new torch.Generator(5UL, torch.CPU)
    let sampled = Parametrization.sample value form (Some generator)
    let noise = (normal 6UL [ 64L; 64L ]).``to`` dtype
    let given = sampled +. (noise +. noise.mT) * (1e-5 * Measures.largest sampled).ToScalar()
    let projected = Parametrization.project value given
    Expect.isOk (Parametrization.contains value projected) "it is allowed"
    let moved = Tensors.number ((projected - given).norm() / given.norm ())
    Expect.isLessThan moved 1e-4 "it is near"

/// Projections of matrices of rank 1 have the rank that is asked for, visibly.
let private lowerRank (value: Parametrization) (dtype: torch.ScalarType) : Test =
    testCase $"{value} projects matrices of a lower rank, {dtype}" (fun () ->
        use _ = torch.NewDisposeScope()
        let column = (torch.arange(1L, 7L).``to`` dtype).reshape(6L, 1L)

        for size in [ 1e-3; 1.0; 1e3 ] do
            let matrix = column.matmul column.mT * size.ToScalar()
            let projected = Parametrization.project value matrix
            Expect.isOk (Parametrization.contains value projected) $"{size} times a matrix of rank 1"
            let allowed = 1e3 * Form.epsilon dtype * Measures.largest matrix
            Expect.isLessThan (Measures.apart matrix projected) allowed "which is near"
            Expect.isOk (Parametrization.start value matrix) "and it starts")

let tests: Test =
    testList
        "spectra"
        [
            for value in [ fixedRank 2L; fixedRank 3L; psdFixedRank 2L ] do
                for dtype in [ torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
                    lowerRank value dtype
            yield! List.map starts values
            yield! List.map farOut values
            testCase "correlation draws uniform matrices" uniformCorrelations
            testCase "correlationCholesky maps numbers as PyTorch does" asPyTorch
            testCase "correlation projects to the nearest matrix of Higham's example" highamsExample
            testCase "spdWithDeterminant projects to where the distance is stationary" nearestOfDeterminant
            for dtype in [ float32; float64 ] do
                testCase $"spdWithDeterminant projects ill-conditioned matrices nearby, {dtype}" (nearDeterminant dtype)
            testCase "options out of range are refused" options
            testCase "spaces that contain what is yielded" spaces
        ]
