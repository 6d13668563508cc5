/// Which tensors of a batch touch an open edge: those that would by themselves, and those whose views would.
module Properties.Core.Values.OpenEdgeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private wide = torch.ScalarType.Float64

/// Values of entries and of vectors, what takes random numbers inside, and what takes a tensor to the edge.
let private values: (Parametrization * (torch.Tensor -> torch.Tensor) * (torch.Tensor -> unit)) list =
    let zero (x: torch.Tensor) = x.zero_ () |> ignore
    let along (x: torch.Tensor) = x.cumsum -1L

    [
        positive, _.abs().add(1.0.ToScalar()), zero
        bounded 0.0 30.0, _.abs().add(1.0.ToScalar()), zero
        positive >>> scale 2.0, _.abs().add(1.0.ToScalar()), zero
        positive >>> scale -0.5, _.abs().neg().sub(1.0.ToScalar()), zero
        ordered, (fun x -> along (x.abs().add(1.0.ToScalar()))), zero
        ordered >>> scale 2.0, (fun x -> along (x.abs().add(1.0.ToScalar()))), zero
        positiveOrdered, (fun x -> along (x.abs().add(1.0.ToScalar()))), zero
    ]

let private flags (value: Parametrization) (batch: torch.Tensor) : bool list =
    match Traits.isOnOpenEdge value batch with
    | null -> failtest $"{value}: not known"
    | found ->
        Expect.equal found.shape [| batch.shape[0] |] $"{value} of {Form.Shown batch.shape}: one for each"
        List.ofArray (Tensors.toArray<bool> found)

/// Every second of the batch on the edge, in the last of its vectors.
let private touched (inside: torch.Tensor -> torch.Tensor) edge (shape: int64[]) : torch.Tensor * bool list =
    let batch = inside (normalOn Case.device wide 2UL (List.ofArray shape)) |> _.clone()
    let touches = [ for index in 0L .. shape[0] - 1L -> index % 2L = 1L ]

    for index, touches in List.indexed touches do
        if touches then
            let mutable last = batch[int64 index]

            while last.dim () > 1L do
                last <- last[last.shape[0] - 1L]

            edge last

    batch, touches

/// In the shape in which the value sees it, and from there.
let private views
    : (string * (Parametrization -> Parametrization) * (torch.Tensor -> torch.Tensor) * int64 list list) list =
    let shapes = [ [ 5L; 3L ]; [ 5L; 2L; 3L ]; [ 3L; 3L; 3L ]; [ 4L; 2L; 2L; 3L ] ]

    [
        "as it is", id, id, shapes
        "transposed", transposed, (fun (x: torch.Tensor) -> if x.dim () < 3L then x else x.mT), shapes
        "on kernels",
        onKernel,
        (fun x -> x.reshape (x.shape[0], x.shape[1], 2L, -1L)),
        [ [ 5L; 3L; 4L ]; [ 3L; 2L; 6L ] ]
    ]

let tests: Test =
    testList
        "open edges"
        [
            for name, view, back, shapes in views do
                testCase name (fun () ->
                    for value, inside, edge in values do
                        for shape in shapes do
                            use _ = torch.NewDisposeScope()
                            let batch, expected = touched inside edge (List.toArray shape)
                            Expect.equal (flags value batch) expected $"{value} of {shape}"
                            Expect.equal (flags (view value) (back batch)) expected $"{value} of {shape}, {name}")
        ]
