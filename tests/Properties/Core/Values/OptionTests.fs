/// Values of a size that an option gives: membership and the map in units of that size, whatever it is.
module Properties.Core.Values.OptionTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private sizes: float list = [ 1e-6; 1e-2; 1.0; 1e2; 1e6 ]

let private caseOf (shape: int64 list) (dtype: torch.ScalarType) : Case =
    {
        Shape = List.toArray shape
        Dtype = dtype
        Scale = 1.0
        Seed = 11UL
        Device = Case.device
    }

/// Values with an option of this size; whether a member must be refused if it becomes slightly larger, and if slightly smaller.
let private members (size: float) : (Parametrization * bool * bool) list =
    [
        sphere size, true, true
        sphereExp size, true, true
        spectralNormWith { SpectralNorm.defaults with Bound = size }, true, true
        bounded -size size, true, false
        bounded size infinity, false, true
        spdAbove size, false, true
        lipschitz size, true, false
        spdWithTrace size, true, true
        scale size >>> bounded -1.0 1.0, true, false
    ]

/// On the edge of the space, where it has one.
let private member' (value: Parametrization) (size: float) (case: Case) : torch.Tensor =
    let text = string value

    if text.StartsWith "bounded" then
        torch.full (case.Shape, size.ToScalar(), dtype = case.Dtype, device = case.Device)
    elif text.StartsWith "scale" then
        torch.ones (case.Shape, dtype = case.Dtype, device = case.Device)
    elif text.StartsWith "spd" then
        torch.eye (case.Shape[0], dtype = case.Dtype, device = case.Device) * (size * size).ToScalar()
    else
        // Far outside, where the space has an inside.
        Parametrization.project value (Case.unit 1UL case * (10.0 * size))

let private limits (size: float) : unit =
    for value, isRefusedAbove, isRefusedBelow in members size do
        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
            use _ = torch.NewDisposeScope()
            let epsilon = Form.epsilon dtype
            let tensor = member' value size (caseOf [ 3L; 3L ] dtype)
            let times (units: float) = tensor * (1.0 + units * epsilon).ToScalar()
            Expect.isOk (Parametrization.contains value tensor) $"{value} in {dtype}: a member"
            Expect.isOk (Parametrization.contains value (times 0.5)) $"{value} in {dtype}: rounded up"
            Expect.isOk (Parametrization.contains value (times -0.5)) $"{value} in {dtype}: rounded down"

            if isRefusedAbove then
                Expect.isError (Parametrization.contains value (times 2000.0)) $"{value} in {dtype}: a little larger"

            if isRefusedBelow then
                Expect.isError (Parametrization.contains value (times -2000.0)) $"{value} in {dtype}: a little smaller"

/// `W = bound X / max(sigma, epsilon)`, from the singular values.
let private spectral (bound: float) (epsilon: float) : unit =
    let value = spectralNormWith { SpectralNorm.defaults with Bound = bound; Epsilon = epsilon }

    use _ = torch.NewDisposeScope()
    let tensor = Case.unit 1UL (caseOf [ 5L; 3L ] torch.ScalarType.Float64)

    match Parametrization.initializeNearest value tensor with
    | Error error -> failtest $"{error}"
    | Ok parts ->
        // The vectors are those of X, whatever its size.
        for size in [ 1e-200; 1e-30; 1e-13; 1e-6; 1e-3; 1.0; 1e30; 1e200 ] do
            let x = tensor * size.ToScalar()
            let sigma = Tensors.number ((torch.linalg.svdvals tensor).max()) * size
            let expected = x / (max sigma epsilon).ToScalar() * bound.ToScalar()

            let found =
                Parametrization.forward value (Parametrization.ofTensorsLike parts [ x ] parts.Buffers value)

            let allowed = 1e-12 * Measures.largest expected
            Expect.isLessThanOrEqual (Measures.apart expected found) allowed $"{value} of size {size}"

    let inside = Parametrization.sample value (Case.form (caseOf [ 5L; 3L ] torch.ScalarType.Float64)) None

    match Parametrization.initialize value inside with
    | Error error -> failtest $"{error}"
    | Ok parts ->
        let back = Parametrization.forward value parts
        Expect.isLessThanOrEqual (Measures.apart inside back) (1e-12 * bound) $"{value} gives back what it contains"

/// A node learns from what the ones before it yield after they have learnt.
let private learnsInOrder () : unit =
    use _ = torch.NewDisposeScope()
    let first = spectralNorm
    let second = spectralNormWith { SpectralNorm.defaults with Dimension = 1; Bound = 2.0 }
    let both = first >>>! second
    let case = caseOf [ 4L; 3L ] torch.ScalarType.Float64

    let unit (length: int64) (use': uint64) =
        let vector = Case.normalOf [| length |] 1.0 use' case
        vector / vector.norm ()

    let x, (u1, v1), (u2, v2) = Case.unit 2UL case, (unit 4L 3UL, unit 3L 4UL), (unit 3L 5UL, unit 4L 6UL)
    let together = Parametrization.advance both (Parametrization.ofTensors [ x ] [ u1; v1; u2; v2 ] both)
    let before = Parametrization.advance first (Parametrization.ofTensors [ x ] [ u1; v1 ] first)
    let yielded = Parametrization.forward first before
    let behind = Parametrization.advance second (Parametrization.ofTensors [ yielded ] [ u2; v2 ] second)

    for expected, found in Seq.zip (Seq.append before.Buffers behind.Buffers) together.Buffers do
        Expect.isLessThanOrEqual (Measures.apart expected found) 1e-14 "a singular vector"

/// Half the mean modulus away from the edge, and with derivatives that grow not more than 1.
let private startDistances () : unit =
    use _ = torch.NewDisposeScope()
    let tensor = torch.tensor ([| -3.0; 1.0; 8.0 |], dtype = torch.ScalarType.Float64)

    for value, edge, distance in
        [
            positive, 0.0, 2.0
            positiveBy PositiveMap.Exp, 0.0, 1.0
            positiveBy PositiveMap.Square, 0.0, 1.0
            bounded 0.0 infinity, 0.0, 2.0
        ] do
        match Parametrization.start value tensor with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            let started = Parametrization.forward value parts
            Expect.floatClose Accuracy.high (Tensors.number started[0]) (edge + distance) $"{value} from outside"
            Expect.floatClose Accuracy.high (Tensors.number started[1]) 1.0 $"{value} from inside"

let tests: Test =
    testList
        "options"
        [
            for size in sizes do
                testCase $"limits are in units of {size}" (fun () -> limits size)
            for bound, epsilon in [ 1.0, 1e-12; 1.0, 1e-3; 3.0, 1e-3; 1e-4, 1e-3; 1e-13, 1e-12; 1e5, 1e-3 ] do
                testCase $"spectral norm {bound}, of norms above {epsilon}" (fun () -> spectral bound epsilon)
            testCase "spectral norms behind one another learn in order" learnsInOrder
            testCase "starts keep their distance from the edge" startDistances
        ]
