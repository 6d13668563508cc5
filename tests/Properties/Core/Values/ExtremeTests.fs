/// Tensors and numbers at the ends of an element type are computed with or refused by name, never NaN or infinite in silence.
module Properties.Core.ExtremeTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

type private Dtype = torch.ScalarType

let private dtypes =
    [
        Dtype.Float32
        Dtype.Float64
        Dtype.Float16
        Dtype.BFloat16
        Dtype.ComplexFloat32
        Dtype.ComplexFloat64
    ]

/// The smallest number, the smallest normal one, and the largest.
let private sizes (dtype: Dtype) : float list =
    [ Form.smallest dtype; Form.least dtype; Form.greatest dtype * 0.9; Form.greatest dtype ]

let private shapes: int64[] list =
    [ [| 4L; 4L |]; [| 3L; 4L |]; [| 6L; 2L |]; [| 4L; 1L; 2L; 2L |]; [| 6L; 6L |] ]

/// Of modulus 1 at most.
let private patterns (form: Form) : (string * torch.Tensor) list =
    let normal =
        Case.unit
            1UL
            {
                Shape = form.Shape
                Dtype = if Form.isComplex form.Dtype then Dtype.ComplexFloat64 else Dtype.Float64
                Scale = 1.0
                Seed = 3UL
                Device = torch.CPU
            }

    let normal = normal / normal.abs().max()
    let rows, columns = form.Shape[0], Array.reduce (*) form.Shape[1..]
    let eye = torch.eye(rows, columns, dtype = normal.dtype).reshape form.Shape

    [ "random", normal; "eye", eye; "ones", torch.ones_like normal; "-eye", -eye ]

let private nonFinite (tensors: torch.Tensor seq) : int64 =
    tensors
    |> Seq.filter (fun tensor -> tensor.is_floating_point () || tensor.is_complex ())
    |> Seq.sumBy Tensors.nonFinite

/// What is wrong with what the value makes of the tensor, and of its projection.
let private faults (value: Parametrization) (tensor: torch.Tensor) : string list =
    let partsFault (verb: string) (parts: Result<Parts, ParametrizationError>) (isRight: torch.Tensor -> bool) =
        match parts with
        | Error _ -> []
        | Ok parts ->
            let made = Parametrization.forward value parts

            [
                if nonFinite parts.Tensors > 0L then
                    $"{verb}: parts are not finite"
                elif nonFinite [ made ] > 0L then
                    $"{verb}: the tensor is not finite"
                elif not (isRight made) then
                    $"{verb}: the tensor does not come back"
            ]

    // Digits may be lost beside numbers of the value's own, which are far from the largest; logarithms have few in bfloat16.
    let comesBack (tensor: torch.Tensor) (made: torch.Tensor) =
        let largest = Tensors.largest (Tensors.inDouble tensor)
        let isTold = largest > 1e3 && made.dtype <> Dtype.BFloat16
        not isTold || Tensors.largest (Tensors.inDouble made - Tensors.inDouble tensor) <= largest / 10.0

    let initializeFault (tensor: torch.Tensor) =
        partsFault "initialize" (Parametrization.initialize value tensor) (comesBack tensor)

    try
        [
            yield! initializeFault tensor
            if Parametrization.hasRightInverse value then
                match Parametrization.initializeNearest value tensor with
                | Ok _ -> yield! initializeFault (Parametrization.project value tensor)
                | Error _ -> ()
            yield! partsFault "initializeNearest" (Parametrization.initializeNearest value tensor) (fun _ -> true)
            yield! partsFault "start" (Parametrization.start value tensor) (fun _ -> true)
        ]
    with error ->
        [ $"{error.GetType().Name}: {error.Message}" ]

let private ends (entry: CatalogueEntry) : Test =
    testCase $"{entry.Name} at the ends of every element type" (fun () ->
        let found =
            [
                for dtype in dtypes do
                    let suits (shape: int64[]) =
                        Parametrization.parameterForms entry.Value { Shape = shape; Dtype = dtype; Device = torch.CPU }
                        |> Result.isOk

                    match List.tryFind suits shapes with
                    | None -> ()
                    | Some shape ->
                        use _ = torch.NewDisposeScope()

                        for name, pattern in patterns { Shape = shape; Dtype = dtype; Device = torch.CPU } do
                            for size in sizes dtype do
                                let tensor = (pattern * size.ToScalar()).``to`` dtype

                                if Tensors.nonFinite tensor = 0L then
                                    for fault in faults entry.Value tensor do
                                        $"{name} {size} in {dtype}: {fault}"
            ]

        if not found.IsEmpty then
            failtest $"""{found.Length}: {String.concat "\n" (List.truncate 10 found)}""")

/// float16 has no numbers beyond 65504: values without a member there are refused; others with options of that size are not.
let private half: Test =
    testCase "values without a member in float16 are refused there, others are not" (fun () ->
        use eye = torch.eye (4L, dtype = Dtype.Float16)

        for value in
            [
                bounded 1e6 2e6
                bounded 1e6 infinity
                bounded -infinity -1e6
                bounded -1e6 -1e5
                spdAbove 1e6
                hurwitz 1e6
                hurwitzBlocks 1e6
                sphere 1e6
                sphereExp 1e6
                shift 1e6
                spdWithDeterminant 1e30
                spectralNormWith { SpectralNorm.defaults with Bound = 1e6 }
                transposed (bounded 1e6 2e6)
            ] do
            use _ = torch.NewDisposeScope()

            match Parametrization.start value eye with
            | Error error ->
                Expect.stringContains error.Message "an element type that has numbers as large as" $"{value}"
            | Ok _ -> failtest $"{value} takes float16"

        // One of its entries would be the radius.
        match Parametrization.start (sphere 1e5) eye with
        | Error(ParametrizationError.OutOfReach _) -> ()
        | other -> failtest $"{other}"

        for value, size in
            [
                bounded -1e6 1e6, 4L
                bounded -1e6 infinity, 4L
                hurwitz -1e6, 4L
                sphere 1e6, 400L
                scale 1e6, 4L
                schurStable 1e6, 4L
                bounded 0.0 1.0 >>> scale 2e5 >>> shift -2e5, 4L
            ] do
            use _ = torch.NewDisposeScope()

            match Parametrization.start value (torch.ones ([| size; size |], dtype = Dtype.Float16)) with
            | Ok parts -> Expect.equal (Tensors.nonFinite (Parametrization.forward value parts)) 0L $"{value}"
            | Error error -> failtest error.Message)

/// Numbers that float32 does not have.
let private numbers: Test =
    testCase "numbers that an element type does not have are refused" (fun () ->
        for value, number in
            [
                scale 1e300, "1E+300"
                scale -1e40, "-1E+40"
                scale 1e-50, "1E-50"
                shift 1e40, "1E+40"
                bounded -1e40 1.0, "-1E+40"
                bounded 1e39 infinity, "1E+39"
                sphere 1e39, "1E+39"
                sphere 1e-46, "1E-46"
                sphereExp 1e39, "1E+39"
                spdAbove 1e20, "1E+40"
                spdWithDeterminant 1e300, "1E+300"
                spectralNormWith { SpectralNorm.defaults with Bound = 1e39 }, "1E+39"
                skew >>> cayley >>> scale 1e40, "1E+40"
                sum [ identity; scale 1e40 ], "1E+40"
                positive >>> inverse (scale 1e40), "1E+40"
            ] do
            for dtype in [ Dtype.Float32; Dtype.BFloat16; Dtype.Float16 ] do
                use _ = torch.NewDisposeScope()
                let tensor = torch.eye (4L, dtype = dtype)

                let isNamed (message: string) =
                    Expect.stringContains message $"an element type that has the number {number}" $"{value}"
                    Expect.stringContains message (string dtype) $"{value}"

                match Parametrization.start value tensor, Parametrization.contains value tensor with
                | Error one, Error other ->
                    isNamed one.Message
                    isNamed other.Message
                | _ -> failtest $"{value} takes {dtype}"

                let thrown (call: unit -> torch.Tensor) =
                    Expect.throwsC (fun () -> call () |> ignore) (fun error ->
                        Expect.isTrue (error :? ArgumentException) "ArgumentException"
                        isNamed error.Message)

                thrown (fun () -> Parametrization.project value tensor)
                thrown (fun () -> Parametrization.sample value (Form.ofTensor tensor) None)

            let wide = torch.eye (4L, dtype = Dtype.Float64)

            Expect.isOk (Parametrization.parameterForms value (Form.ofTensor wide)) $"{value} in double precision")

let private refusedByName (what: string) (given: unit -> torch.Tensor) (isRefusal: exn -> bool) : Test =
    testCase $"{what} is refused by the name of the argument" (fun () ->
        let tensor = given ()
        use eye = torch.eye 3L
        use parts = Parametrization.start skew eye |> Result.defaultWith (fun error -> failtest $"{error}")

        for name, argument, call in
            [
                "contains", "tensor", (fun () -> Parametrization.contains skew tensor |> ignore)
                "admits", "tensor", (fun () -> Parametrization.admits skew parts tensor |> ignore)
                "project", "tensor", (fun () -> Parametrization.project skew tensor |> ignore)
                "start", "tensor", (fun () -> Parametrization.start skew tensor |> ignore)
                "initialize", "tensor", (fun () -> Parametrization.initialize skew tensor |> ignore)
                "initializeNearest", "tensor", (fun () -> Parametrization.initializeNearest skew tensor |> ignore)
                "rightInverse", "tensor", (fun () -> Parametrization.rightInverse skew parts tensor |> ignore)
                "ofTensors", "parameters", (fun () -> Parametrization.ofTensors [ tensor ] [] skew |> ignore)
                "ofTensorsOfShape, buffers",
                "buffers",
                (fun () -> Parametrization.ofTensorsOfShape [| 3L |] [ eye ] [ tensor ] (sphereExp 1.0) |> ignore)
                "ofTensorsLike",
                "parameters",
                (fun () -> Parametrization.ofTensorsLike parts [ tensor ] [] skew |> ignore)
                "Form.ofTensor", "tensor", (fun () -> Form.ofTensor tensor |> ignore)
                "Mask.OfTensor", "tensor", (fun () -> Mask.OfTensor tensor |> ignore)
                "apply", "x", (fun () -> Parametrization.apply skew tensor |> ignore)
                "tryUndo", "w", (fun () -> Parametrization.tryUndo skew tensor |> ignore)
            ] do
            Expect.throwsC call (fun error ->
                match error with
                | :? ArgumentException as error when isRefusal error -> Expect.equal error.ParamName argument name
                | other -> failtest $"{name}: {other}"))

let private nulls: Test =
    refusedByName "null" (fun () -> Unchecked.defaultof<torch.Tensor>) (fun error -> error :? ArgumentNullException)

let private disposed: Test =
    let given () =
        let tensor = torch.eye 3L
        tensor.Dispose()
        tensor

    refusedByName "a disposed tensor" given _.Message.StartsWith("The tensor has been disposed.")

/// Nothing tells what is allowed.
let private unchecked': Test =
    testCase "what is composed without a check refuses nothing that is registered" (fun () ->
        use _ = torch.NewDisposeScope()
        let value = cayley >>>! skew
        let tensor = torch.ones (3L, 3L)
        Expect.isError (Parametrization.initialize value tensor) "it has no right inverse"
        Expect.isOk (Parametrization.start value tensor) "it starts")

/// Halves of the smallest number are rounded.
let private subnormal: Test =
    testCase "projections of the smallest numbers are allowed" (fun () ->
        for value in
            [
                symmetric
                symmetricFrom Triangle.Lower
                hermitian
                skew
                skewFrom Triangle.Upper
                skewHermitian
                scale -2.5
                scale 0.3
                sumToZero
            ] do
            for dtype in dtypes do
                for times in [ 1.0; 3.0; 20.0; 1e5 ] do
                    use _ = torch.NewDisposeScope()
                    let form = { Shape = [| 4L; 4L |]; Dtype = dtype; Device = torch.CPU }
                    let size = Form.smallest dtype * times

                    for name, pattern in patterns form do
                        let tensor = (pattern * size.ToScalar()).``to`` dtype

                        if Result.isOk (Parametrization.parameterForms value form) then
                            Expect.isOk
                                (Parametrization.contains value (Parametrization.project value tensor))
                                $"{value} of {name} {size} in {dtype}")

/// Behind a map that makes tiny numbers, slopes are numbers, and right where the vector is normal.
let private tinyVectors: Test =
    testCase "vectors that a map has made tiny have slopes" (fun () ->
        for map in [ PositiveMap.Softplus; PositiveMap.Exp ] do
            let value = positiveBy map >>> sphere 1.0

            for dtype, places in [ Dtype.Float32, [ -80.0; -95.0; -110.0 ]; Dtype.Float64, [ -700.0; -720.0; -760.0 ] ] do
                for place in places do
                    use _ = torch.NewDisposeScope()
                    let rows = [ [ place; place + 1.0; place - 1.0 ]; [ 0.0; 1.0; 2.0 ] ]
                    let x = torch.tensor(array2D rows, dtype = dtype, device = Case.device).requires_grad_ true
                    let parts = Parametrization.ofTensors [ x ] [] value
                    (Parametrization.forward value parts).[0L, 0L].backward()
                    let slopes = Unchecked.nonNull x.grad
                    let what = $"{map}, {dtype}, {place}"
                    Expect.equal (Tensors.nonFinite slopes) 0L what

                    if place = List.head places then
                        // Of exp: w_i (1 - w_i^2), and -w_i w_j^2.
                        let w = [ 1.0; exp 1.0; exp -1.0 ]
                        let norm = sqrt (List.sumBy (fun entry -> entry * entry) w)
                        let first = 1.0 / norm
                        let expected = [ first * (1.0 - first * first); -first * (w[1] / norm) ** 2.0 ]
                        let found = [ Tensors.number slopes[0L, 0L]; Tensors.number slopes[0L, 1L] ]

                        for expected, found in List.zip expected found do
                            Expect.isLessThan (abs (found - expected)) 1e-3 what)

let tests: Test =
    testList
        "extremes"
        [
            subnormal
            numbers
            half
            nulls
            disposed
            tinyVectors
            unchecked'
            yield! List.map ends Parametrize.Catalogue.entries
        ]
