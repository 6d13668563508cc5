/// Gradients of large tensors, which are computed by hand: those of small ones, which libtorch's graph computes.
module Properties.Core.Values.LargeGradientTests

open System
open System.IO
open System.Threading
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.LinearAlgebra
open Parametrize.Values
open Properties.Core
open Properties.Core.Formulas
open TorchSharp

let private single, double = torch.ScalarType.Float32, torch.ScalarType.Float64
let private complex = torch.ScalarType.ComplexFloat64

let private normal (seed: uint64) (dtype: torch.ScalarType) (shape: int64 list) : torch.Tensor =
    normalOn Case.device dtype seed shape

let private forward (value: Parametrization) (x: torch.Tensor) : torch.Tensor =
    Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)

/// The gradient of the sum of the weighted result, and that of the slope along a direction.
let private derivatives
    (map: torch.Tensor -> torch.Tensor)
    (x: torch.Tensor)
    (weights: torch.Tensor)
    (way: torch.Tensor)
    =
    let leaf = x.detach().clone().requires_grad_ true
    let loss () = (map leaf * weights.conj ()).real.sum()
    let first = torch.autograd.grad([| loss () |], [| leaf |])[0]

    let slope = torch.autograd.grad([| loss () |], [| leaf |], retain_graph = true, create_graph = true)[0]

    Expect.isLessThan (Measures.apart first (slope.detach ())) (1e-3 * (1.0 + Measures.largest first)) "with a graph"
    let second = torch.autograd.grad([| (slope * way.conj ()).real.sum() |], [| leaf |])[0]
    first, second

let private maps: OrthogonalMap list =
    [ OrthogonalMap.Cayley; OrthogonalMap.MatrixExp; OrthogonalMap.Householder ]

let private agree (allowed: float) (what: string) (expected: torch.Tensor) (found: torch.Tensor) : unit =
    Expect.isLessThan (Measures.apart expected found) (allowed * (1.0 + Measures.largest expected)) what

/// No member has enough entries by itself.
let private batches: int64 list list =
    [
        [ 700L; 4L; 4L ]
        [ 1300L; 2L; 2L ]
        [ 230L; 9L; 5L ]
        [ 5L; 12L; 13L; 13L ]
        [ 230L; 3L; 15L ]
        [ 3L; 70L; 70L ]
        [ 2L; 90L; 70L ]
        [ 2L; 600L; 12L ]
    ]

/// Polynomials of both degrees, with squarings and without, and what is computed in double precision.
let private scales: float list = [ 0.0; 1e-3; 0.1; 0.5; 2.0; 40.0 ]

let private members: Test list =
    [
        for map in maps do
            for dtype in [ single; double; complex ] do
                if not (map = OrthogonalMap.Householder && dtype = complex) then
                    inScope $"the gradients of many matrices together, {map} of {dtype}" (fun () ->
                        let value = orthogonalWithoutBase map
                        let allowed = if dtype = single then 2e-3 else 1e-9

                        for shape in batches do
                            for scale in scales @ [ nan ] do
                                // Each of another size.
                                let sizes =
                                    if Double.IsNaN scale then
                                        let first = (normal 4UL double [ shape.Head ]).exp().``to`` dtype
                                        first.view [| shape.Head; yield! shape.Tail |> List.map (fun _ -> 1L) |]
                                    else
                                        torch.full ([| 1L |], scale.ToScalar(), dtype = dtype, device = Case.device)

                                let longest = sqrt (float (List.max shape[shape.Length - 2 ..]))
                                let x = normal 1UL dtype shape * sizes / longest.ToScalar()
                                let weights, way = normal 2UL dtype shape, normal 3UL dtype shape
                                let first, second = derivatives (forward value) x weights way
                                // Some suffice.
                                for index in List.distinct [ 0L; shape.Head / 2L; shape.Head - 1L ] do
                                    let at (tensor: torch.Tensor) = tensor.select (0L, index)
                                    let expected, bend = derivatives (forward value) (at x) (at weights) (at way)
                                    let what = $"{shape}, {scale}, member {index}"
                                    agree allowed $"gradient, {what}" expected (at first)

                                    if not (map = OrthogonalMap.Householder && scale = 0.0) then
                                        agree (10.0 * allowed) $"second derivative, {what}" bend (at second))
    ]

let private formulas: (OrthogonalMap * Naive.Formula) list =
    [
        OrthogonalMap.Cayley, Naive.cayleyAlone
        OrthogonalMap.MatrixExp, Naive.exponentialAlone
        OrthogonalMap.Householder, Naive.reflectedAlone
    ]

/// Beyond the sizes up to which columns are reflected, and matrices inverted, at once.
let private whole: Test list =
    [
        for map, formula in formulas do
            inScope $"the gradient of a large matrix, {map}" (fun () ->
                let value = orthogonalWithoutBase map

                for shape in [ [ 110L; 110L ]; [ 141L; 141L ]; [ 263L; 131L ]; [ 150L; 290L ]; [ 700L; 140L ] ] do
                    for scale in [ 0.02; 1.0 ] do
                        let longest = sqrt (float (List.max shape))
                        let x = normal 1UL double shape * (scale / longest).ToScalar()
                        let weights = normal 2UL double shape
                        let leaf = x.clone().requires_grad_ true

                        let expected = torch.autograd.grad([| (formula [ leaf ] [] * weights).sum() |], [| leaf |])[0]

                        let leaf = x.clone().requires_grad_ true
                        let loss = (forward value leaf * weights).sum()
                        agree 1e-9 $"{shape}, {scale}" expected (torch.autograd.grad([| loss |], [| leaf |])[0]))

            inScope $"the second derivative of a large matrix, {map}" (fun () ->
                let value = orthogonalWithoutBase map

                for shape in [ [ 131L; 131L ]; [ 160L; 135L ]; [ 540L; 130L ] ] do
                    let longest = sqrt (float (List.max shape))
                    let x = normal 1UL double shape / longest.ToScalar()
                    let weights, way = normal 2UL double shape, normal 3UL double shape / longest.ToScalar()
                    let _, found = derivatives (forward value) x weights way
                    let step = 1e-5

                    let slopeAt (distance: float) =
                        fst (derivatives (forward value) (x + way * distance.ToScalar()) weights way)

                    let expected = (slopeAt step - slopeAt -step) / (2.0 * step).ToScalar()
                    agree 1e-6 $"{shape}" expected found)
    ]

/// A write must change no gradient, as for small matrices, whose graph has its own copy of the parameter.
let private writes: Test =
    inScope "a write into the parameter after the forward pass changes no gradient" (fun () ->
        for map in maps do
            let value = orthogonalWithoutBase map
            let x, weights = normal 1UL double [ 110L; 110L ] / 10.0.ToScalar(), normal 2UL double [ 110L; 110L ]
            let expected, _ = derivatives (forward value) x weights weights
            let leaf = x.clone().requires_grad_ true
            let loss = (forward value leaf * weights).sum()

            let write () =
                use _ = torch.no_grad ()
                leaf.add_ (1.0.ToScalar()) |> ignore

            write ()
            agree 1e-12 $"{map}" expected (torch.autograd.grad([| loss |], [| leaf |])[0]))

let private threads: Test =
    inScope "backward passes on many threads" (fun () ->
        let value = orthogonalWithoutBase OrthogonalMap.MatrixExp
        let x, weights = normal 1UL double [ 110L; 110L ] / 10.0.ToScalar(), normal 2UL double [ 110L; 110L ]
        let expected, bend = derivatives (forward value) x weights weights
        let failures = ResizeArray<exn>()

        let work () =
            try
                for _ in 1..5 do
                    use _ = torch.NewDisposeScope()
                    let first, second = derivatives (forward value) x weights weights
                    agree 1e-12 "first" expected first
                    agree 1e-12 "second" bend second
            with error ->
                lock failures (fun () -> failures.Add error)

        let threads = [ for _ in 1..8 -> Thread(work) ]

        for thread in threads do
            thread.Start()

        for thread in threads do
            thread.Join()

        Expect.isEmpty failures "failures")

let private flat: Test =
    inScope "passes keep no tensor" (fun () ->
        for map in maps do
            let value = orthogonalWithoutBase map
            let leaf = (normal 1UL single [ 110L; 110L ] / 10.0.ToScalar()).requires_grad_ true
            let weights = normal 2UL single [ 110L; 110L ]

            let pass () =
                use _ = torch.NewDisposeScope()
                (forward value leaf * weights).sum().backward()

            pass ()
            let before = torch.Tensor.TotalCount

            for _ in 1..10 do
                pass ()

            // The collector may have freed what other tests left.
            Expect.isLessThanOrEqual (torch.Tensor.TotalCount - before) 0L $"{map}")

let private retained: Test =
    inScope "a graph that is retained has the same gradient each time" (fun () ->
        for map in maps do
            let leaf = (normal 1UL double [ 131L; 131L ] / 11.0.ToScalar()).requires_grad_ true
            let loss = (forward (orthogonalWithoutBase map) leaf * normal 2UL double [ 131L; 131L ]).sum()
            let gradient () = torch.autograd.grad([| loss |], [| leaf |], retain_graph = true)[0]
            let first = gradient ()

            for pass in 2..3 do
                agree 1e-14 $"{map}, pass {pass}" first (gradient ()))

/// In megabytes; none where the system does not tell.
let private resident () : float option =
    if File.Exists "/proc/self/statm" then
        GC.Collect()
        Some(float ((File.ReadAllText "/proc/self/statm").Split(' ')[1]) * 4096.0 / 1e6)
    else
        None

/// Of 38 MB each, which the system takes back at once. Graphs that nobody disposes wait for the garbage collector.
let private freed: Test =
    inScope "backward frees what the gradient was computed from" (fun () ->
        let leaf = (normal 1UL single [ 1_050_000L; 3L; 3L ]).requires_grad_ true

        let pass () =
            use _ = torch.NewDisposeScope()
            let loss = (forward (orthogonalWithoutBase OrthogonalMap.Cayley) leaf).sum()
            loss.backward ()
            loss.MoveToOuterDisposeScope()

        pass () |> ignore
        let before = resident ()
        let losses = [ for _ in 1..2 -> pass () ]

        match before, resident () with
        | Some before, Some after ->
            Expect.isLessThan ((after - before) / float losses.Length) 57.0 "megabytes a pass: those of A alone"
        | _ -> ())

/// TorchSharp ends the process where `backward` of a function of one's own throws.
let private failing: Test =
    inScope "a gradient that cannot be computed is an exception of backward" (fun () ->
        let leaf = (normal 1UL single [ 110L; 110L ]).requires_grad_ true

        let value =
            leaf
            |> CustomGradient.apply (fun x ->
                {
                    Value = x.clone ()
                    Kept = (fun () -> [])
                    Pullback = fun _ _ -> invalidOp "none"
                })

        let message =
            try
                value.sum().backward()
                "none"
            with :? System.Runtime.InteropServices.ExternalException as error ->
                error.Message

        Expect.stringContains message "invalid gradient" "the exception"
        // The next pass is one as any.
        let expected = normal 2UL single [ 110L; 110L ]
        let next = normal 3UL single [ 110L; 110L ]
        let first, _ = derivatives (forward (orthogonalWithoutBase OrthogonalMap.Cayley)) expected next next
        Expect.equal (Tensors.nonFinite first) 0L "the next pass")

let tests: Test =
    testList "large gradients" (members @ whole @ [ writes; threads; flat; retained; freed; failing ])
