/// Chains, equality and printing.
module internal Parametrize.Laws.Algebra

open System
open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private entryOf (entries: CatalogueEntry list) (use': int) (case: Case) : CatalogueEntry =
    let random = Random(int case.Seed * 31 + use')
    List.item (random.Next entries.Length) entries

let private anotherOf (use': int) (case: Case) : Parametrization = (entryOf Catalogue.entries use' case).Value

let private associates (subject: Subject) (case: Case) : Faults =
    let a = subject.Value
    let b, c = anotherOf 1 case, anotherOf 2 case

    let fits right left =
        match Parametrization.tryAndThen right left with
        | Ok _ -> true
        | Error _ -> false

    let (>>) left right = left |> Result.bind (Parametrization.tryAndThen right)

    // The value in question in each of the three places.
    [ a, b, c; b, a, c; b, c, a ]
    |> List.collect (fun (x, y, z) ->
        let leftFirst = Ok x >> y >> z

        let rightFirst = (Ok y >> z) |> Result.bind (fun yz -> Parametrization.tryAndThen yz x)

        match leftFirst, rightFirst with
        | Ok left, Ok right -> fault (left <> right) $"({x} >>> {y}) >>> {z} differs from {x} >>> ({y} >>> {z})"
        | Error _, Error _ -> []
        // What stands before y can make it fit before z: `skew >>> spectralNorm >>> cayley`.
        | Ok _, Error _ when not (fits z y) -> []
        | _ -> [ Fault.said $"({x} >>> {y}) >>> {z} is refused one way and accepted the other" ])

let private hasNeutral (subject: Subject) (_: Case) : Faults =
    let value = subject.Value

    fault (Parametrization.andThen value Parametrization.identity <> value) "identity >>> value is not value"
    @ fault (Parametrization.andThen Parametrization.identity value <> value) "value >>> identity is not value"

/// Whether `right` reads tensors of as many dimensions as it yields: a node of a user's own is tried on shapes like its own.
let private isAsked (subject: Subject) (right: Parametrization) (tensor: torch.Tensor) : bool =
    match Parametrization.parameterForms right (Form.ofTensor tensor) with
    | Ok(form :: _) -> Subject.isOfLibrary subject || int64 form.Shape.Length = tensor.dim ()
    | _ -> true

/// `forward (a >>> b) = forward b . forward a`, with the first fitting value at random places of the catalogue as b.
let private composes (subject: Subject) (case: Case) : Faults =
    let tensor = Case.unit 5UL case

    let fitting =
        Seq.init 12 (fun attempt -> anotherOf (10 + attempt) case)
        |> Seq.tryPick (fun right ->
            match Parametrization.tryAndThen right subject.Value with
            | Error _ -> None
            | Ok _ when not (isAsked subject right tensor) -> None
            | Ok chain ->
                match Parametrization.initializeNearest chain tensor with
                | Ok parts -> Some(right, chain, parts)
                | Error _ -> None)

    match fitting with
    | None -> []
    | Some(right, chain, parts) ->
        let count = Parametrization.bufferNames subject.Value |> List.length
        let last = Parametrization.bufferNames right |> List.length
        // Two prunings are one, whose mask is the mask of both.
        let own, next = Seq.take count parts.Buffers, Seq.skip (parts.Buffers.Count - last) parts.Buffers
        // What `right` reads may have another shape than what it yields.
        let shape =
            match Parametrization.parameterForms right (Form.ofTensor tensor) with
            | Ok(form :: _) -> form.Shape
            | _ -> parts.Shape

        // Behind `right` a vector may be viewed as a matrix would be; by itself it may not.
        match Parametrization.parameterForms subject.Value { Form.ofTensor tensor with Shape = shape } with
        | Error _ -> []
        | Ok _ ->
            let first = Parametrization.ofTensorsOfShape shape parts.Parameters own subject.Value
            let between = Parametrization.forward subject.Value first

            let expected =
                Parametrization.forward right (Parametrization.ofTensorsOfShape tensor.shape [ between ] next right)

            let found = Parametrization.forward chain parts
            near $"forward ({chain})" (Subject.slack subject case expected) expected found

/// Equal values print alike and hash alike, and different ones do not print alike.
let private prints (subject: Subject) (case: Case) : Faults =
    let again = subject.Rebuilt()
    let other = entryOf (Catalogue.build ()) 3 case
    let value = subject.Value

    fault (again <> value) "two equal descriptions differ"
    @ fault (hash again <> hash value) "two equal values hash differently"
    @ fault (string again <> string value) "two equal values print differently"
    @ fault ($"%A{value}" <> string value) $"%%A prints {value:A}"
    @ fault
        ((other.Value = value) <> (string other.Value = string value))
        $"{other.Value} and {value}: equal, or alike in print, but not both"

let laws: Law list =
    [
        law "8" "chains associate" "Composition is associative, whatever stands before or behind." associates
        law "8b" "identity disappears" "The identity before or behind a value changes nothing." hasNeutral
        law
            "8c"
            "forward (a >>> b) = forward b . forward a"
            "A chain computes what its values compute one after the other."
            composes
        |> onlyFor "a node" (fun subject -> not (Parametrization.nodes subject.Value).IsEmpty)
        law
            "9"
            "equal values print alike, different ones do not"
            "Equal values print and hash alike, and different ones do not print alike."
            prints
    ]
