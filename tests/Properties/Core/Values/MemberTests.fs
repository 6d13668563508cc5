/// Members of a batch that have nothing in common: each is projected, started and undone as it is by itself.
module Properties.Core.Values.MemberTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

/// Zeros, ones, what is on the edge of a set, what is far from it, and the identity, beside tensors of the set.
let private members (subject: Subject) (case: Case) : torch.Tensor list =
    let ones = torch.ones (case.Shape, dtype = case.Dtype, device = case.Device)
    let any = Case.unit 3UL case

    [
        torch.zeros_like ones
        any
        Subject.sample 2UL subject case
        Parametrization.project subject.Value any
        ones
        -ones
        any * 100.0.ToScalar()
        if Array.length case.Shape = 2 then
            torch.eye (case.Shape[0], case.Shape[1], dtype = case.Dtype, device = case.Device)
        Subject.sample 4UL subject case
    ]

/// A sum of many zeros may be some of the smallest numbers.
let private slack (subject: Subject) (case: Case) (tensor: torch.Tensor) : float =
    Subject.slack subject case tensor + 64.0 * Form.smallest case.Dtype

/// The projection of a batch is as far from each member as the projection of the member alone. The two may differ if there are
/// several nearest tensors, or if rounding decides what a retraction finds.
let private isAsNear (subject: Subject) (case: Case) (members: torch.Tensor list) : unit =
    let batch = Parametrization.project subject.Value (torch.stack (List.toArray members))
    Expect.isOk (Parametrization.contains subject.Value batch) $"{case}: a projected batch"

    for place, (member', found) in List.indexed (List.zip members (List.ofArray (batch.unbind 0))) do
        let alone = Parametrization.project subject.Value member'
        let far (tensor: torch.Tensor) = ((tensor - member').abs().norm()).``to``(torch.float64).item<float>()
        let rounding = max (slack subject case alone) (slack subject case member')
        let apart, allowed = abs (far found - far alone), 8.0 * rounding

        if apart > allowed then
            let spread = member' |> Rounding.spread (Parametrization.project subject.Value >> far)
            Expect.isLessThanOrEqual apart (allowed + spread) $"{subject.Name}, {case}: projected, member {place}"

/// The members that a batch has to have, whatever the others become.
let private haveMembers
    (subject: Subject)
    (case: Case)
    (what: string)
    (found: torch.Tensor)
    (expected: torch.Tensor option list)
    =
    for place, member' in List.indexed expected do
        match member' with
        | Some expected ->
            let allowed = slack subject case expected
            let apart = Measures.apart found[int64 place] expected
            Expect.isLessThanOrEqual apart allowed $"{subject.Name}, {case}: {what}, member {place}"
        | None -> ()

let private haveNothingInCommon (subject: Subject) (dtype: torch.ScalarType) (seed: int) : unit =
    use _ = torch.NewDisposeScope()
    let value = subject.Value
    let shape = (subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(uint64 seed, 1UL)) 10 1)[0]

    let case =
        {
            Shape = shape
            Dtype = dtype
            Scale = 1.0
            Seed = uint64 seed
            Device = Case.device
        }

    let members = members subject case
    isAsNear subject case members

    // Those inside stay, beside others that are on the edge, or outside.
    let kept (tensor: torch.Tensor) =
        match Parametrization.start value tensor with
        | Ok parts ->
            let started = Parametrization.forward value parts
            let isKept = Measures.apart started tensor <= Subject.slack subject case tensor
            if isKept then Some tensor else None
        | Error error -> failtest $"{subject.Name}, {case}: {error}"

    match Parametrization.start value (torch.stack (List.toArray members)) with
    | Ok parts -> members |> List.map kept |> haveMembers subject case "started" (Parametrization.forward value parts)
    | Error error -> failtest $"{subject.Name}, {case}: {error}"

    if Parametrization.parameterCount value = 1 && List.isEmpty (Parametrization.bufferNames value) then
        let own = members |> List.map (Parametrization.project value)

        match Parametrization.tryUndo value (torch.stack (List.toArray own)) with
        | Some undone -> own |> List.map Some |> haveMembers subject case "undone" (Parametrization.apply value undone)
        | None -> ()

let tests: Test =
    testList
        "unlike members of a batch"
        [
            for subject in Generators.Subjects.all do
                if Subject.isBatched subject then
                    testCase subject.Name (fun () ->
                        for dtype in subject.Dtypes do
                            if not (Form.isHalf dtype) then
                                for seed in 1..3 do
                                    haveNothingInCommon subject dtype seed)
        ]
