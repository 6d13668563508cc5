/// Vectors in order: long ones, ties, the ends of the range, and named intervals.
module Properties.Core.Values.OrderedTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private both: Parametrization list = [ ordered; positiveOrdered ]

let private numbers (tensor: torch.Tensor) : float[] = tensor.``to``(float64).contiguous().data<double>().ToArray()

let private vector (entries: float list) : torch.Tensor = torch.tensor (List.toArray entries, dtype = float64)

/// max over i <= k of min over j >= k of the mean of entries i to j.
let private minimax (entries: float[]) : float[] =
    let last = entries.Length - 1

    [|
        for k in 0..last ->
            Seq.max (seq { for i in 0..k -> Seq.min (seq { for j in k..last -> Array.average entries[i..j] }) })
    |]

let private isIsotonic () : unit =
    for seed in 1UL .. 40UL do
        use _ = torch.NewDisposeScope()
        let size = int64 (1UL + seed % 9UL)
        let x = normalOn torch.CPU float64 seed [ 2L; size ]
        // Some equal entries, and some in order.
        let x =
            if seed % 3UL = 0UL then
                x.round ()
            else
                x + torch.arange (size, dtype = float64)

        let rows = (numbers x) |> Array.chunkBySize (int size) |> Array.map minimax

        for value in both do
            let least = if value = ordered then -infinity else 0.0
            let expected = rows |> Array.concat |> Array.map (max least)
            let found = numbers (Parametrization.project value x)
            let distance = Array.map2 (fun a b -> abs (a - b)) expected found |> Array.max
            Expect.isLessThan distance 1e-14 $"{value}, seed {seed}"

let private longOnes () : unit =
    for shape in [ [ 768L; 768L ]; [ 1L; 200_000L ] ] do
        for dtype in [ float32; torch.ScalarType.BFloat16 ] do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(3UL, torch.CPU)
            let form = { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }

            for value in both do
                let sample = Parametrization.sample value form (Some generator)
                Expect.isOk (Parametrization.contains value sample) $"a sample of {value}"
                let parts = orFail (Parametrization.initialize value sample)
                let made = Parametrization.forward value parts
                Expect.isOk (Parametrization.contains value made) $"what {value} yields"
                let allowed = 4.0 * Form.epsilon dtype * Measures.largest sample

                Expect.isLessThanOrEqual
                    (Measures.apart sample made)
                    allowed
                    $"the round trip of {value}, {shape} in {dtype}"

                let noise = normalOn Case.device dtype 5UL shape
                let projected = Parametrization.project value noise
                Expect.isOk (Parametrization.contains value projected) $"a projection to {value}"
                let started = Parametrization.forward value (orFail (Parametrization.start value noise))
                Expect.isLessThan (Measures.largest started) 4.0 $"where {value} starts, {shape} in {dtype}"

let private endsOfTheRange () : unit =
    for dtype in [ float64; float32; torch.ScalarType.Float16; torch.ScalarType.BFloat16 ] do
        use _ = torch.NewDisposeScope()
        let greatest = Form.greatest dtype
        let tensor = (vector [ -greatest; -greatest; greatest; greatest ]).``to`` dtype
        let made = Parametrization.forward ordered (orFail (Parametrization.initialize ordered tensor))

        Expect.isLessThanOrEqual
            (Measures.apart (made / greatest) (tensor / greatest))
            (8.0 * Form.epsilon dtype)
            $"{dtype}"

        let falling = Parametrization.project ordered (-tensor)
        Expect.equal (Tensors.nonFinite falling) 0L $"a projection in {dtype}"

let private saturated () : unit =
    for value in both do
        for size in [ 30.0; 1e3; 1e30; 1e300 ] do
            use _ = torch.NewDisposeScope()
            let x = (vector [ size; -size; size; -size; size ]).requires_grad_ true
            let w = Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)
            Expect.isOk (Parametrization.contains value w) $"{value} of {size}"
            let gradient = (torch.autograd.grad ([| w.sum () |], [| x |]))[0]
            let slopes = [ 5.0; 0.0; 3.0; 0.0; 1.0 ]

            let expected =
                if value = ordered then
                    List.mapi (fun index slope -> if index = 0 then 5.0 else 2.0 * slope) slopes
                else
                    slopes

            Expect.isLessThan (Measures.apart gradient (vector expected)) 1e-11 $"the gradient of {value} at {size}"

let private trainsFromTies () : unit =
    for value in both do
        for start in
            [
                [ 0.0; 0.0; 0.0 ]
                [ 2.0; 2.0; 2.0 ]
                [ 3.0; 2.0; -1.0 ]
                [ -1e-8; -1e-8; -1e-8 ]
                [ -1.0; 0.5; 0.5 ]
            ] do
            use _ = torch.NewDisposeScope()
            let target = vector [ 0.3; 1.0; 2.5 ]
            let parts = orFail (Parametrization.start value (vector start))
            let leaf = Seq.exactlyOne parts.Parameters
            let apart () = Parametrization.forward value parts - target

            for _ in 1..2000 do
                use _ = torch.NewDisposeScope()
                let loss = (apart ()).square().sum() / 2.0.ToScalar()
                let gradient = (torch.autograd.grad ([| loss |], [| leaf |]))[0]
                use _ = torch.no_grad ()
                leaf.sub_ (gradient * 0.1.ToScalar()) |> ignore

            Expect.isLessThan (Measures.largest (apart ())) 1e-3 $"{value} from {start}: the distance to the target"

/// Vectors of a batch that are in order stay, when another has ties.
let private oneWithTies () : unit =
    use _ = torch.NewDisposeScope()
    let batch = torch.stack [| vector [ 1.0; 2.0; 4.0 ]; vector [ 3.0; 3.0; 5.0 ] |]

    for value in both do
        let started = Parametrization.forward value (orFail (Parametrization.start value batch))
        Expect.isLessThan (Measures.apart started[0L] batch[0L]) 1e-14 $"{value}: the one without ties"
        let steps = numbers (started[1L].diff())
        Expect.isGreaterThan (Array.min steps) 0.1 $"{value}: the one with a tie"

let private samples () : unit =
    use _ = torch.NewDisposeScope()
    use generator = new torch.Generator(9UL, torch.CPU)
    let form = { Shape = [| 4000L; 3L |]; Dtype = float64; Device = Case.device }
    let means (value: Parametrization) = numbers ((Parametrization.sample value form (Some generator)).mean [| 0L |])
    // The expected largest of three normal numbers, and of all three moduli together.
    let largest = 1.5 / sqrt Math.PI
    let found = means ordered
    Expect.isLessThan (abs (found[2] - largest)) 0.06 "the largest"
    Expect.isLessThan (abs (found[0] + largest)) 0.06 "the smallest"
    Expect.isLessThan (abs found[1]) 0.06 "the middle"
    Expect.isLessThan (abs (Array.average (means positiveOrdered) - sqrt (2.0 / Math.PI))) 0.05 "moduli"

let private single () : unit =
    use _ = torch.NewDisposeScope()
    Expect.isOk (Parametrization.contains ordered (vector [ -3.0 ])) "any number is in order"
    Expect.isError (Parametrization.contains positiveOrdered (vector [ 0.0 ])) "zero is not positive"
    Expect.equal (Parametrization.project ordered (vector [ -3.0 ])).shape [| 1L |] "a projection"

let private intervals () : unit =
    Expect.equal unitInterval (bounded 0.0 1.0) "unitInterval"
    Expect.equal (string (above 0.5)) "bounded 0.5 infinity" "above"
    Expect.equal (below 2.0) (bounded -infinity 2.0) "below"
    Expect.throwsT<ArgumentException> (fun () -> ignore (above -infinity)) "above everything"
    Expect.throwsT<ArgumentException> (fun () -> ignore (below infinity)) "below everything"

/// More numbers than are put in order at once.
let private manyVectors () : unit =
    use _ = torch.NewDisposeScope()
    let rows = (1L <<< 22) + 2L
    let tensor = torch.arange(4.0.ToScalar(), dtype = float32).expand([| rows; 4L |]).clone()
    tensor[rows - 1L].copy_(torch.tensor [| 4.0f; 3.0f; 2.0f; 1.0f |]) |> ignore
    let last = (Parametrization.project ordered tensor).narrow(0L, rows - 1L, 1L)
    Expect.equal (numbers last) [| 2.5; 2.5; 2.5; 2.5 |] "the last vector"

let tests: Test =
    testList
        "vectors in order"
        [
            testCase "project by isotonic regression" isIsotonic
            testCase "are as long as tensors are" longOnes
            testCase "reach both ends of the range at once" endsOfTheRange
            testCase "have the right gradients where steps are saturated" saturated
            testCase "train from ties" trainsFromTies
            testCase "stay in a batch where others have ties" oneWithTies
            testCase "are drawn as normal numbers in order" samples
            testCase "may have one entry" single
            testCase "start around the mean of ties" (fun () ->
                use _ = torch.NewDisposeScope()

                for entries in [ [ 1.0; 1.0; 1.0 ]; [ 5.0; 3.0; 1.0; 3.0 ] ] do
                    let parts = Parametrization.start ordered (vector entries) |> orFail
                    let started = numbers (Parametrization.forward ordered parts)
                    Expect.floatClose Accuracy.high (Array.average started) (List.average entries) $"{entries}")
            testCase "named intervals are bounded" intervals
            testCase "all of many vectors are put in order" manyVectors
        ]
