/// Nothing leaks, and arguments stay as they are.
module internal Parametrize.Laws.Resources

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private live () : int64 = DisposeScopeManager.Statistics.ThreadTotalLiveCount

/// An operation that returns `tensors` new tensors: what it leaves behind beyond them.
let private leak (what: string) (operation: unit -> torch.Tensor seq) : Faults =
    let before = live ()
    let results = operation () |> Seq.toList
    let leaked = live () - before - int64 results.Length
    let dead = results |> List.exists _.IsInvalid

    for tensor in results do
        tensor.Dispose()

    fault (leaked <> 0L) $"{what} leaves {leaked} tensors behind"
    @ fault dead $"{what} returns a disposed tensor"

let private tensorsOf (result: Result<Parts, ParametrizationError>) : torch.Tensor seq =
    match result with
    | Ok parts -> parts.Tensors
    | Error _ -> Seq.empty

let private nothing (_: 'a) : torch.Tensor seq = Seq.empty

let private attempt (operation: unit -> torch.Tensor) : torch.Tensor seq =
    try
        Seq.singleton (operation ())
    with :? System.ArgumentException ->
        Seq.empty

/// A tensor on which operations succeed or fail, in turn: inside, outside, not finite, of another form.
let private argument (subject: Subject) (case: Case) : string * torch.Tensor =
    let inside = Subject.sample 2UL subject case
    let miss = defaultArg subject.Miss id

    let otherDtype =
        if case.Dtype = torch.ScalarType.Float64 then
            torch.ScalarType.Float32
        else
            torch.ScalarType.Float64

    match case.Seed % 7UL with
    | 0UL -> "a near miss", miss inside
    | 1UL -> "any tensor", Case.normal 4UL case
    | 2UL -> "NaN", inside * nan
    | 3UL -> "another shape", inside.unsqueeze 0L
    | 4UL when not (inside.is_complex ()) -> "another dtype", inside.``to`` otherDtype
    | 5UL -> "integers", inside.real.isfinite().``to`` torch.ScalarType.Int32
    | _ -> "a sample", inside

let private leaksNothing (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let withGradient =
            Parametrization.ofTensorsLike
                parts
                (parts.Parameters |> Seq.map (fun p -> p.clone().requires_grad_ true))
                parts.Buffers
                value

        let created (operation: Parametrization -> Parts -> Parts) () : torch.Tensor seq =
            let next = operation value parts

            next.Tensors
            |> Seq.filter (fun tensor ->
                parts.Tensors |> Seq.forall (fun old -> not (obj.ReferenceEquals(old, tensor))))

        let name, tensor = argument subject case

        leak "forward" (fun () -> Seq.singleton (Parametrization.forward value parts))
        @ leak "forward with gradient" (fun () -> Seq.singleton (Parametrization.forward value withGradient))
        @ leak "advance" (created Parametrization.advance)
        @ leak "mend" (created Parametrization.repair)
        @ leak "misfits" (fun () -> nothing (Parametrization.misfits value 0.0 parts))
        @ leak "rebase" (fun () -> tensorsOf (Parametrization.rebase value parts))
        @ leak "sample" (fun () -> Seq.singleton (Subject.sample 6UL subject case))
        @ leak $"contains of {name}" (fun () -> nothing (Parametrization.contains value tensor))
        @ leak $"admits of {name}" (fun () -> nothing (Parametrization.admits value parts tensor))
        @ leak $"initialize of {name}" (fun () -> tensorsOf (Parametrization.initialize value tensor))
        @ leak $"initializeNearest of {name}" (fun () -> tensorsOf (Parametrization.initializeNearest value tensor))
        @ leak $"rightInverse of {name}" (fun () -> tensorsOf (Parametrization.rightInverse value parts tensor))
        @ leak $"project of {name}" (fun () -> attempt (fun () -> Parametrization.project value tensor)))

/// No operation writes into its arguments, and what is projected or pulled back shares no memory with them.
let private argumentsStay (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let inside = Subject.sample 2UL subject case

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let given = Seq.append [ inside ] parts.Tensors |> Seq.toList
        let copies = given |> List.map _.clone()
        let advanced = Parametrization.advance value parts
        Parametrization.repair value parts |> ignore
        let projected = Parametrization.project value inside

        // With gradients a write into a leaf would be refused by libtorch.
        let evaluate () =
            use _ = torch.no_grad ()
            Parametrization.forward value parts |> ignore

        evaluate ()

        let inverted =
            match case.Seed % 4UL with
            | 0UL -> Parametrization.rebase value parts
            | 1UL -> Parametrization.rightInverse value parts inside
            | 2UL -> Parametrization.initialize value inside
            | _ -> Parametrization.initializeNearest value inside

        let results = Seq.append (tensorsOf inverted) [ projected ]

        // What was not learnt is shared.
        let learnt =
            advanced.Buffers
            |> Seq.filter (fun next -> parts.Buffers |> Seq.forall (fun old -> not (obj.ReferenceEquals(old, next))))
            |> Seq.toList

        for tensor in Seq.append results learnt do
            tensor.detach().zero_() |> ignore

        List.map2 (same "an argument changed") copies given |> List.concat)

let laws: Law list =
    [
        law "10" "nothing leaks" "No operation leaves a tensor behind, whether it succeeds or fails." leaksNothing
        law
            "10b"
            "arguments stay as they are"
            "No operation writes into its arguments, and no result shares memory with them."
            argumentsStay
        |> onlyFor "a right inverse" Subject.hasRightInverse
    ]
