/// Going back: right inverses and what moves the parts without moving the tensor.
module internal Parametrize.Laws.Inverses

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private comesBack
    (what: string)
    (subject: Subject)
    (case: Case)
    (parts: Result<Parts, _>)
    (tensor: torch.Tensor)
    : Faults =
    ok what parts (fun parts ->
        near what (Subject.slack subject case tensor) tensor (Parametrization.forward subject.Value parts))

let private isRightInverse (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let sample = Subject.sample 2UL subject case
    let projected = Parametrization.project value (Case.normal 5UL case)

    comesBack "sample" subject case (Parametrization.initialize value sample) sample
    @ comesBack "projection" subject case (Parametrization.initialize value projected) projected
    @ ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        match Parametrization.admits value parts sample with
        | Ok() -> comesBack "parts in use" subject case (Parametrization.rightInverse value parts sample) sample
        | Error _ -> [])

/// What counts as allowed because rounding may have moved it so far. Its parts can be saved, and are the same when loaded.
let private isRightInverseNearby (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let sample = Subject.sample 2UL subject case
    let roundoff = Form.epsilon case.Dtype * largest sample

    [
        for size in [ 10.0 * 2.0 ** float (case.Seed % 8UL); 1e4 ] do
            let moved = sample + Case.unit (7UL + uint64 size) case * (size * roundoff)

            if succeeds (Parametrization.contains value moved) then
                let parts = Parametrization.initialize value moved
                yield! comesBack $"{size} units off" subject case parts moved

                yield!
                    ok $"{size} units off" parts (fun parts ->
                        let misfits = Parametrization.misfits value (Form.epsilon case.Dtype) parts
                        fault (not misfits.IsEmpty) $"{size} units off, the parts would not be loaded: {misfits}")
    ]

let private isLeftInverse (subject: Subject) (case: Case) : Faults =
    match subject.Reads with
    | None -> []
    | Some reads ->
        ok "parts" (Subject.parts 1UL subject case) (fun parts ->
            let tensor = Parametrization.forward subject.Value parts

            ok "rightInverse (forward x)" (Parametrization.rightInverse subject.Value parts tensor) (fun back ->
                let before, after = reads parts.Parameters[0], reads back.Parameters[0]
                let allowed = 1e-9 * subject.Accuracy case.Scale * (1.0 + largest before)
                near "rightInverse (forward x) = x" allowed before after))

/// The leaves that a node with a base reads, through views or as they are.
let private readWithBase (value: Parametrization) : int list =
    let program = value.Program

    let rec leaf (register: int) =
        if register < program.LeafCount then
            Some register
        else
            match program.Steps[register - program.LeafCount] with
            | Step.Into(_, source, _)
            | Step.OutOf(_, source) -> leaf source
            | Step.Compute _ -> None

    [
        for step in program.Steps do
            match step with
            | Step.Compute(node, sources, _, _) when Node.hasBase node -> yield! Seq.choose leaf sources
            | _ -> ()
    ]

let private rebaseStays (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let before = Parametrization.forward subject.Value parts

        ok "rebase" (Parametrization.rebase subject.Value parts) (fun moved ->
            let after = Parametrization.forward subject.Value moved

            near "forward (rebase parts) = forward parts" (Subject.slack subject case before) before after
            @ ok "start" (Parametrization.initializeNearest subject.Value before) (fun fresh ->
                readWithBase subject.Value
                |> List.collect (fun leaf ->
                    same
                        $"parameter {leaf} of a base, from that of a new one"
                        fresh.Parameters[leaf]
                        moved.Parameters[leaf]))))

/// What is carried has been rounded: by thousands of moves, or because the model was in single precision before.
let private rebaseMends (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let single =
            if Case.isComplex case then
                torch.ScalarType.ComplexFloat32
            else
                torch.ScalarType.Float32

        let rounded = parts.Buffers |> Seq.map (fun buffer -> (buffer.``to`` single).``to`` buffer.dtype)

        let worn = Parametrization.ofTensorsLike parts parts.Parameters rounded subject.Value

        ok "rebase" (Parametrization.rebase subject.Value worn) (fun moved ->
            isOk
                "contains (forward (rebase parts))"
                (Parametrization.contains subject.Value (Parametrization.forward subject.Value moved))))

/// Values that learn nothing return the parts that they got; the others new buffers beside the same parameters.
let private advanceStays (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let next = Parametrization.advance subject.Value parts

        let kept = Seq.forall2 (fun a b -> obj.ReferenceEquals(a, b)) parts.Parameters next.Parameters

        fault (not kept) "advance replaces a parameter"
        @ fault (not (Subject.learns subject || obj.ReferenceEquals(parts, next))) "advance does something"
        @ fault (parts.Buffers.Count <> next.Buffers.Count) "advance changes the number of buffers")

let laws: Law list =
    [
        law
            "2"
            "forward undoes the right inverse"
            "From what the right inverse finds for an allowed tensor, the map yields that tensor again."
            isRightInverse
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law
            "2g"
            "forward undoes the right inverse of what is nearly inside"
            "What rounding may have moved, so that it counts as allowed, is yielded again up to rounding."
            isRightInverseNearby
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law
            "2b"
            "bijections: right inverse undoes forward"
            "The right inverse finds the very parameter from which a tensor was computed."
            isLeftInverse
        |> onlyFor "the option IsBijective" _.Reads.IsSome
        |> onlyFor "double precision" Subject.hasDoubles
        |> on Subject.smoothCases
        law
            "2c"
            "rebase keeps the tensor"
            "Moving what is carried to the present point leaves the tensor as it is."
            rebaseStays
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law
            "2d"
            "rebase puts right what rounding has left"
            "After what is carried was rounded, moving it to the present point leads back into the space."
            rebaseMends
        |> onlyFor "a right inverse" Subject.hasRightInverse
        |> onlyFor "parts that do not learn" (Subject.learns >> not)
        |> onlyFor "double precision" Subject.hasDoubles
        |> on Subject.smoothCases
        law
            "2e"
            "advance moves nothing but what is learnt"
            "A training step without gradients moves what is learnt, and nothing else."
            advanceStays
    ]
