/// Maps over the whole range of each element type, and next to bounds.
module Properties.Core.RangeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private vector (numbers: float list) (dtype: torch.ScalarType) =
    torch.tensor(List.toArray numbers, dtype = torch.ScalarType.Float64).``to``(dtype)

/// Its sizes: tiny, small, one, large, huge.
let private sizes (dtype: torch.ScalarType) : float list =
    match dtype with
    | torch.ScalarType.Float64
    | torch.ScalarType.ComplexFloat64 -> [ 1e-200; 1e-20; 1.0; 1e20; 1e200 ]
    | _ -> [ 1e-30; 1e-20; 1.0; 1e20; 1e30 ]

let private reals = [ torch.ScalarType.Float32; torch.ScalarType.Float64 ]

let private all = reals @ [ torch.ScalarType.ComplexFloat32; torch.ScalarType.ComplexFloat64 ]

/// `W = g v / |v|` and its gradients for v = t (3, 0, 4), g = 5 t and the loss `W_0`.
let private weightNorms: Test =
    inScope "weight norm and its gradients do not depend on the unit" (fun () ->
        for dtype, sizes in
            [
                torch.ScalarType.Float32, [ 1e-37; 1e-30; 1e-20; 1.0; 1e20; 1e30; 1e37 ]
                torch.ScalarType.Float64, [ 1e-300; 1e-200; 1e-20; 1.0; 1e20; 1e200; 1e300 ]
            ] do
            for size in sizes do
                let weight = vector [ 3.0; 0.0; 4.0 ] dtype * size.ToScalar()

                for value, weight in [ weightNorm 0, weight.unsqueeze 0L; weightNormWhole, weight ] do
                    let parts = orFail (Parametrization.initialize value weight)
                    let found = Parametrization.forward value parts
                    let allowed = 8.0 * Form.epsilon dtype

                    Expect.isLessThan
                        (Measures.apart (found / size.ToScalar()) (weight / size.ToScalar()))
                        allowed
                        $"{size} {dtype}"

                    let loss = found.flatten().[0L]
                    let gradients = torch.autograd.grad ([| loss |], Array.ofSeq parts.Parameters)
                    Expect.isLessThan (Measures.apart (gradients[0].flatten()) (vector [ 0.6 ] dtype)) allowed "of g"
                    // g/|v| (e - u u_0): 1 - 0.36, 0, -0.48
                    Expect.isLessThan
                        (Measures.apart (gradients[1].flatten()) (vector [ 0.64; 0.0; -0.48 ] dtype))
                        allowed
                        "of v")

/// Next to the ends of the range, and below the smallest normal number.
let private extremes (dtype: torch.ScalarType) : float list =
    match dtype with
    | torch.ScalarType.Float64
    | torch.ScalarType.ComplexFloat64 -> [ 1e-310; 1e-304; 1e-170; 1e-154; 1.0; 1e154; 1e170; 1e305 ]
    | _ -> [ 1e-40; 1e-34; 1e-22; 1e-19; 1.0; 1e19; 1e22; 1e35 ]

let private smallest (dtype: torch.ScalarType) : float =
    match dtype with
    | torch.ScalarType.Float64
    | torch.ScalarType.ComplexFloat64 -> 5e-324
    | _ -> 1.5e-45

/// Directions do not depend on how long the parameter is that has them, nor do gradients, in its unit.
let private directions: Test =
    inScope "weight norm, spheres and spectral norm see directions only" (fun () ->
        let spectral bound = spectralNormWith { SpectralNorm.defaults with Bound = bound; Epsilon = 1e-320 }

        for dtype in all do
            for shape in [ [| 4L; 3L |]; [| 3L; 1L |]; [| 5L |] ] do
                let unit =
                    Case.unit 3UL { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = 8UL; Device = Case.device }

                for value in
                    [
                        weightNorm 0
                        weightNorm 1
                        weightNormWhole
                        sphere 2.5
                        spectral 1.0
                        spectral 0.3
                        spectral 1e3
                    ] do
                    match Parametrization.initializeNearest value unit with
                    | Error(ParametrizationError.WrongShape _) -> ()
                    | Error error -> failtest $"{error}"
                    | Ok parts ->
                        let at (size: float) =
                            let others = Seq.take (Seq.length parts.Parameters - 1) parts.Parameters
                            let direction = Seq.last parts.Parameters

                            let direction = (direction.detach().resolve_conj() * size.ToScalar()).requires_grad_()

                            let parts =
                                Parametrization.ofTensorsOfShape
                                    parts.Shape
                                    (Seq.append others [ direction ])
                                    parts.Buffers
                                    value

                            let found = Parametrization.forward value parts
                            let loss = torch.abs (found.flatten().[0L]) / (Measures.largest found).ToScalar()
                            found, torch.autograd.grad([| loss |], [| direction |])[0]

                        let expected, slope = at 1.0
                        let scale = Measures.largest expected

                        for size in extremes dtype do
                            let found, gradient = at size
                            let allowed = 32.0 * Form.epsilon dtype + 8.0 * smallest dtype / size
                            let apart = Measures.apart (found / scale.ToScalar()) (expected / scale.ToScalar())
                            Expect.isLessThan apart allowed $"{value} of {shape} at {size} in {dtype}"

                            // A gradient has the inverse unit, which may be no number.
                            if size > 1e3 * Form.least dtype && 1.0 / size > 1e3 * Form.least dtype then
                                let apart = Measures.apart (gradient * size.ToScalar()) slope
                                Expect.isLessThan apart (8.0 * allowed) $"gradient of {value} at {size} in {dtype}")

let private tangents: Test =
    inScope "sphereExp stays on the sphere for tangents of every size" (fun () ->
        for dtype in all do
            let unit =
                Case.unit
                    3UL
                    {
                        Shape = [| 4L; 3L |]
                        Dtype = dtype
                        Scale = 1.0
                        Seed = 8UL
                        Device = Case.device
                    }

            let parts = orFail (Parametrization.initializeNearest (sphereExp 1.0) unit)

            for size in extremes dtype do
                let tangent =
                    (Case.unit
                        4UL
                        {
                            Shape = [| 4L; 3L |]
                            Dtype = dtype
                            Scale = 1.0
                            Seed = 9UL
                            Device = Case.device
                        })
                    * size.ToScalar()

                let tangent = tangent.requires_grad_ ()

                let found =
                    Parametrization.forward
                        (sphereExp 1.0)
                        (Parametrization.ofTensors [ tangent ] parts.Buffers (sphereExp 1.0))

                Expect.isOk (Parametrization.contains (sphereExp 1.0) found) $"{size} {dtype}"
                let loss = found.abs().sum()
                let gradient = torch.autograd.grad([| loss |], [| tangent |])[0]
                Expect.isTrue (gradient.isfinite().all().item<bool>()) $"gradient at {size} in {dtype}")

/// Power iterations from any vectors find the leading ones, however large the matrix is.
let private powerIterations: Test =
    inScope "power iterations do not depend on the unit" (fun () ->
        let value = spectralNormWith { SpectralNorm.defaults with Iterations = 300; Epsilon = 1e-320 }

        for dtype in all do
            let case =
                {
                    Shape = [| 4L; 3L |]
                    Dtype = dtype
                    Scale = 1.0
                    Seed = 8UL
                    Device = Case.device
                }

            let unit = Case.unit 3UL case
            let start = [ Case.normalOf [| 4L |] 0.3 5UL case; Case.normalOf [| 3L |] 0.3 6UL case ]

            for size in extremes dtype do
                let matrix = unit * size.ToScalar()
                let parts = Parametrization.advance value (Parametrization.ofTensors [ matrix ] start value)
                let found = Parametrization.forward value parts
                let norm = torch.linalg.svdvals(found.``to`` (Tensors.inDouble(found).dtype))[0L]
                let allowed = 64.0 * Form.epsilon dtype + 8.0 * smallest dtype / size
                Expect.isLessThan (abs (norm.item<double>() - 1.0)) allowed $"{size} {dtype}"

                // Registering sees the same norm.
                let registered = orFail (Parametrization.initializeNearest value matrix)
                let apart = Measures.apart (Parametrization.forward value registered) found
                Expect.isLessThan apart allowed $"registered, {size} {dtype}")

let private relativelyBack (value: Parametrization) (tensor: torch.Tensor) (units: float) : unit =
    let found = Parametrization.forward value (orFail (Parametrization.initialize value tensor))
    let scale = Measures.largest tensor
    let distance = Measures.apart (found / scale.ToScalar()) (tensor / scale.ToScalar())
    Expect.isLessThan distance (units * Form.epsilon tensor.dtype) $"{value} at {scale:g3} in {tensor.dtype}"

let private everySize: Test =
    inScope "every size comes back" (fun () ->
        for dtype in all do
            for size in sizes dtype do
                let definite = (vector [ 2.0; 0.5; 0.0; 0.5; 1.0; 0.3; 0.0; 0.3; 1.5 ] dtype).reshape(3L, 3L)
                // Roots of tiny numbers are kept as logarithms, whose rounding grows with them.
                relativelyBack spd (definite * size.ToScalar()) 512.0

                if not (Form.isComplex dtype) then
                    relativelyBack invertible (definite * size.ToScalar()) 256.0
                    let numbers = vector [ 0.3; 1.0; 2.0; 0.01 ] dtype * size.ToScalar()
                    relativelyBack (positiveBy PositiveMap.Square) numbers 32.0
                    relativelyBack positive numbers 128.0
                    relativelyBack (positiveBy PositiveMap.Exp) numbers 1024.0
                    relativelyBack (bounded 0.0 infinity) numbers 128.0
                    relativelyBack (bounded -infinity 0.0) -numbers 128.0)

/// The largest finite number is either assigned or refused, never turned into infinity.
let private largestNumbers: Test =
    inScope "the largest number is assigned or refused" (fun () ->
        for dtype in reals @ [ torch.ScalarType.Float16; torch.ScalarType.BFloat16 ] do
            let greatest = Form.greatest dtype
            let eye = torch.eye (2L, dtype = torch.ScalarType.Float64)

            for value in [ weightNorm 0; weightNorm 1; weightNormWhole; spd; spdAbove 0.1; invertible; positive ] do
                for shape, weight in
                    [
                        "1 x 1", torch.ones (1L, 1L, dtype = torch.ScalarType.Float64)
                        "diagonal", eye
                        "full", torch.ones (2L, 2L, dtype = torch.ScalarType.Float64)
                        "indefinite", torch.ones (2L, 2L, dtype = torch.ScalarType.Float64) - eye
                        "negative", -eye
                        "definite",
                        eye / 2.0 + torch.full ([| 2L; 2L |], 0.5.ToScalar(), dtype = torch.ScalarType.Float64)
                    ] do
                    let weight = (weight * greatest.ToScalar()).``to`` dtype
                    Expect.isTrue (weight.isfinite().all().item<bool>()) "the weight itself"

                    match Parametrization.initialize value weight with
                    | Error(ParametrizationError.NotAllowed _) -> ()
                    | Error error -> failtest $"{value} {shape}: {error}"
                    | Ok parts ->
                        let found = (Parametrization.forward value parts).``to`` torch.ScalarType.Float64

                        let apart =
                            Measures.apart
                                (found / greatest.ToScalar())
                                (weight.``to`` (torch.ScalarType.Float64) / greatest.ToScalar())
                        // Logarithms of the largest numbers round by 710 units.
                        let allowed = 4096.0 * Form.epsilon dtype
                        Expect.isLessThan apart allowed $"{value}, {shape}, {dtype}"

                    let projected = Parametrization.project value weight
                    Expect.isTrue (projected.isfinite().all().item<bool>()) $"projected by {value}, {shape}, {dtype}")

/// Parameters at the ends of the range.
let private largestParameters: Test =
    inScope "parameters of every size yield finite tensors" (fun () ->
        let values =
            [
                weightNorm 0
                weightNormWhole
                sphere 1.0
                sphereExp 1.0
                positive
                positiveBy PositiveMap.Exp
                positiveBy PositiveMap.Square
                bounded -1.0 3.0
                bounded 0.1 infinity
                bounded -infinity 0.5
                spd
                spdAbove 0.1
                invertible
            ]

        for dtype in all @ [ torch.ScalarType.Float16; torch.ScalarType.BFloat16 ] do
            let greatest = min (Form.greatest dtype) 3e38

            let normal =
                Case.unit
                    3UL
                    {
                        Shape = [| 4L; 4L |]
                        Dtype = dtype
                        Scale = 1.0
                        Seed = 8UL
                        Device = Case.device
                    }

            for value in values do
                match Parametrization.initializeNearest value normal with
                | Error(ParametrizationError.WrongDtype _) -> ()
                | Error error -> failtest $"{error}"
                | Ok parts ->
                    for what, scaled in
                        [
                            "equal", (fun (p: torch.Tensor) -> torch.full_like (p, greatest.ToScalar()))
                            "negative", (fun p -> torch.full_like (p, (-greatest).ToScalar()))
                            "of both signs", (fun p -> torch.sign (p + 1e-3.ToScalar()) * greatest.ToScalar())
                        ] do
                        if not (Form.isComplex dtype && what = "of both signs") then
                            let leaves = parts.Parameters |> Seq.map (fun p -> scaled (p.detach ()))

                            let found =
                                Parametrization.forward
                                    value
                                    (Parametrization.ofTensorsOfShape parts.Shape leaves parts.Buffers value)

                            Expect.isTrue (found.isfinite().all().item<bool>()) $"{value}, {what}, {dtype}")

/// Intervals that are longer than the largest number.
let private longIntervals: Test =
    inScope "bounded takes the longest intervals" (fun () ->
        for dtype, most in [ torch.ScalarType.Float32, 3.4e38; torch.ScalarType.Float64, 1.7e308 ] do
            let value = bounded -most most
            let shares = vector [ -0.999; -0.5; -1e-3; 0.0; 0.3; 0.999 ] dtype
            let tensor = shares * most.ToScalar()

            for outside in [ false; true ] do
                let tensor =
                    if outside then
                        torch.cat [| tensor; vector [ 1.0; -1.0 ] dtype * (Form.greatest dtype).ToScalar() |]
                    else
                        tensor

                let parts = orFail (Parametrization.start value tensor)
                let found = Parametrization.forward value parts
                Expect.isTrue (found.isfinite().all().item<bool>()) $"{dtype}"
                let distance = Measures.apart (found.narrow (0L, 0L, 6L) / most.ToScalar()) shares
                Expect.isLessThan distance (16.0 * Form.epsilon dtype) $"{dtype}"
                let loss = (found / most.ToScalar()).sum()
                let gradient = torch.autograd.grad([| loss |], [| parts.Parameters[0] |])[0]
                Expect.isTrue (gradient.isfinite().all().item<bool>()) $"gradient, {dtype}"

            let sample = Parametrization.sample value (Form.ofTensor tensor) None
            Expect.isOk (Parametrization.contains value sample) "a sample")

/// Numbers at the ends of the range, also those that are not normal, are kept up to what rounding the parameter does.
let private ends: Test =
    inScope "positive numbers at the ends of the range stay, and can be trained" (fun () ->
        for dtype, numbers in
            [
                torch.ScalarType.Float16, [ 1e-6; 1e-5; 3e-5; 6e4; 65504.0 ]
                torch.ScalarType.BFloat16, [ 1e-39; 3.3895313892515355e38 ]
                torch.ScalarType.Float32, [ 1e-42; 1e-40; 1e-38; 3.4028234e38 ]
                torch.ScalarType.Float64, [ 1e-320; 1e-310; 1e-308; 1.7976931348623157e308 ]
            ] do
            for value in [ positive; positiveBy PositiveMap.Exp; positiveBy PositiveMap.Square; bounded 0.0 infinity ] do
                for number in numbers do
                    let tensor = vector [ number ] dtype
                    let parts = orFail (Parametrization.initialize value tensor)
                    let found = Parametrization.forward value parts
                    let wide (t: torch.Tensor) = (t.detach().``to`` torch.ScalarType.Float64).item<double>()
                    let apart = abs (wide found / wide tensor - 1.0)
                    // Logarithms of the largest numbers round by 710 units, and the numbers themselves by the smallest.
                    let allowed = 1024.0 * min (Form.epsilon dtype) 1e-4 + 2.0 * Form.smallest dtype / number
                    let allowed = if Form.isHalf dtype then allowed + 64.0 * Form.epsilon dtype else allowed
                    Expect.isLessThan apart allowed $"{value} at {number} in {dtype}"
                    let loss = found.sum ()
                    let gradient = torch.autograd.grad([| loss |], [| parts.Parameters[0] |])[0]

                    Expect.isTrue
                        (gradient.isfinite().all().item<bool>())
                        $"gradient of {value} at {number} in {dtype}")

let private nextToBounds: Test =
    inScope "next to a bound, distances keep their digits" (fun () ->
        for dtype in reals do
            // Zero is a bound that numbers of every size are next to.
            for distance in [ 1e-30; 1e-20; 1e-10; 1e-5; 0.1 ] do
                for value, sign in
                    [
                        bounded 0.0 2.0, 1.0
                        bounded -2.0 0.0, -1.0
                        bounded 0.0 infinity, 1.0
                        bounded -infinity 0.0, -1.0
                    ] do
                    relativelyBack value (vector [ sign * distance ] dtype) 256.0)

/// Tensors that the map yields are allowed, even if rounding has moved the pivots of a matrix far.
let private ownValues: Test =
    inScope "spd with a floor allows its own values" (fun () ->
        for dtype in
            [
                torch.ScalarType.Float32
                torch.ScalarType.Float64
                torch.ScalarType.ComplexFloat32
                torch.ScalarType.BFloat16
            ] do
            for size in [ 2L; 8L; 32L; 64L ] do
                for seed in 1UL .. 10UL do
                    let case =
                        {
                            Shape = [| 2L; size; size |]
                            Dtype = dtype
                            Scale = 1.0
                            Seed = seed
                            Device = Case.device
                        }

                    let x = Case.unit 1UL case
                    let value = spdAbove 0.1
                    let weight = Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)

                    match Parametrization.initialize value weight with
                    | Error error -> failtest $"{size}, {dtype}: {error}"
                    | Ok parts ->
                        let scale = Measures.largest weight
                        let apart = Measures.apart (Parametrization.forward value parts) weight / scale
                        Expect.isLessThan apart (16.0 * float size * Form.epsilon dtype) $"{size}, {dtype}")

let private realErrors: Test =
    inScope "real errors are refused at every size, in any matrix of a batch" (fun () ->
        let float32 = torch.ScalarType.Float32

        for size in [ 2L; 16L; 256L ] do
            let eye = torch.eye (size, dtype = float32)
            let off = torch.zeros_like eye
            off[0L, 1L] <- (3e-4f).ToTensor()

            for value, bad in
                [ spd, eye + off; spd, eye * (1.0 - 2.0).ToScalar(); spdAbove 0.1, eye * 0.009.ToScalar() ] do
                Expect.isError (Parametrization.contains value bad) $"{value} at {size}"
                // A large neighbour forgives nothing.
                let batch = torch.stack ([| eye * 1e6.ToScalar(); bad |])
                Expect.isError (Parametrization.contains value batch) $"{value} at {size}, in a batch")

let private identities: Test =
    inScope "invertible allows the identity in every element type" (fun () ->
        for dtype in reals @ [ torch.ScalarType.Float16; torch.ScalarType.BFloat16 ] do
            for size in [ 1L; 2L; 129L; 512L ] do
                let eye = torch.eye (size, dtype = dtype)
                Expect.isOk (Parametrization.contains invertible eye) $"{size}, {dtype}"

            let singular = torch.ones (129L, 129L, dtype = dtype)
            Expect.isError (Parametrization.contains invertible singular) $"ones, {dtype}"

            Expect.isOk
                (Parametrization.contains invertible (Parametrization.project invertible singular))
                $"projected, {dtype}")

/// The angle by which a step turns a vector does not depend on what was registered.
let private sphereSpeed: Test =
    inScope "sphere starts at its radius" (fun () ->
        for scale in [ 1e-3; 1.0; 1e3 ] do
            let tensor =
                Case.unit
                    1UL
                    {
                        Shape = [| 3L; 4L |]
                        Dtype = torch.ScalarType.Float64
                        Scale = 1.0
                        Seed = 1UL
                        Device = Case.device
                    }
                * scale.ToScalar()

            let parts = orFail (Parametrization.start (sphere 2.5) tensor)
            let norms = parts.Parameters[0].norm -1
            Expect.isLessThan (Measures.largest (norms - 2.5.ToScalar())) 1e-14 $"{scale}")

let tests: Test =
    testList
        "ranges"
        [
            weightNorms
            directions
            tangents
            powerIterations
            everySize
            largestNumbers
            largestParameters
            nextToBounds
            longIntervals
            ends
            ownValues
            realErrors
            identities
            sphereSpeed
        ]
