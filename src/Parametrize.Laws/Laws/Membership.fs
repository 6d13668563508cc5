/// What is allowed: membership, projection, sampling.
module internal Parametrize.Laws.Membership

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private landsInside (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let tensor = Parametrization.forward subject.Value parts
        isOk "contains (forward parts)" (Parametrization.contains subject.Value tensor))

let private agree (what: string) (membership: Result<unit, _>) (inverse: Result<Parts, ParametrizationError>) : Faults =
    match membership, inverse with
    | Ok(), Error error -> [ Fault.said $"{what}: contained, but the right inverse says {error}" ]
    | Error error, Ok _ -> [ Fault.ofError $"{what}: there is a right inverse, but contains says" error ]
    | _ -> []

/// A tensor inside, anywhere, or more or less inside, in turn.
let private perturbed (subject: Subject) (case: Case) : string * torch.Tensor =
    let inside = Subject.sample 2UL subject case

    let noisy (share: float) = $"sample + {share} noise", inside + Case.unit 3UL case * share

    match case.Seed % 6UL with
    | 0UL -> "sample", inside
    | 1UL -> "any tensor", Case.normal 4UL case
    | 2UL -> noisy 1e-12
    | 3UL -> noisy 1e-7
    | 4UL -> noisy 1e-4
    | _ -> noisy 1e-1

/// Membership and the right inverse say the same, with parts in use and without.
let private refusesTogether (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let name, tensor = perturbed subject case

        agree name (Parametrization.contains value tensor) (Parametrization.initialize value tensor)
        @ agree
            $"{name}, parts in use"
            (Parametrization.admits value parts tensor)
            (Parametrization.rightInverse value parts tensor))

let private refusesNearMisses (subject: Subject) (case: Case) : Faults =
    let refused (what: string) (result: Result<'a, ParametrizationError>) =
        match result with
        | Ok _ -> [ Fault.said $"{what} accepts a near miss" ]
        | Error _ -> []

    match subject.Miss with
    | None -> []
    | Some miss ->
        let missed = miss (Subject.sample 2UL subject case)

        refused "contains" (Parametrization.contains subject.Value missed)
        @ refused "initialize" (Parametrization.initialize subject.Value missed)

let private projects (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let projected = Parametrization.project value (Case.normal 5UL case)
    let inside = Subject.sample 2UL subject case

    isOk "contains (project x)" (Parametrization.contains value projected)
    @ same "project (project x) = project x" projected (Parametrization.project value projected)
    @ same "project w = w inside" inside (Parametrization.project value inside)

let private startsAtProjection (subject: Subject) (case: Case) : Faults =
    let tensor = Case.normal 5UL case

    ok "initializeNearest" (Parametrization.initializeNearest subject.Value tensor) (fun parts ->
        let projected = Parametrization.project subject.Value tensor
        let found = Parametrization.forward subject.Value parts
        near "forward (initializeNearest x) = project x" (Subject.slack subject case projected) projected found)

let private samples (subject: Subject) (case: Case) : Faults =
    let sample = Subject.sample 6UL subject case

    isOk "contains sample" (Parametrization.contains subject.Value sample)
    @ same "one seed, one sample" sample (Subject.sample 6UL subject case)

let laws: Law list =
    [
        law
            "1"
            "forward lands inside"
            "Whatever the parameters are, the map yields a tensor that the value contains."
            landsInside
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law "1b" "samples lie inside and repeat" "Random samples are allowed, and one seed draws one sample." samples
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law
            "3"
            "right inverse refuses what contains refuses"
            "The right inverse refuses a tensor exactly when membership does, with parts in use and without."
            refusesTogether
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law "3b" "near misses are refused" "A tensor just outside of the space is refused." refusesNearMisses
        |> onlyFor "a right inverse" Subject.hasRightInverse
        |> onlyFor "the option Outside" _.Miss.IsSome
        law
            "4"
            "project is idempotent, inside, identity inside"
            "Projections are allowed tensors, and allowed tensors stay as they are, bit by bit."
            projects
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law
            "4b"
            "initializeNearest starts at the projection"
            "Parts that are found for any tensor yield its projection."
            startsAtProjection
        |> onlyFor "a right inverse" Subject.hasRightInverse
    ]
