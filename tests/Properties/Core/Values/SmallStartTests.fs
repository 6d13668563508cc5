/// What is registered so close to an edge, or so far outside, that it has to move starts where it can be trained.
module Properties.Core.SmallStartTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private float64 = torch.ScalarType.Float64

let private eye: unit -> torch.Tensor = fun () -> torch.eye (3L, dtype = float64)

let private full (number: float) : torch.Tensor = torch.full ([| 3L; 3L |], number.ToScalar(), dtype = float64)

/// At which rate a step goes as far as in a tensor of one's own.
let private rate = 0.1

let private start (value: Parametrization) (tensor: torch.Tensor) : Parts =
    match Parametrization.start value tensor with
    | Ok parts -> parts
    | Error error -> failtest $"{error}"

/// The largest distance to the target after 2,000 steps, or when it was reached.
let private trained (value: Parametrization) (parts: Parts) (target: torch.Tensor) : float =
    let leaves = Array.ofSeq parts.Parameters

    let rec go (count: int) : float =
        use _ = torch.NewDisposeScope()
        let distance = Parametrization.forward value parts - target
        let largest = Measures.largest distance

        if count = 0 || largest <= 1e-3 then
            largest
        else
            let loss = (distance * distance.conj ()).real.sum() / 2.0.ToScalar()

            for leaf, gradient in Seq.zip leaves (torch.autograd.grad ([| loss |], leaves)) do
                use _ = torch.no_grad ()
                leaf.sub_ (gradient * rate.ToScalar()) |> ignore

            go (count - 1)

    go 2000

let private positiveTarget () =
    (Case.normalOf
        [| 3L; 3L |]
        1.0
        2UL
        {
            Shape = [| 3L; 3L |]
            Dtype = float64
            Scale = 1.0
            Seed = 1UL
            Device = torch.CPU
        })
        .tanh()
    / 2.0.ToScalar()
    + 1.0.ToScalar()

let private definiteTarget () = eye () + full 0.3

let private sizes = [ 1e-300; 1e-30; 1e-8; 1e-4; 1e-2; 0.3 ]

let private entrywise: (Parametrization * float) list =
    [
        positive, 0.0
        positiveBy PositiveMap.Exp, 0.0
        positiveBy PositiveMap.Square, 0.0
        bounded 0.0 3.0, 0.0
        bounded 0.1 infinity, 0.1
        symmetric >>> positive, 0.0
        positive >>> scale 2.0, 0.0
    ]

let private definite: Parametrization list =
    [ spd; spdAbove 0.1; matrixExponential; symmetric >>> matrixExponential ]

let private trains (value: Parametrization) (what: string) (tensor: torch.Tensor) (target: torch.Tensor) : unit =
    use parts = start value tensor
    Expect.isLessThanOrEqual (trained value parts target) 1e-3 $"{value} from {what}: the distance to the target"

let tests: Test =
    testList
        "small starts"
        [
            for value, edge in entrywise do
                testCase $"{value} trains from whatever had to move" (fun () ->
                    use _ = torch.NewDisposeScope()
                    let target = positiveTarget ()
                    let target = if value = (symmetric >>> positive) then (target + target.mT) / 2.0 else target

                    for size in sizes do
                        trains value $"{-size}" (full (edge - size)) target
                        // Beside entries that are allowed.
                        trains value $"{-size} on the diagonal" (full edge + full 0.5 - eye () * (0.5 + size)) target)
            for value in definite do
                testCase $"{value} trains from whatever had to move" (fun () ->
                    use _ = torch.NewDisposeScope()

                    for size in sizes do
                        trains value $"{-size} I" (eye () * -size) (definiteTarget ())
                        trains value $"rank one, {size}" (full size) (definiteTarget ()))
            testCase "invertible trains from whatever had to move" (fun () ->
                use _ = torch.NewDisposeScope()

                for size in [ 1e-300; 1e-30; 1e-8; 1e-4; 1e-2; 0.3 ] do
                    use parts = start invertible (eye () * -size)
                    use now = (Parametrization.forward invertible parts).detach()
                    // Permutation and signs stay.
                    let target = now.sign () * 0.5.ToScalar()

                    Expect.isLessThanOrEqual
                        (trained invertible parts target)
                        1e-3
                        $"from {-size} I: the distance to the target")
            testCase "what is allowed stays, however small" (fun () ->
                use _ = torch.NewDisposeScope()

                for size in [ 1e-30; 1e-8; 1e-4 ] do
                    let kept (value: Parametrization) (tensor: torch.Tensor) =
                        use parts = start value tensor
                        let back = Parametrization.forward value parts
                        let apart = Measures.apart (back / size.ToScalar()) (tensor / size.ToScalar())
                        Expect.isLessThan apart 1e-11 $"{value} at {size}"

                    for value in [ positive; positiveBy PositiveMap.Exp; positiveBy PositiveMap.Square ] do
                        kept value (full size)

                    for value in [ spd; matrixExponential; symmetric >>> matrixExponential ] do
                        kept value (eye () * size)

                // In a batch with a matrix that has to move.
                let inside = torch.diag_embed (torch.tensor ([| 1.0; 0.01; 2.0 |], dtype = float64))
                let batch = torch.stack [| inside; -(eye ()) |]

                for value in [ spd; matrixExponential; symmetric >>> matrixExponential ] do
                    use parts = start value batch
                    let back = Parametrization.forward value parts
                    Expect.isLessThan (Measures.apart (back[0L]) inside) 1e-13 $"{value}, the allowed one of a batch")
        ]
