/// Priors as values: what they are of, how they are summed, what they refuse.
module Properties.Core.Priors.PriorTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private test (name: string) (work: unit -> unit) : Test =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        work ())

let private formOf (dtype: torch.ScalarType) (shape: int64[]) : Form =
    { Shape = shape; Dtype = dtype; Device = Case.device }

let private drawn (value: Parametrization) (shape: int64[]) : torch.Tensor =
    Parametrization.sample value (formOf torch.ScalarType.Float64 shape) (Some(new torch.Generator(7UL, torch.CPU)))

/// One vector beside another of the same size.
type private Beside() =
    inherit Node()
    override _.Code = Code.Call("beside", [])
    override _.Domains = [ Domain.free; Domain.free ]
    override _.Codomain _ = Space.all
    override _.Output inputs = { inputs.Head with Shape = [| 2L * inputs.Head.Shape[0] |] }

    override _.Inputs form = Ok(List.replicate 2 { form with Shape = [| form.Shape[0] / 2L |] })

    override _.Forward(inputs, _) = torch.cat (inputs, 0L)
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = Ok { Inputs = tensor.chunk 2L; Buffers = [||] }

    interface IVolume with
        member _.LogVolume(inputs, _) = (inputs[0] * 0.0.AsScalar()).sum()

/// Symmetric matrices from one triangle, as `symmetric` is.
type private Mirrored() =
    inherit Node()
    override _.Code = Code.Call("mirrored", [])
    override _.Codomain _ = SymmetricSpaces.symmetric
    override _.Forward(inputs, _) = inputs[0].triu() + inputs[0].triu(1L).mT
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput (tensor.triu ())

    interface IVolumeBehind with
        member _.Measures _ = true

        /// Every entry off the diagonal is there twice.
        member _.LogVolume(inputs, _) =
            let size = inputs[0].size -1
            Tensors.forEach 2 (float (size * (size - 1L)) / 4.0 * log 2.0) inputs[0]

let private mirrored: Parametrization = Parametrization.ofNode (Mirrored())

/// A random parameter of each.
let private partsOf (value: Parametrization) (shape: int64[]) : Parts =
    let generator = new torch.Generator(3UL, torch.CPU)

    match Parametrization.parameterForms value (formOf torch.ScalarType.Float64 shape) with
    | Error error -> failtest $"{error}"
    | Ok forms ->
        let parameters =
            [ for form in forms -> (Form.normal generator form * 0.5.AsScalar()).requires_grad_ true ]

        Parametrization.ofTensorsOfShape shape parameters [] value

/// On each space: a prior, a value that yields its tensors, and a shape of two problems.
let private all: (Prior * Parametrization * int64[]) list =
    let matrix = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]

    [
        Prior.normal 0.7, positive, [| 2L; 3L |]
        Prior.laplace 0.7, symmetric, [| 2L; 3L; 3L |]
        Prior.studentT 2.0 0.7, identity, [| 2L; 3L |]
        Prior.ofValue simplex (Prior.normal 1.0), simplex, [| 2L; 3L |]
        Prior.ofValue (simplexBy SimplexMap.StickBreaking) (Prior.normal 1.0), simplex, [| 2L; 3L |]
        Prior.ofValue (scale 2.0 >>> positive) (Prior.studentT 3.0 1.0), positive, [| 2L; 3L |]
        Prior.ofValue correlation (Prior.normal 1.0), correlation, [| 2L; 3L; 3L |]
        Prior.ofValue spd (Prior.normal 1.0), spd, [| 2L; 3L; 3L |]
        Prior.ofValue (spdAbove 0.1) (Prior.normal 1.0), spdAbove 0.1, [| 2L; 3L; 3L |]
        Prior.ofValue (skew >>> scale 2.0) (Prior.laplace 1.0), skew >>> scale 2.0, [| 2L; 3L; 3L |]
        Prior.ofValue (diagonal >>> transposed identity) (Prior.normal 1.0), diagonal, [| 2L; 3L; 3L |]
        Prior.dirichlet [ 0.5; 1.0; 3.0 ], simplex, [| 2L; 3L |]
        Prior.lkj 2.0, correlation, [| 2L; 3L; 3L |]
        Prior.lkjCholesky 2.0, correlationCholesky, [| 2L; 3L; 3L |]
        Prior.wishart 3.0 2.0, spd, [| 2L; 3L; 3L |]
        Prior.wishartOf 3.0 matrix, spd, [| 2L; 2L; 2L |]
        Prior.inverseWishart 3.0 2.0, spd, [| 2L; 3L; 3L |]
        Prior.inverseWishartOf 3.0 matrix, spd, [| 2L; 2L; 2L |]
        Prior.vonMisesFisher [ 1.0; -2.0; 0.5 ], sphere 1.0, [| 2L; 3L |]
        Prior.langevin matrix, orthogonalWithoutBase OrthogonalMap.MatrixExp, [| 2L; 2L; 2L |]
        Prior.uniform (sphere 1.0), sphere 1.0, [| 2L; 3L |]
    ]

let private refusal (words: string) (work: unit -> 'a) : unit =
    Expect.throwsC (fun () -> work () |> ignore) (fun error ->
        Expect.stringContains error.Message words "the message"
        Expect.isTrue (error :? System.ArgumentException) $"{error.GetType()}")

/// By central differences along a random direction.
let private slope (ofParts: Parts -> torch.Tensor) (value: Parametrization) (parts: Parts) : float * float =
    let along = [ for x in parts.Parameters -> torch.randn_like (x, requires_grad = false) ]
    let sum = ofParts parts
    let gradients = torch.autograd.grad ([| sum |], Array.ofSeq parts.Parameters)

    let found =
        Seq.map2 (fun (g: torch.Tensor) (d: torch.Tensor) -> (g * d).sum().item<double>()) gradients along

    let at (step: float) =
        use _ = torch.no_grad ()

        let moved =
            Seq.map2 (fun (x: torch.Tensor) (d: torch.Tensor) -> x + d * step.AsScalar()) parts.Parameters along

        (ofParts (Parametrization.ofTensorsLike parts moved [] value)).item<double>()

    Seq.sum found, (at 1e-5 - at -1e-5) / 2e-5

let tests: Test =
    testList
        "priors"
        [
            test "samples beyond the element type are its largest numbers" (fun () ->
                for prior, dtype in
                    [
                        Prior.studentT 1.0 1.0, torch.ScalarType.Float16
                        Prior.normal 1e5, torch.ScalarType.Float16
                        Prior.laplace 1e5, torch.ScalarType.Float16
                        Prior.ofValue positive (Prior.normal 1e5), torch.ScalarType.Float16
                        Prior.ofValue (scale 1e5) (Prior.normal 1.0), torch.ScalarType.Float16
                        Prior.normal 1e39, torch.ScalarType.Float32
                    ] do
                    let generator = Some(new torch.Generator(5UL, torch.CPU))
                    let sample = Prior.sample prior { formOf dtype [| 200000L |] with Device = torch.CPU } generator
                    Expect.isTrue (sample.isfinite().all().item<bool>()) $"{prior}, {dtype}")

            test "what rounding leaves on the edge of a space has the density zero, and no gradient" (fun () ->
                let singular = torch.ones (2L, 2L, dtype = torch.ScalarType.Float64)
                let regular = torch.eye (2L, dtype = torch.ScalarType.Float64)
                let both = (torch.stack [| singular; regular |]).requires_grad_ true
                let density = Prior.logDensity (Prior.ofValue spd (Prior.normal 1.0)) both
                Expect.equal (density[0L].item<double>()) -infinity "the singular one"
                let alone = Prior.logDensity (Prior.ofValue spd (Prior.normal 1.0)) regular
                Expect.isLessThan (Measures.apart density[1L] alone) 1e-12 "the other"
                density.sum().backward()
                let gradient = nonNull both.grad
                Expect.isTrue (gradient.isfinite().all().item<bool>()) "its gradient"
                Expect.equal (Measures.largest gradient[0L]) 0.0 "of the singular one")

            for prior, value, shape in all do
                test $"{prior} of {value}: each of a batch, in every element type" (fun () ->
                    let w = drawn value shape
                    let both = Prior.logDensity prior w
                    Expect.equal both.shape (shape[.. int (both.dim ()) - 1]) "a number for each"
                    let one = Prior.logDensity prior (w.select (0L, 1L))
                    Expect.isLessThan (Measures.apart (both.select (0L, 1L)) one) 1e-12 "the second"
                    let narrow = Prior.logDensity prior (w.``to`` torch.ScalarType.Float32)
                    Expect.equal narrow.dtype torch.ScalarType.Float32 "the element type"
                    Expect.isLessThan (Measures.apart narrow both) (1e-4 * (1.0 + Measures.largest both)) "in float32")

                test $"{prior} of {value}: gradients into the parameters" (fun () ->
                    if prior <> Prior.uniform (sphere 1.0) then
                        let parts = partsOf value shape
                        let found, expected = slope (Prior.logDensityOfParts prior value) value parts
                        Expect.isLessThan (abs (found - expected)) (1e-6 * (1.0 + abs expected)) "the slope")

                test $"{prior} of {value}: the sum for parts" (fun () ->
                    let parts = partsOf value shape
                    let sum = Prior.logDensityOfParts prior value parts
                    Expect.equal sum.shape [||] "one number"
                    let w = Parametrization.forward value parts
                    Expect.isLessThan (Measures.apart ((Prior.logDensity prior w).sum()) sum) 1e-9 "as of the tensor")
            test "of the parameters, the volume comes to it" (fun () ->
                let parts = partsOf simplex [| 2L; 3L |]

                let of' (density: Prior -> Parametrization -> Parts -> torch.Tensor) (prior: Prior) =
                    density prior simplex parts

                let volume = (Parametrization.logVolume simplex parts).Value

                for prior in [ Prior.dirichlet [ 2.0 ]; Prior.ofValue simplex (Prior.normal 2.0) ] do
                    let expected = of' Prior.logDensityOfParts prior + volume

                    Expect.isLessThan
                        (Measures.apart expected (of' Prior.logDensityOfParameters prior))
                        1e-11
                        $"{prior}"

                let own = (Prior.logDensity (Prior.normal 2.0) parts.Parameters[0]).sum()

                Expect.isLessThan
                    (Measures.apart own (of' Prior.logDensityOfParameters (Prior.ofValue simplex (Prior.normal 2.0))))
                    1e-12
                    "the density of the parameters is back")
            test "values of several parameters have a density by their parts" (fun () ->
                let value = Parametrization.ofNode (Beside()) >>> positiveBy PositiveMap.Exp
                let prior = Prior.ofValue value (Prior.normal 1.0)
                let parts = partsOf value [| 6L |]
                let own (x: torch.Tensor) = (Prior.logDensity (Prior.normal 1.0) x - x).sum()
                let expected = own parts.Parameters[0] + own parts.Parameters[1]
                let found = Prior.logDensityOfParts prior value parts
                Expect.isLessThan (Measures.apart expected found) 1e-12 "the log density"

                refusal "it has 2 parameters. Its parts have a density" (fun () ->
                    Prior.logDensity prior (drawn positive [| 6L |])))
            test "the first node that does not go back is named" (fun () ->
                let squares = positiveBy PositiveMap.Square

                for value, named in
                    [
                        squares >>>! mirrored, squares
                        mirrored >>>! squares, mirrored
                        scale 2.0 >>> mirrored >>>! squares, mirrored
                    ] do
                    let prior = Prior.ofValue value (Prior.normal 1.0)
                    let tensor = torch.ones ([| 3L; 3L |], dtype = torch.ScalarType.Float64, device = Case.device)
                    refusal $"{named} is not known to yield" (fun () -> Prior.logDensity prior tensor))
            test "numbers that are not read do not count" (fun () ->
                let shape = [| 2L; 3L; 3L |]
                let prior = Prior.ofValue (mirrored >>> scale 2.0) (Prior.laplace 1.0)
                let parts = partsOf (mirrored >>> scale 2.0) shape
                let found = Prior.logDensityOfParts prior (mirrored >>> scale 2.0) parts
                let entries = Prior.logDensity (Prior.laplace 1.0) parts.Parameters[0]
                let stretched = 2.0 * (6.0 * log 2.0 + 3.0 * log (sqrt 2.0))
                let expected = (entries.triu().sum() - stretched.AsScalar())
                Expect.isLessThan (Measures.apart expected found) 1e-12 "the log density")
            test "one of the library's own does not go back" (fun () ->
                // Far out, where going back has no digits left.
                let x =
                    torch.full ([| 2L |], (60.0).AsScalar(), dtype = torch.ScalarType.Float64, device = Case.device)

                let parts = Parametrization.ofTensors [ x ] [] unitInterval
                let prior = Prior.ofValue unitInterval (Prior.normal 30.0)
                let expected = (Prior.logDensity (Prior.normal 30.0) x).sum().item<double>() + 2.0 * 60.0
                let found = (Prior.logDensityOfParts prior unitInterval parts).item<double>()
                Expect.isLessThan (abs (found - expected)) 1e-9 "the log density")
            test "of other options, values or families are not equal" (fun () ->
                let priors =
                    [
                        Prior.normal 1.0
                        Prior.normal 2.0
                        Prior.normalAround 2.0 1.0
                        Prior.normalAround 1.0 2.0
                        Prior.studentT 3.0 0.5
                        Prior.studentT 0.5 3.0
                        Prior.ofValue simplex (Prior.normal 1.0)
                        Prior.ofValue simplex (Prior.normal 2.0)
                        Prior.ofValue (scale 2.0 >>> simplex) (Prior.normal 1.0)
                        Prior.uniform simplex
                        Prior.uniform orthogonal
                        Prior.uniform (sphere 1.0)
                        Prior.uniform (sphere 2.0)
                        Prior.dirichlet [ 1.0; 2.0 ]
                        Prior.dirichlet [ 2.0; 1.0 ]
                        Prior.lkj 2.0
                        Prior.lkj 3.0
                        Prior.lkjCholesky 2.0
                        Prior.wishart 3.0 1.0
                        Prior.wishart 3.0 2.0
                        Prior.wishartOf 3.0 (array2D [ [ 2.0; 0.0 ]; [ 0.0; 1.0 ] ])
                        Prior.wishartOf 3.0 (array2D [ [ 1.0; 0.0 ]; [ 0.0; 2.0 ] ])
                        Prior.inverseWishart 3.0 1.0
                        Prior.vonMisesFisher [ 1.0; -1.0 ]
                        Prior.vonMisesFisher [ -1.0; 1.0 ]
                        Prior.langevin (array2D [ [ 1.0 ]; [ -2.0 ] ])
                        Prior.langevin (array2D [ [ 1.0; -2.0 ] ])
                    ]

                for left, first in List.indexed priors do
                    for right, second in List.indexed priors do
                        Expect.equal (first = second) (left = right) $"{first} and {second}")
            test "are equal by what they say, and print so" (fun () ->
                let again () =
                    [
                        Prior.normal 1.0, "Prior.normal 1.0"
                        Prior.normalAround 2.0 1.0, "Prior.normalAround 2.0 1.0"
                        Prior.studentT 3.0 0.5, "Prior.studentT 3.0 0.5"
                        Prior.ofValue (scale 2.0 >>> simplex) (Prior.normal 1.0),
                        "Prior.ofValue (scale 2.0 >>> simplex) (Prior.normal 1.0)"
                        Prior.uniform (sphere 1.0), "Prior.uniform (sphere 1.0)"
                        Prior.dirichlet [ 1.0; 2.0 ], "Prior.dirichlet [ 1.0; 2.0 ]"
                        Prior.lkj 2.0, "Prior.lkj 2.0"
                        Prior.lkjCholesky 2.0, "Prior.lkjCholesky 2.0"
                        Prior.wishart 3.0 1.0, "Prior.wishart 3.0 1.0"
                        Prior.wishartOf 3.0 (array2D [ [ 1.0 ] ]), "Prior.wishartOf 3.0 (array2D [ [ 1.0 ] ])"
                        Prior.inverseWishart 3.0 1.0, "Prior.inverseWishart 3.0 1.0"
                        Prior.vonMisesFisher [ 1.0; -1.0 ], "Prior.vonMisesFisher [ 1.0; -1.0 ]"
                        Prior.langevin (array2D [ [ 1.0 ]; [ -2.0 ] ]),
                        "Prior.langevin (array2D [ [ 1.0 ]; [ -2.0 ] ])"
                    ]

                for (prior, code), (same, _) in List.zip (again ()) (again ()) do
                    Expect.equal (string prior) code "as typed"
                    Expect.equal prior same "equal"
                    Expect.equal (hash prior) (hash same) "hashes"

                for (index, (prior, _)), (place, (other, _)) in
                    List.allPairs (List.indexed (again ())) (List.indexed (again ())) do
                    Expect.equal (prior = other) (index = place) $"{prior} and {other}")
            test "do not see changes of arrays they were made of" (fun () ->
                let f = array2D [ [ 1.0; 2.0 ] ]
                let prior = Prior.langevin f
                f[0, 0] <- 9.0
                Expect.equal prior (Prior.langevin (array2D [ [ 1.0; 2.0 ] ])) "the first"
                let scale () = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]

                for make in [ Prior.wishartOf 3.0; Prior.inverseWishartOf 3.0 ] do
                    let numbers = scale ()
                    let prior = make numbers
                    numbers[0, 0] <- 9.0
                    Expect.equal prior (make (scale ())) $"{prior}")
            test "numbers that a mask hides do not count, whichever mask it is" (fun () ->
                let value = pruned (Pruning.L1(Amount.Count 2L))
                let prior = Prior.ofValue value (Prior.normal 1.0)

                for entries in [ [| 1.0; 2.0; 0.1; 0.1 |]; [| 0.1; 0.1; 3.0; 4.0 |] ] do
                    let tensor = torch.tensor (entries, dtype = torch.ScalarType.Float64, device = Case.device)
                    let parts = orFail (Parametrization.initializeNearest value tensor)
                    let found = (Prior.logDensityOfParts prior value parts).item<double>()
                    let squares = entries |> Array.filter (fun entry -> entry >= 1.0) |> Array.sumBy (fun x -> x * x)
                    let expected = -squares / 2.0 - log (2.0 * System.Math.PI)
                    Expect.isLessThan (abs (found - expected)) 1e-9 $"%A{entries}")
            test "refuse options" (fun () ->
                refusal "The scale must be positive" (fun () -> Prior.normal 0.0)
                refusal "must be finite" (fun () -> Prior.normalAround nan 1.0)
                refusal "The scale must be positive" (fun () -> Prior.laplace nan)
                refusal "degrees of freedom must be positive" (fun () -> Prior.studentT 0.0 1.0)
                refusal "The concentrations must be positive" (fun () -> Prior.dirichlet [ 1.0; -1.0 ])
                refusal "a concentration for each entry" (fun () -> Prior.dirichlet [])
                refusal "The shape must be positive" (fun () -> Prior.lkj 0.0)
                refusal "The concentrations must be at most 1e9" (fun () -> Prior.dirichlet [ 1e308 ])
                refusal "degrees of freedom must be at most 1e9" (fun () -> Prior.studentT 1e308 1.0)
                refusal "The shape must be at most 1e9" (fun () -> Prior.lkj 1e308)
                refusal "2 x 1" (fun () -> Prior.wishartOf 3.0 (array2D [ [ 1.0 ]; [ 2.0 ] ]))
                refusal "symmetric" (fun () -> Prior.wishartOf 3.0 (array2D [ [ 1.0; 0.5 ]; [ 0.0; 1.0 ] ]))
                refusal "positive definite" (fun () -> Prior.wishartOf 3.0 (array2D [ [ 1.0; 2.0 ]; [ 2.0; 1.0 ] ]))
                refusal "finite" (fun () -> Prior.langevin (array2D [ [ infinity ] ]))
                refusal "a number for each entry" (fun () -> Prior.vonMisesFisher [])
                refusal "are not known to have a finite volume" (fun () -> Prior.uniform positive)
                refusal "are not known to have a finite volume" (fun () -> Prior.uniform (above 0.0))
                refusal "are not known to have a finite volume" (fun () -> Prior.uniform identity)
                refusal "are not known to have a finite volume" (fun () -> Prior.uniform (positive >>> sphere 1.0))
                refusal "not known in closed form" (fun () -> Prior.ofValue (weightNorm 0) (Prior.normal 1.0))
                refusal "a density of all tensors" (fun () -> Prior.ofValue simplex (Prior.dirichlet [ 1.0 ])))
            test "refuse tensors" (fun () ->
                let x = drawn identity [| 3L; 3L |]
                let density (prior: Prior) (w: torch.Tensor) () = Prior.logDensity prior w
                refusal "w_i > 0" (density (Prior.dirichlet [ 1.0 ]) x)
                let corner = torch.tensor ([| 1.0; 0.0 |], dtype = torch.ScalarType.Float64)

                refusal
                    "w_i > 0 must hold strictly, but both sides are equal"
                    (density (Prior.dirichlet [ 1.0 ]) corner)

                refusal
                    "probability vectors of 2 entries"
                    (density (Prior.dirichlet [ 1.0; 1.0 ]) (drawn simplex [| 3L |]))

                refusal "not allowed by correlation" (density (Prior.lkj 1.0) x)

                refusal
                    "at least 2 rows"
                    (density (Prior.lkj 1.0) (torch.ones ([| 1L; 1L |], dtype = torch.ScalarType.Float64)))

                refusal
                    "3 x 3 matrices need more than 2 degrees of freedom, but Prior.wishart 2.0 1.0 has 2."
                    (density (Prior.wishart 2.0 1.0) (drawn spd [| 3L; 3L |]))

                refusal
                    "matrices of 1 rows"
                    (density (Prior.wishartOf 9.0 (array2D [ [ 1.0 ] ])) (drawn spd [| 3L; 3L |]))

                refusal
                    "real matrices"
                    (density (Prior.wishart 9.0 1.0) ((drawn spd [| 3L; 3L |]).``to`` torch.ScalarType.ComplexFloat64))

                refusal
                    "3 x 2 matrices"
                    (density (Prior.langevin (Array2D.create 3 2 1.0)) (drawn orthogonal [| 2L; 3L |]))

                refusal
                    "vectors of 2 entries"
                    (density (Prior.vonMisesFisher [ 1.0; 1.0 ]) (drawn (sphere 1.0) [| 3L |]))

                refusal
                    "cannot be undone"
                    (density (Prior.ofValue mirrored (Prior.normal 1.0)) (drawn symmetric [| 3L; 3L |]))


                refusal
                    "Prior.normal 1.0 expects a floating-point"
                    (density (Prior.normal 1.0) (x.``to`` torch.ScalarType.Int64))

                refusal "Prior.normal 1.0 expects finite" (density (Prior.normal 1.0) (x.log () - x.log ())))
            test "refuse parts" (fun () ->
                let density (prior: Prior) (value: Parametrization) () =
                    Prior.logDensityOfParts prior value (partsOf value [| 3L; 3L |])

                refusal "correlation matrices, but spd yields positive definite" (density (Prior.lkj 1.0) spd)
                refusal "correlation matrices, but simplex yields" (density (Prior.lkj 1.0) simplex)
                refusal "probability vectors of 2" (density (Prior.dirichlet [ 1.0; 2.0 ]) simplex)
                let studentT = Prior.ofValue (scale 2.0) (Prior.studentT 1.0 1.0)
                refusal "mirrored reads 9 numbers" (density (Prior.ofValue mirrored studentT) mirrored)

                refusal "a density of its parameters needs" (fun () ->
                    Prior.logDensityOfParameters
                        (Prior.normal 1.0)
                        (weightNorm 0)
                        (partsOf (weightNorm 0) [| 3L; 3L |])))
            test "of rotations, the angle at a base tells the density" (fun () ->
                let x = drawn identity [| 2L; 2L |]
                let value = specialOrthogonal

                let parts =
                    Parametrization.ofTensors [ x ] [ torch.eye (2L, dtype = x.dtype, device = x.device) ] value

                let angle = Prior.logDensity (Prior.normal 1.0) x[1L, 0L]
                let found = Prior.logDensityOfParts (Prior.ofValue value (Prior.normal 1.0)) value parts
                Expect.isLessThan (Measures.apart (angle - (log (sqrt 2.0)).AsScalar()) found) 1e-12 "the log density")
            test "of rotations, langevin is one" (fun () ->
                let w = drawn specialOrthogonal [| 3L; 3L |]
                let prior = Prior.langevin (Array2D.create 3 3 1.0)
                use base' = w.clone ()
                let parts = Parametrization.ofTensors [ torch.zeros_like w ] [ base' ] specialOrthogonal
                let found = Prior.logDensityOfParts prior specialOrthogonal parts
                Expect.isLessThan (Measures.apart (Prior.logDensity prior w) found) 1e-12 "the log density"
                Expect.isFalse (Prior.isNormalized (Form.ofTensor w) prior) "it is not normalised")
            test "leave no tensors behind" (fun () ->
                for prior, value, shape in all do
                    let parts = partsOf value shape
                    let w = drawn value shape
                    let form = Form.ofTensor w
                    let before = DisposeScopeManager.Statistics.ThreadTotalLiveCount

                    for _ in 1..3 do
                        (Prior.logDensity prior w).Dispose()
                        (Prior.logDensityOfParts prior value parts).Dispose()

                        if Prior.canSample prior then
                            (Prior.sample prior form None).Dispose()

                    Expect.equal (DisposeScopeManager.Statistics.ThreadTotalLiveCount - before) 0L $"{prior}")
        ]
