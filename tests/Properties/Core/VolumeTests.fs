/// By how much chains stretch volumes.
module Properties.Core.VolumeTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open Parametrize.LinearAlgebra
open TorchSharp

/// `exp` of each entry: a node of a user's own, which tells a volume of that many numbers.
type private Exponential(numbers: torch.Tensor -> torch.Tensor) =
    inherit Node()
    override _.Code = Code.Call("exponential", [])
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space "positive tensors of my own"
    override _.Forward(inputs, _) = inputs[0].exp()
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput (tensor.log ())

    interface IVolume with
        member _.LogVolume(inputs, _) = numbers inputs[0]

let private parts (value: Parametrization) (dtype: torch.ScalarType) (shape: int64[]) : Parts =
    let drawn =
        torch.randn (shape, dtype = dtype, device = torch.CPU, generator = new torch.Generator(7UL, torch.CPU))

    Parametrization.ofTensors [ drawn.``to``(Case.device).requires_grad_ true ] [] value

let private ofParts (value: Parametrization) (parts: Parts) : torch.Tensor =
    match Parametrization.logVolume value parts with
    | Some number -> number
    | None -> failtest $"the volume of {value} is not known"

/// Without a dispose scope around it.
let private leavesOne: Test =
    testCase "a volume is one tensor, and no other is left" (fun () ->
        let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

        for value in [ spd; correlation; symmetric; positive ] do
            use parts = parts value torch.ScalarType.Float64 [| 3L; 3L |]
            let before = live ()
            use _ = ofParts value parts
            Expect.equal (live () - before) 1L $"{value}")

/// Rows of the matrix that a kernel is seen as are problems of their own.
let private ofRows: Test =
    testCase "each row of a kernel has its volume" (fun () ->
        use _ = torch.NewDisposeScope()

        for rowwise in [ ordered; positive; boundedRatio 3.0 ] do
            let value = onKernel rowwise
            let form = { Shape = [| 4L; 3L; 2L; 2L |]; Dtype = torch.float64; Device = Case.device }

            match Parametrization.start value (Form.normal (new torch.Generator(7UL, torch.CPU)) form) with
            | Error error -> failtest $"{error}"
            | Ok whole ->
                let found = Parametrization.logVolumes 3 value whole |> Option.get

                let each =
                    [|
                        for row in whole.Parameters[0].unbind 0 ->
                            ofParts rowwise (Parametrization.ofTensors [ row.flatten () ] [] rowwise)
                    |]

                Expect.equal found.shape [| 4L |] $"{value}"
                Expect.isLessThan (Measures.apart found (torch.stack each)) 1e-13 $"{value}")

let private agreesOn (value: Parametrization) (dtype: torch.ScalarType) (shape: int64[]) : Test =
    testCase $"{value} of {dtype} has the volume of its derivative" (fun () ->
        use _ = torch.NewDisposeScope()

        let drawn =
            torch.randn (shape, dtype = dtype, device = torch.CPU, generator = new torch.Generator(7UL, torch.CPU))

        let parts =
            match Parametrization.initializeNearest value (drawn.``to`` Case.device) with
            | Ok near ->
                let moved =
                    near.Parameters
                    |> Seq.map (fun each -> (torch.randn_like (each, requires_grad = false)).requires_grad_ true)

                Parametrization.ofTensorsLike near moved near.Buffers value
            | Error error -> failtest $"{error}"

        let number = ofParts value parts
        Expect.equal number.shape [||] "one number"
        Expect.isTrue (number.is_floating_point ()) "a real one"
        Expect.floatClose Accuracy.high (number.item<double>()) (Volumes.logVolume value parts) "the volume")

let private agrees (value: Parametrization) (dtype: torch.ScalarType) : Test =
    testCase $"{value} of {dtype} has the volume of its derivative" (fun () ->
        use _ = torch.NewDisposeScope()
        let parts = parts value dtype [| 2L; 3L; 2L |]
        let number = ofParts value parts
        Expect.equal number.shape [||] "one number"
        Expect.isTrue (number.is_floating_point ()) "a real one"
        Expect.floatClose Accuracy.high (number.item<double>()) (Volumes.logVolume value parts) "the volume")

/// The entries of the catalogue without a closed form, of any shape: their parameters say a tensor in many ways, or their map
/// has none.
let private without: Set<string> =
    set
        [
            "aol"
            "aolConvolution"
            "binary"
            "bjorck"
            "convolutionNorm"
            "dora"
            "fakeQuantized"
            "fakeQuantized, affine"
            "generalizedStiefel"
            "grassmann"
            "groupSparse"
            "hurwitz"
            "hurwitzBlocks"
            "joined"
            "kronecker"
            "lora"
            "oblique"
            "oft"
            "polar"
            "product, orthogonal"
            "product, triangular"
            "rsLora"
            "schurStable"
            "schurStableBlocks"
            "sigmaReparametrized"
            "slices, rows"
            "spectralNorm"
            "spectralNorm, bound"
            "spectralNorm, dimension"
            "spectralNorm, iterations"
            "sphere"
            "sphere, radius"
            "sum >>> scale"
            "sum, low rank"
            "sum, orthogonal"
            "symmetric >>> spectralNorm"
            "symplectic"
            "ternary"
            "transposed >>> sphere"
            "triangular >>> pruned"
            "weightNorm -1"
            "weightNorm 0"
            "weightNorm 1"
            "weightNorm >>> spectralNorm"
            "weightNorm >>> sphere"
            "weightNorm, whole"
            "weightStandardized"
            "where"
        ]

/// Where eigenvalues coincide, as in all values that begin with their base.
let private bendsAtZero (value: Parametrization) (size: int64) : Test =
    testCase $"{value} has second derivatives where its parameter is zero, {size} x {size}" (fun () ->
        use _ = torch.NewDisposeScope()
        let eye = torch.eye (size, dtype = torch.ScalarType.Float64, device = Case.device)

        match Parametrization.initialize value eye with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            let volumeAt (x: torch.Tensor) =
                ofParts value (Parametrization.ofTensorsLike parts [ x ] parts.Buffers value)

            let gradient (x: torch.Tensor) =
                torch.autograd.grad ([| volumeAt x |], [| x |], retain_graph = true, create_graph = true)
                |> Seq.head

            let x = parts.Parameters[0].detach().clone().requires_grad_ true
            let way = torch.randn_like (x, requires_grad = false)
            let curvature = (torch.autograd.grad ([| (gradient x * way).sum() |], [| x |])) |> Seq.head

            let step = 1e-4
            let moved (size: float) = (x.detach () + way * size.ToScalar()).requires_grad_ true
            let difference = (gradient (moved step) - gradient (moved -step)) / (2.0 * step).ToScalar()
            let distance = Measures.apart difference curvature
            Expect.isLessThan distance (1e-6 * (1.0 + Measures.largest curvature)) "the curvature")

let private isFinite (value: Parametrization) (size: float) : Test =
    testCase $"{value} has a volume with gradients at parameters of size {size}" (fun () ->
        use _ = torch.NewDisposeScope()

        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
            let drawn =
                torch.randn (
                    [| 4L; 4L |],
                    dtype = dtype,
                    device = torch.CPU,
                    generator = new torch.Generator(7UL, torch.CPU)
                )

            match Parametrization.initializeNearest value (drawn.``to`` Case.device) with
            | Error error -> failtest $"{error}"
            | Ok near ->
                let at =
                    near.Parameters
                    |> Seq.map (fun each ->
                        (torch.randn_like (each, requires_grad = false) * size.ToScalar()).requires_grad_ true)
                    |> Seq.toArray

                let number = ofParts value (Parametrization.ofTensorsLike near at near.Buffers value)
                Expect.equal (Tensors.nonFinite number) 0L $"{dtype}: the volume"

                if number.requires_grad then
                    for gradient in torch.autograd.grad ([| number |], at, allow_unused = true) do
                        if not (isNull (box gradient) || gradient.IsInvalid) then
                            Expect.equal (Tensors.nonFinite gradient) 0L $"{dtype}: its gradient")

/// In float32, against the same in float64.
let private isAccurate (value: Parametrization) : Test =
    testCase $"{value} has its volume in single precision" (fun () ->
        use _ = torch.NewDisposeScope()

        let drawn =
            torch.randn ([| 16L; 16L |], device = torch.CPU, generator = new torch.Generator(7UL, torch.CPU))

        match Parametrization.initializeNearest value (drawn.``to`` Case.device) with
        | Error error -> failtest $"{error}"
        | Ok near ->
            let wide (tensors: torch.Tensor seq) =
                tensors
                |> Seq.map (fun each ->
                    if each.is_floating_point () then each.``to`` torch.ScalarType.Float64 else each)

            let single = ofParts value near

            let exact =
                ofParts value (Parametrization.ofTensorsLike near (wide near.Parameters) (wide near.Buffers) value)

            let allowed = 1e-5 * max 16.0 (Measures.largest exact)
            Expect.isLessThan (Measures.apart exact single) allowed "the volume")

let private unknown (value: Parametrization) : Test =
    testCase $"{value} has none in closed form" (fun () ->
        use _ = torch.NewDisposeScope()

        let parts = parts value torch.ScalarType.Float32 [| 4L; 4L |]
        Expect.isNone (Parametrization.logVolume value parts) "the volume")

let private unknownOfTallUnitary (map: OrthogonalMap) : Test =
    testCase $"{map} of tall complex matrices has none in closed form, of square ones it has" (fun () ->
        use _ = torch.NewDisposeScope()
        let value = orthogonalWithoutBase map
        let ofShape shape = Parametrization.logVolume value (parts value torch.ScalarType.ComplexFloat64 shape)
        Expect.isNone (ofShape [| 4L; 2L |]) "tall"
        Expect.isNone (ofShape [| 2L; 4L |]) "wide"
        Expect.isSome (ofShape [| 3L; 3L |]) "square")

let private gradientOf (parts: Parts) : torch.Tensor =
    match parts.Parameters[0].grad with
    | null -> failtest "there is no gradient"
    | gradient -> gradient

let private own = Exponential _.sum()

let tests: Test =
    testList
        "volumes"
        [
            ofRows
            leavesOne
            for value in
                [
                    identity
                    scale -2.0 >>> positive
                    positive >>> shift -0.5 >>> bounded -1.0 infinity
                    transposed (bounded -1.0 1.0) >>> scale 3.0
                    onKernel (scale 0.5 >>> positiveBy PositiveMap.Exp) >>> bounded -infinity 200.0
                    positiveBy PositiveMap.Square >>> scale 2.0
                    positive >>> Parametrization.ofNode own
                ] do
                agrees value torch.ScalarType.Float64

            agrees (scale 3.0 >>> shift 1.0) torch.ScalarType.ComplexFloat64
            agrees identity torch.ScalarType.ComplexFloat64
            for value in
                [
                    diagonal >>> scale 2.0
                    skew >>> scale -0.5 >>> shift 0.0
                    symmetric >>> matrixExponential >>> scale 3.0
                    symmetric >>> symmetric
                    transposed skew >>> transposed cayley
                    scale 2.0 >>> positive >>> inverse (scale 4.0 >>> positive) >>> bounded 0.0 1.0
                    positive >>> inverse positive >>> transposed ordered
                    onKernel (skew >>> cayley)
                ] do
                agreesOn value torch.ScalarType.Float64 [| 4L; 4L |]

            unknown (symmetric >>> positive)
            // Entries that `symmetric` does not read would be counted.
            unknown (positiveBy PositiveMap.Square >>> symmetric)
            unknown (scale 2.0 >>> skew >>> scale 2.0)
            unknown (scale 2.0 >>> matrixExponential)
            unknown (sphere 1.0)
            testCase "one input that is not free leaves none in closed form" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = Parametrization.joined [ simplex; identity ] toeplitz
                let parts = Parametrization.start value (normalOn Case.device torch.ScalarType.Float64 1UL [ 3L; 3L ])
                Expect.isNone (Parametrization.logVolume value (orFail parts)) "the volume")
            // It is not known whether the outputs of a user's node fill an open set.
            unknown (Parametrization.ofNode own >>> positive)
            testCase "the catalogue has them but for these entries" (fun () ->
                let lacking =
                    [
                        for subject in Generators.Subjects.all do
                            if not (Volumes.isKnown subject) then
                                subject.Name
                    ]

                let words (names: string seq) = names |> Seq.sort |> String.concat "; "
                Expect.equal (words lacking) (words without) "entries without a volume")

            for value in
                [
                    matrixExp
                    cayley
                    specialOrthogonal
                    symmetric >>> matrixExponential
                    matrixExponential
                    skew >>> matrixExp
                ] do
                for size in [ 2L; 3L; 4L ] do
                    bendsAtZero value size

            for value in
                [
                    matrixExp
                    cayley
                    householder
                    symmetric >>> matrixExponential
                    spd
                    spdWithDeterminant 2.0
                    invertible
                    specialLinear
                    sphereExp 2.0
                    simplex
                    lipschitz 1.0
                    correlation
                ] do
                for size in [ 1e-12; 20.0 ] do
                    isFinite value size

                isAccurate value

            // Of small parameters singular values are equal in single precision.
            isFinite (fixedRank 2L) 1.0
            isAccurate (fixedRank 2L)

            for map in [ OrthogonalMap.Default; OrthogonalMap.MatrixExp ] do
                unknownOfTallUnitary map

            testCase "of pairs of eigenvalues nearly alike it is that of each pair" (fun () ->
                use _ = torch.NewDisposeScope()
                let eye = torch.eye (4L, dtype = torch.ScalarType.Float64, device = Case.device)

                for size in [ 1e-3; 0.01; 0.03 ] do
                    for middle in [ 0.0; 2.0; -30.0 ] do
                        let drawn = normalOn Case.device torch.ScalarType.Float64 11UL [ 4L; 4L ]
                        let matrix = (drawn + drawn.mT) * (size / 4.0).ToScalar() + eye * middle.ToScalar()
                        let values = (torch.linalg.eigvalsh matrix).cpu().data<double>().ToArray()

                        let expected =
                            Seq.sum (
                                seq {
                                    for i in 0..3 do
                                        for j in 0 .. i - 1 do
                                            let x = (values[i] - values[j]) / 2.0
                                            x ** 2.0 / 6.0 - x ** 4.0 / 180.0 + x ** 6.0 / 2835.0
                                }
                            )

                        let found = (EigenvaluePairs.logSinhcOfHermitian matrix).ToDouble()
                        Expect.isLessThan (abs (found - expected)) (1e-9 * expected) $"{size} around {middle}"

                        // It depends on differences of eigenvalues only, and so does its curvature.
                        let curvature (start: torch.Tensor) =
                            let x = start.detach().clone().requires_grad_ true
                            let volume = EigenvaluePairs.logSinhcOfHermitian x

                            let slope =
                                torch.autograd.grad ([| volume |], [| x |], retain_graph = true, create_graph = true)
                                |> Seq.head

                            torch.autograd.grad ([| (slope * drawn).sum() |], [| x |]) |> Seq.head

                        let apart =
                            Measures.apart (curvature (eye * middle.ToScalar())) (curvature (eye * 0.0.ToScalar()))

                        Expect.isLessThan apart 1e-9 $"the curvature at equal eigenvalues, {middle}")
            testCase "in single precision it is that of double precision, rounded" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = spdWithDeterminant 2.0
                let x = torch.tensor (array2D [ [ -8.0; 0.0; 0.0 ]; [ 300.0; -9.0; 0.0 ]; [ 5.0; 400.0; 6.0 ] ])

                let volumeOf (dtype: torch.ScalarType) =
                    let x = x.``to`` (dtype, Case.device)
                    (ofParts value (Parametrization.ofTensors [ x ] [] value)).ToDouble()

                let single, double = volumeOf torch.ScalarType.Float32, volumeOf torch.ScalarType.Float64
                Expect.equal single (float (float32 double)) "the volume")
            testCase "gradients flow through it" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = scale 2.0 >>> positive
                let parts = parts value torch.ScalarType.Float64 [| 5L |]
                (ofParts value parts).backward()
                let x = parts.Parameters[0].detach()
                let expected = (x * 2.0).neg().sigmoid() * 2.0
                Expect.isLessThan (Measures.apart expected (gradientOf parts)) 1e-14 "the gradient")
            testCase "that of many 16-bit entries is a float32" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = scale 1e-3
                let number = ofParts value (parts value torch.ScalarType.Float16 [| 200L; 200L |])
                Expect.equal number.dtype torch.ScalarType.Float32 "its element type"
                Expect.floatClose Accuracy.medium (float (number.item<float32>())) (40000.0 * log 1e-3) "the volume")
            testCase "a node that tells numbers of no problems is named" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = Parametrization.ofNode (Exponential(fun x -> torch.cat ([| x; x |])))

                Expect.throwsC
                    (fun () ->
                        Parametrization.logVolume value (parts value torch.ScalarType.Float32 [| 3L |]) |> ignore)
                    (fun error ->
                        Expect.stringContains error.Message "exponential breaks its contract in LogVolume" ""))
        ]
