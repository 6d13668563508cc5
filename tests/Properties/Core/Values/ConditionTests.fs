/// Bounded condition numbers where random cases seldom are.
module Properties.Core.Values.ConditionTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64 = torch.ScalarType.Float64
let private tensor (numbers: float list) = torch.tensor (List.toArray numbers, dtype = float64)
let private normal = normalOn torch.CPU float64

let private condition (matrix: torch.Tensor) : float =
    let values = torch.linalg.svdvals matrix
    Tensors.number (values.max ()) / Tensors.number (values.min ())

/// By the definition, with t tried from a grid.
let private nearestRatio () : unit =
    use _ = torch.NewDisposeScope()

    for numbers in [ [ 1.0; 10.0; 3.0 ]; [ -1.0; 2.0; 5.0; 100.0 ]; [ 1.0; 1.0; 1.0; 9.0 ]; [ 0.0; 1.0 ] ] do
        let given = tensor numbers
        let projected = Parametrization.project (boundedRatio 4.0) given
        let distance (w: torch.Tensor) = Tensors.number ((w - given).norm())

        let best =
            Seq.min
                [
                    for t in 1..20_000 ->
                        let low = float t * 5e-3
                        distance (given.clamp (low.ToScalar(), (4.0 * low).ToScalar()))
                ]

        Expect.isLessThanOrEqual (distance projected) (best + 1e-12) $"{numbers}"
        Expect.isGreaterThan (distance projected) (best - 0.02) $"{numbers}"

/// Far outside, singular, zero: gradients are numbers, and the start is inside.
let private starts () : unit =
    for value in
        [
            conditioned 4.0
            conditioned 1.0001
            conditioned 1e12
            eigenFull [ orthogonal; boundedRatio 4.0 ]
        ] do
        for what, matrix in
            [
                "zero", torch.zeros (4L, 4L, dtype = float64)
                "the identity", torch.eye (4L, dtype = float64)
                "equal entries", torch.ones (4L, 4L, dtype = float64)
                "a diagonal of 1 and 100", torch.diag (tensor [ 100.0; 1.0; 1.0; 1.0 ])
                "normal", normal 1UL [ 4L; 4L ]
                "huge", normal 2UL [ 4L; 4L ] * 1e150.ToScalar()
                "tiny", normal 3UL [ 4L; 4L ] * 1e-150.ToScalar()
            ] do
            use _ = torch.NewDisposeScope()
            let parts = orFail (Parametrization.start value matrix)
            let started = Parametrization.forward value parts
            Expect.isOk (Parametrization.contains value started) $"{value}: {what}"
            Expect.isOk (Parametrization.contains value (Parametrization.project value matrix)) $"{value}: {what}"
            let weights = normal 9UL (List.ofArray started.shape)
            let found = torch.autograd.grad ([| (started * weights).sum() |], Seq.toArray parts.Parameters)
            Expect.equal (found |> Seq.sumBy Tensors.nonFinite) 0L $"{value}: {what}: gradients"
            Expect.isGreaterThan (Measures.largest found[1]) 0.0 $"{value}: {what}: singular values move"

let private ill () : unit =
    use _ = torch.NewDisposeScope()
    let matrix = normal 4UL [ 6L; 4L ]
    let value = conditioned 2.0
    let projected = Parametrization.project value matrix
    Expect.isLessThan (condition projected) (2.0 + 1e-12) "the condition number"
    Expect.isError (Parametrization.contains value matrix) "a normal matrix"
    // On the edge it starts inside.
    use parts = orFail (Parametrization.start value projected)
    Expect.isLessThan (condition (Parametrization.forward value parts)) 1.7 "where it starts"

let private options () : unit =
    for call in [ (fun () -> boundedRatio 1.0); (fun () -> conditioned infinity); (fun () -> conditioned nan) ] do
        Expect.throwsT<System.ArgumentException> (call >> ignore) "a bound out of range"

/// Samples and projections of long vectors and of batches.
let private large () : unit =
    for value, shape, dtype in
        [
            boundedRatio 4.0, [| 768L; 768L |], torch.ScalarType.Float32
            boundedRatio 4.0, [| 1L; 200_000L |], torch.ScalarType.Float32
            boundedRatio 1e6, [| 3L; 768L |], float64
            boundedRatio 4.0, [| 64L; 768L |], torch.ScalarType.BFloat16
            conditioned 10.0, [| 128L; 128L |], torch.ScalarType.Float32
            conditioned 10.0, [| 4_000L; 3L; 3L |], torch.ScalarType.Float32
        ] do
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(3UL)

        let sample =
            Parametrization.sample value { Shape = shape; Dtype = dtype; Device = torch.CPU } (Some generator)

        let skewed = sample * (torch.linspace (1.0, 50.0, Array.last shape)).``to`` dtype

        for what, member' in [ "a sample", sample; "a projection", Parametrization.project value skewed ] do
            Expect.isOk (Parametrization.contains value member') $"{value}, {shape}: {what}"

            match Parametrization.initialize value member' with
            | Error error -> failtest $"{value}, {shape}: {error.Message}"
            | Ok parts ->
                let made = Parametrization.forward value parts
                let allowed = 16.0 * Form.epsilon dtype * Measures.largest member'
                Expect.isLessThanOrEqual (Measures.apart member' made) allowed $"{value}, {shape}: {what} comes back"

let tests: Test =
    testList
        "condition numbers"
        [
            testCase "the nearest ratio" nearestRatio
            testCase "whatever is registered starts inside" starts
            testCase "normal matrices are cut off" ill
            testCase "bounds have a range" options
            testCase "large ones come back" large
        ]
