/// Values as functions of data: forward, back, and their volumes.
module Properties.Core.ApplyTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private data (shape: int64[]) : torch.Tensor =
    let drawn =
        torch.randn (
            shape,
            dtype = torch.ScalarType.Float64,
            device = torch.CPU,
            generator = new torch.Generator(3UL, torch.CPU)
        )

    drawn.``to`` Case.device

let private refusal (words: string) (work: unit -> torch.Tensor) : unit =
    Expect.throwsC (fun () -> work () |> ignore) (fun error ->
        Expect.stringContains error.Message words "the message"
        Expect.isTrue (error :? System.ArgumentException) $"{error.GetType()}")

let private test (name: string) (work: unit -> unit) : Test =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        work ())

let tests: Test =
    testList
        "values as functions"
        [
            test "of data, with a number for each of its tensors" (fun () ->
                let x = data [| 4L; 3L; 5L |]
                let value = scale 0.5 >>> simplex

                let struct (w, volumes) = Parametrization.applyWithLogVolumes 1 value x
                let struct (_, ofMatrices) = Parametrization.applyWithLogVolumes 2 value x
                Expect.equal (w.shape, volumes.shape) ([| 4L; 3L; 6L |], [| 4L; 3L |]) "shapes"
                Expect.isLessThan (Measures.apart w (Parametrization.apply value x)) 1e-15 "the tensor"
                Expect.isLessThan (Measures.apart ofMatrices (volumes.sum -1L)) 1e-12 "sums"
                let row = x[1L, 2L]
                let parts = Parametrization.ofTensors [ row ] [] value
                let alone = (Parametrization.logVolume value parts).Value
                Expect.isLessThan (Measures.apart alone volumes[1L, 2L]) 1e-12 "one of them")
            test "through views" (fun () ->
                let x = data [| 2L; 3L; 4L; 5L |]
                let value = onKernel (positive >>> transposed (scale 2.0)) >>> bounded 0.0 infinity
                let struct (w, volumes) = Parametrization.applyWithLogVolumes 0 value x
                Expect.equal volumes.shape x.shape "one for each entry"
                let entry = Parametrization.applyWithLogVolumes 0 (positive >>> scale 2.0 >>> bounded 0.0 infinity)
                let struct (_, expected) = entry x
                Expect.isLessThan (Measures.apart expected volumes) 1e-12 "each"
                Expect.isLessThan (Measures.apart x (Parametrization.undo value w)) 1e-12 "back")
            test "through views, each value whose entries are apart" (fun () ->
                let volumesOf (value: Parametrization) (x: torch.Tensor) : torch.Tensor option =
                    try
                        let struct (_, volumes) = Parametrization.applyWithLogVolumes 0 value x
                        Some volumes
                    with :? System.ArgumentException ->
                        None

                let x = data [| 2L; 3L; 4L |]

                let tried =
                    [
                        for entry in Catalogue.entries do
                            match volumesOf entry.Value x.mT, volumesOf entry.Value x with
                            | Some ofTranspose, Some expected ->
                                let found = (volumesOf (transposed entry.Value) x).Value

                                Expect.isLessThan
                                    (Measures.apart ofTranspose.mT found)
                                    1e-12
                                    $"transposed {entry.Name}"

                                let found = (volumesOf (onKernel entry.Value) x).Value
                                Expect.isLessThan (Measures.apart expected found) 1e-12 $"{entry.Name} on kernels"
                                entry.Name
                            | _ -> ()
                    ]

                Expect.isTrue (Set.isSubset (set [ "positive"; "bounded"; "scale" ]) (set tried)) "values of entries")
            test "that leave data as they are give another tensor" (fun () ->
                let x = data [| 3L |]

                for made in [ Parametrization.apply identity x; Parametrization.undo identity x ] do
                    made.Dispose()

                let struct (same, volumes) = Parametrization.applyWithLogVolumes 1 identity x
                same.Dispose()
                Expect.equal (volumes.item<double>()) 0.0 "the volume"
                Expect.equal (x.numel ()) 3L "it is there")
            test "of 16-bit data have volumes in float32" (fun () ->
                let x = (data [| 3L; 4L |]).``to`` torch.ScalarType.BFloat16
                let struct (w, volumes) = Parametrization.applyWithLogVolumes 1 simplex x
                Expect.equal (w.dtype, volumes.dtype) (torch.ScalarType.BFloat16, torch.ScalarType.Float32) "types"
                Expect.equal (Parametrization.undo simplex w).dtype torch.ScalarType.BFloat16 "back")
            test "have gradients at the ends of their range" (fun () ->
                for value in [ bounded 0.0 1.0; above 0.0; below 1.0; unitInterval ] do
                    let w = (torch.tensor [| 0.0; 0.5; 1.0 |]).``to``(Case.device).requires_grad_ true
                    let back = Parametrization.undo value w
                    let gradient = torch.autograd.grad ([| back.sum () |], [| w |]) |> Seq.head
                    Expect.equal (Tensors.nonFinite gradient + Tensors.nonFinite back) 0L $"{value}")
            test "are refused where they are none" (fun () ->
                let x = data [| 3L; 3L |]
                refusal "one parameter and no buffers" (fun () -> Parametrization.apply toeplitz x)
                refusal "one parameter and no buffers" (fun () -> Parametrization.apply orthogonal x)
                refusal "floating-point" (fun () -> Parametrization.apply simplex (x.``to`` torch.ScalarType.Int64))
                refusal "skew is not known to yield" (fun () -> Parametrization.undo skew x)
                refusal "it has 2 parameters" (fun () -> Parametrization.undo toeplitz x)
                refusal "at least 2" (fun () -> Parametrization.undo simplex (x.narrow (-1L, 0L, 1L)))

                let volumes (dimensions: int) (value: Parametrization) () =
                    let struct (w, volumes) = Parametrization.applyWithLogVolumes dimensions value x
                    w.Dispose()
                    volumes

                refusal "Ask for more" (volumes 0 simplex)
                refusal "Ask for more" (volumes 1 (transposed simplex))
                refusal "but it is 3" (volumes 3 simplex)
                refusal "but it is -1" (volumes -1 simplex)
                refusal "not known in closed form" (volumes 1 (sphere 1.0)))
        ]
