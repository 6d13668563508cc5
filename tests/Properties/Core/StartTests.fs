/// Tensors that are registered can be trained, whatever they were.
module Properties.Core.StartTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private float64 = torch.ScalarType.Float64

let private form (shape: int64 list) : Case =
    {
        Shape = List.toArray shape
        Dtype = float64
        Scale = 1.0
        Seed = 5UL
        Device = Case.device
    }

let private square = form [ 3L; 3L ]

let private full (case: Case) (number: float) =
    torch.full (case.Shape, number.ToScalar(), dtype = float64, device = Case.device)

let private step (value: Parametrization) (rate: float) (target: torch.Tensor) (parts: Parts) : float =
    let leaves = Array.ofSeq parts.Parameters

    use _ = torch.NewDisposeScope()
    let weight = Parametrization.forward value parts
    let distance = weight - target
    let loss = (distance * distance.conj ()).sum() / 2.0

    for leaf, gradient in Seq.zip leaves (torch.autograd.grad ([| loss |], leaves)) do
        use _ = torch.no_grad ()
        leaf.sub_ (gradient * rate.ToScalar()) |> ignore

    Measures.largest distance

/// The largest distance to the target after 2,000 steps, or when it was reached.
let private trained (value: Parametrization) (rate: float) (start: torch.Tensor) (target: torch.Tensor) : float =
    let rec go count distance (parts: Parts) =
        if count = 0 || distance <= 1e-3 then
            distance
        else
            // The same parts where nothing is learnt.
            let parts = Parametrization.advance value parts
            go (count - 1) (step value rate target parts) parts

    go 2000 infinity (orFail (Parametrization.start value start))

let private trains
    name
    (value: Parametrization)
    (rate: float)
    (starts: (string * (unit -> torch.Tensor)) list)
    target
    : Test list =
    [
        for what, start in starts do
            testCase $"{name} from {what}" (fun () ->
                use _ = torch.NewDisposeScope()
                Expect.isLessThanOrEqual (trained value rate (start ()) (target ())) 1e-3 "the distance to the target")
    ]

let private normal seed case = Case.unit seed case

/// Numbers from 0.5 to 1.5.
let private positiveTarget () = (normal 2UL square).tanh() / 2.0 + 1.0

let private anywhere: (string * (unit -> torch.Tensor)) list =
    [
        "zeros", (fun () -> full square 0.0)
        "negative numbers", (fun () -> -(normal 3UL square).abs() - 0.1)
        "both signs", (fun () -> normal 4UL square)
        "far outside", (fun () -> full square -100.0)
        "one of them far outside",
        (fun () -> normal 5UL square + torch.diag_embed (torch.tensor [| -100.0; 0.0; 0.0 |]))
    ]

let private entrywise: Test list =
    [
        for name, value in
            [
                "positive", positive
                "positive, exp", positiveBy PositiveMap.Exp
                "positive, square", positiveBy PositiveMap.Square
            ] do
            yield! trains name value 0.1 anywhere positiveTarget

        let onBounds =
            [ "the lower bound", (fun () -> full square -1.0); "the upper bound", (fun () -> full square 3.0) ]

        yield! trains "bounded" (bounded -1.0 3.0) 0.1 (onBounds @ anywhere) positiveTarget
        let bound = [ "the bound", (fun () -> full square 0.1) ]
        yield! trains "bounded below" (bounded 0.1 infinity) 0.1 (bound @ anywhere) positiveTarget
        let bound = [ "the bound", (fun () -> full square 3.0); "above", (fun () -> full square 30.0) ]
        yield! trains "bounded above" (bounded -infinity 3.0) 0.1 (bound @ anywhere) positiveTarget
    ]

let private matrices: Test list =
    [
        let rankDeficient = [ "rank one", (fun () -> full square 1.0) ]

        let turned =
            [ "a negative determinant", (fun () -> torch.diag_embed (torch.tensor [| 1.0; 1.0; -1.0 |])) ]

        let definite () = torch.eye (3L, dtype = float64) + (full square 0.3)
        yield! trains "spd" spd 0.1 (rankDeficient @ turned @ anywhere[..3]) definite
        yield! trains "spd, floor" (spdAbove 0.1) 0.1 (rankDeficient @ turned @ anywhere[..3]) definite

        for what, start in rankDeficient @ turned @ anywhere[..2] do
            testCase $"invertible from {what}" (fun () ->
                use _ = torch.NewDisposeScope()
                let start = start ()
                let parts = orFail (Parametrization.start invertible start)
                // Permutation and signs stay, so the target has those of the start.
                let near = parts.Parameters[0].detach() + (normal 6UL square) * 0.2

                let target =
                    Parametrization.forward invertible (Parametrization.ofTensors [ near ] parts.Buffers invertible)

                Expect.isLessThanOrEqual (trained invertible 0.1 start target) 1e-3 "the distance to the target")

        for name, value in
            [
                "weightNorm", weightNorm 0
                "weightNorm, whole", weightNormWhole
                "pruned", pruned Pruning.Nothing
            ] do
            yield! trains name value 0.1 [ "zeros", (fun () -> full square 0.0) ] positiveTarget

        let ofNorm1 () = Parametrization.project spectralNorm (normal 2UL square)
        yield! trains "spectralNorm" spectralNorm 0.5 [ "zeros", (fun () -> full square 0.0) ] ofNorm1

        let onSphere () = Parametrization.project (sphere 2.0) (normal 7UL square)

        let starts =
            [
                "zeros", (fun () -> full square 0.0)
                "large vectors", (fun () -> normal 8UL square * 1e3)
                "small vectors", (fun () -> normal 9UL square * 1e-3)
            ]

        yield! trains "sphere" (sphere 2.0) 0.1 starts onSphere
        yield! trains "sphereExp" (sphereExp 2.0) 0.1 starts onSphere
    ]

/// Entries that are allowed do not move because others have to.
let private keeps: Test =
    testCase "allowed entries stay" (fun () ->
        use _ = torch.NewDisposeScope()
        let mixed = normal 4UL square

        let started (value: Parametrization) (tensor: torch.Tensor) =
            Parametrization.forward value (orFail (Parametrization.start value tensor))

        for value, isInside in
            [
                positive, mixed.gt (0.0.ToScalar())
                positiveBy PositiveMap.Exp, mixed.gt (0.0.ToScalar())
                positiveBy PositiveMap.Square, mixed.gt (0.0.ToScalar())
                bounded -0.5 0.5, mixed.abs().lt(0.5.ToScalar())
                bounded 0.0 infinity, mixed.gt (0.0.ToScalar())
            ] do
            let moved = (started value mixed - mixed) * isInside
            Expect.isLessThan (Measures.largest moved) 1e-14 $"what {value} moves"

        // Also where the bounds are of very different sizes, next to one of them.
        for bounds, number in [ (0.0, 1e6), 1e-3; (-1e6, 0.0), -1e-3; (1e-6, 1e9), 1.1e-6; (-1e9, 1.0), 0.99 ] do
            for dtype in [ float64; torch.ScalarType.Float32 ] do
                let inside = (full square number).``to`` dtype
                let back = started (bounded (fst bounds) (snd bounds)) inside
                let allowed = 64.0 * Form.epsilon dtype

                Expect.isLessThan
                    (Measures.apart (back / number.ToScalar()) (inside / number.ToScalar()))
                    allowed
                    $"{bounds}"

                // What has to move starts at the scale of the tensor, not at that of a bound.
                let outside = torch.stack ([| inside; -inside |])
                let moved = started (bounded (fst bounds) (snd bounds)) outside
                Expect.isLessThan (Measures.largest moved) 3.0 $"{bounds}"

        let definite = torch.eye (3L, dtype = float64) + (full square 0.3)
        let both = torch.stack ([| definite; -definite |])
        Expect.isLessThan (Measures.apart (started spd both).[0L] definite) 1e-14 "the allowed matrix of a batch")

/// If the map constrains any parameter, the registered tensor becomes the parameter unchanged.
let private isKept: Test =
    testCase "a tensor that the map constrains is the parameter as it is" (fun () ->
        for value in
            [
                aol
                binary Granularity.Tensor
                ternary (Granularity.Channel 0)
                fakeQuantized 4 QuantizationScheme.Affine Granularity.Tensor
                groupSparse 1 3
                weightStandardized 0
                spectralNorm
                pruned (Pruning.L1(Amount.Share 0.5))
            ] do
            use _ = torch.NewDisposeScope()
            let tensor = normal 3UL square

            for made in [ Parametrization.start; Parametrization.initializeNearest ] do
                let parts = orFail (made value tensor)
                Expect.equal (Measures.apart tensor parts.Parameters[0]) 0.0 $"the parameter of {value}")

/// The first factor of a change of low rank: as PyTorch starts a linear layer.
let private isUniform: Test =
    testCase "adapters of low rank start with numbers around zero, uniform up to 1 / sqrt(columns)" (fun () ->
        for value in [ lora 40L 1.0; rsLora 40L 3.0 ] do
            use _ = torch.NewDisposeScope()
            let parts = orFail (Parametrization.start value (normal 3UL (form [ 50L; 25L ])))
            let a = parts.Parameters[0].detach() * 5.0
            Expect.isLessThanOrEqual (Measures.largest a) 1.0 "the largest"
            Expect.isLessThan (abs (Tensors.number (a.mean ()))) 0.06 "the mean"
            Expect.isLessThan (abs (Tensors.number (a.square().mean()) - 1.0 / 3.0)) 0.04 "the mean square")

/// Eigenvalues that have to move start at a quarter of the mean modulus of all, in the units of the tensor.
let private exponentials: Test =
    testCase "exponentials of matrices start at the scale of the tensor" (fun () ->
        for value in [ matrixExponential; symmetric >>> matrixExponential; hermitian >>> matrixExponential ] do
            for size in [ 0.5; 30.0; 1e6 ] do
                use _ = torch.NewDisposeScope()
                let struct (q, _) = torch.linalg.qr (normal 3UL square)
                let spectrum (numbers: float list) = torch.tensor (List.toArray numbers, dtype = float64) * size
                let tensor = (q * spectrum [ -1.0; 2.0; 9.0 ]).matmul q.mT
                let started = Parametrization.forward value (orFail (Parametrization.start value tensor))
                let apart = Measures.apart (spectrum [ 1.0; 2.0; 9.0 ]) (torch.linalg.eigvalsh started)
                Expect.isLessThan apart (1e-12 * size) $"{value}, {size}")

/// Of a uniform sample of many rows, one singular value may be on the edge up to rounding.
let private contractions: Test =
    testCase "singular values inside stay where others are on the edge" (fun () ->
        use _ = torch.NewDisposeScope()
        let struct (left, _) = torch.linalg.qr (normal 3UL square)
        let struct (right, _) = torch.linalg.qr (normal 4UL square)
        let matrix (values: float list) = (left * torch.tensor (List.toArray values, dtype = float64)).matmul right

        let started (values: float list) =
            Parametrization.forward (lipschitz 2.0) (orFail (Parametrization.start (lipschitz 2.0) (matrix values)))

        for values, expected in
            [
                [ 2.0; 1.9; 0.3 ], [ 1.5; 1.9; 0.3 ]
                [ 7.0; 1.99; 0.0 ], [ 1.5; 1.99; 0.0 ]
                [ 1.999; 1.9; 0.3 ], [ 1.999; 1.9; 0.3 ]
            ] do
            Expect.isLessThan (Measures.apart (started values) (matrix expected)) 1e-12 $"{values}")

let tests: Test =
    testList "starts" (keeps :: isKept :: isUniform :: exponentials :: contractions :: entrywise @ matrices)
