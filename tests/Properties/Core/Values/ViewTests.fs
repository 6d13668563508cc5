/// Views in views: a value is undone through each of them, in the shape that each shows.
module Properties.Core.Values.ViewTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private views: (string * (Parametrization -> Parametrization)) list =
    let one = [ "transposed", transposed; "onKernel", onKernel ]

    let around (outer: string, outside) (inner: string, inside) = $"{outer} of {inner}", inside >> outside

    let two = [ for outer, inner in List.allPairs one one -> around outer inner ]
    one @ two @ [ for outer, inner in List.allPairs one two -> around outer inner ]

/// Of entries, of vectors and of matrices, each with one parameter for a tensor.
let private values: Parametrization list =
    [
        positive
        bounded -1.0 3.0
        positive >>> scale 2.0 >>> inverse (positiveBy PositiveMap.Exp)
        ordered
        positiveOrdered
        inMetric [ [ 4.0; 1.0 ]; [ 1.0; 3.0 ] ]
        weightNoise 0.1
        simplex
        sumToZero
        circulant
    ]

/// No two dimensions are alike, so that none stands for another.
let private shapes: int64 list list =
    [ [ 2L; 3L; 5L; 4L ]; [ 3L; 2L; 4L ]; [ 2L; 3L ]; [ 3L; 2L ]; [ 2L; 1L; 2L ] ]

let private comesBack (value: Parametrization) (shape: int64 list) : bool =
    use _ = torch.NewDisposeScope()

    let form =
        {
            Shape = List.toArray shape
            Dtype = torch.ScalarType.Float64
            Device = Case.device
        }

    match Parametrization.parameterForms value form with
    | Error _ -> false
    | Ok forms ->
        let x = normalOn form.Device form.Dtype 3UL (List.ofArray forms.Head.Shape)
        let w = Parametrization.forward value (Parametrization.ofTensorsOfShape form.Shape [ x ] [] value)
        let found = Parametrization.undo value w
        Expect.equal found.shape x.shape $"{value} of {shape}: the shape"
        Expect.isLessThan (Measures.apart found x) 1e-9 $"{value} of {shape}"
        Expect.isOk (Parametrization.contains value w) $"{value} of {shape}: its own"
        // Here the shape is that of the parameter.
        Expect.equal (Parametrization.apply value x).shape w.shape $"{value} of {shape}: applied"
        true

let private undone (name: string, view: Parametrization -> Parametrization) : Test =
    testCase $"{name} is undone" (fun () ->
        let tried = [ for value, shape in List.allPairs values shapes -> comesBack (view value) shape ]
        Expect.isGreaterThan (tried |> List.filter id |> List.length) 12 "values that were tried")

/// A matrix of one of these spaces seen through views, and what reads spaces behind it.
let private structured: Parametrization list =
    [
        for triangle in [ Triangle.Lower; Triangle.Upper ] do
            triangular triangle
            unitTriangular triangle
            symmetricFrom triangle
            skewFrom triangle
        diagonal
        banded 1L 1L
        banded 0L 1L
        banded 1L 0L
        hamiltonian
    ]

let private behind: Parametrization list =
    [
        pruned (Pruning.Bernoulli(0.5, 3UL))
        pruned (Pruning.Bernoulli(0.3, 8UL))
        sphere 1.0
        spectralNorm
        weightStandardized 0
        matrixExponential
        cayley
        hermitian
        scale 2.0
    ]

let private dimensions (name: string, view: Parametrization -> Parametrization) : Test =
    testCase $"dimensions behind {name} are ranks, or not known" (fun () ->
        for first, next in List.allPairs structured behind do
            for next in [ next; view next ] do
                match Parametrization.tryAndThen next (view first) with
                | Error _ -> ()
                | Ok value ->
                    for shape in [ [ 4L; 4L ]; [ 4L; 2L; 2L ]; [ 3L; 4L ] ] do
                        use _ = torch.NewDisposeScope()

                        match
                            Parametrization.start value (normalOn Case.device torch.ScalarType.Float64 5UL shape)
                        with
                        | Error _ -> ()
                        | Ok start ->
                            let moved =
                                [
                                    for leaf in start.Parameters ->
                                        normalOn Case.device torch.ScalarType.Float64 6UL (List.ofArray leaf.shape)
                                ]

                            let parts = Parametrization.ofTensorsLike start moved start.Buffers value

                            match Dimension.tryOf value parts with
                            | Some dimension ->
                                let rank = Dimensions.rank (Dimensions.jacobian value parts)
                                Expect.equal dimension rank $"{value} of {shape}"
                            | None -> ())

let tests: Test =
    testList
        "views"
        [
            for view in views do
                undone view
            for view in ("no view", id) :: List.truncate 4 views do
                dimensions view
        ]
