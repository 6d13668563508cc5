/// What checking and composing cost: nothing is printed to check, and chains cost by their length.
module Properties.Core.EffortTests

open System
open System.Diagnostics
open Expecto
open Parametrize
open Parametrize.Values
open TorchSharp

/// Counts how often its description is made.
type private Watched(counter: int ref) =
    inherit Node()

    override _.Code =
        counter.Value <- counter.Value + 1
        Code.name "watched"

    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = inputs[0] * (2.0).ToScalar()
    override _.Contains(_, _, _) = Ok()

    override _.Invert(_, tensor, _, _) = Ok { Inputs = [| tensor / (2.0).ToScalar() |]; Buffers = [||] }

let private ok (result: Result<Parts, ParametrizationError>) : Parts =
    match result with
    | Ok parts -> parts
    | Error error -> failtest $"{error}"

let private printing: Test =
    testCase "checks make no descriptions" (fun () ->
        use _ = torch.NewDisposeScope()
        let counter = ref 0
        let value = Parametrization.ofNode (Watched counter) >>> scale 2.0
        let tensor = torch.ones (3L, 3L)
        let parts = ok (Parametrization.start value tensor)
        counter.Value <- 0
        Expect.isOk (Parametrization.contains value tensor) "contains"
        Expect.isOk (Parametrization.admits value parts tensor) "admits"
        ok (Parametrization.initialize value tensor) |> ignore
        ok (Parametrization.rightInverse value parts tensor) |> ignore
        Parametrization.forward value parts |> ignore
        Parametrization.form value parts |> ignore
        Expect.equal counter.Value 0 "descriptions")

/// A mask of so many entries is 700 kB as text.
let private masks: Test =
    testCase "assigning behind a large mask allocates no text of it" (fun () ->
        use _ = torch.NewDisposeScope()
        let size = 2048L
        let mask = Mask.OfArray([| size; size |], Array.init (int (size * size)) (fun entry -> entry % 3 <> 1))
        let value = pruned (Pruning.Custom mask)
        let parts = ok (Parametrization.start value (torch.randn (size, size)))
        let tensor = (Parametrization.forward value parts).detach()
        ok (Parametrization.rightInverse value parts tensor) |> ignore
        let before = GC.GetAllocatedBytesForCurrentThread()
        let clock = Stopwatch.StartNew()
        ok (Parametrization.rightInverse value parts tensor) |> ignore
        printfn $"an assignment behind a mask of 2048 x 2048: {clock.ElapsedMilliseconds} ms"
        Expect.isLessThan (GC.GetAllocatedBytesForCurrentThread() - before) 200_000L "bytes")

/// The bytes that composing a chain of so many nodes and registering a tensor with it allocate. They are counted, not timed: each
/// look at a node allocates.
let private allocated (node: int -> Parametrization) (count: int) : float =
    let before = GC.GetAllocatedBytesForCurrentThread()
    use _ = torch.NewDisposeScope()
    let value = List.init count node |> List.reduce (>>>)
    ok (Parametrization.start value (torch.eye 3L)) |> ignore
    float (GC.GetAllocatedBytesForCurrentThread() - before)

let private lengths: Test =
    testCase "chains cost by their length" (fun () ->
        for name, node in
            [
                "scale and shift", (fun index -> if index % 2 = 0 then scale 1.01 else shift 0.5)
                "symmetric and scale", (fun index -> if index % 2 = 0 then symmetric else scale 1.01)
                "of transposes", (fun _ -> transposed (scale 1.01))
                "on kernels", (fun _ -> onKernel (scale 1.01))
            ] do
            allocated node 10 |> ignore
            let short, long = allocated node 100, allocated node 300
            printfn $"{name}: 100 nodes {short / 1e6:f2} MB, 300 nodes {long / 1e6:f2} MB"
            // Three times as much, nine times where something is looked at again for each node.
            Expect.isLessThan (long / short) 4.0 $"{name}: {short} bytes for 100 nodes, {long} for 300")

let tests: Test = testList "effort" [ printing; masks; lengths ]
