/// Tries a law on random cases, and looks for a simple case that breaks it.
module internal Parametrize.Laws.Running

open System.Text
open FsCheck
open FsCheck.FSharp

type Settings =
    {
        Cases: int
        /// All randomness comes from this number and the names of law and value.
        Seed: int
    }

[<NoComparison; NoEquality>]
type Broken =
    {
        /// The simplest case that was found.
        Case: Case
        Faults: Faults
        /// The random one, from which it was found.
        Drawn: Case
        /// How many cases were drawn until then.
        Tried: int
    }

/// Tries of simpler cases, so that a slow value does not take for ever.
let private mostSimpler = 300

/// What a fault is about, without its numbers: simpler cases have to fail in the same way.
let kind (faults: Faults) : string =
    let isOfNumber (letter: char) = System.Char.IsDigit letter || letter = '-' || letter = '.'

    match faults with
    | [] -> ""
    | { Words = words; Thrown = None } :: _ -> words.Split([| ':' |], 2)[0] |> String.filter (isOfNumber >> not)
    // Shapes and element types differ from case to case.
    | { Thrown = Some error } :: _ ->
        let words = error.Message.Split([| '['; ':'; '\n' |], 2)[0]
        $"{error.GetType().Name} {String.filter (isOfNumber >> not) words}"

let title (law: Law) (subject: Subject) : string = $"{law.Number} {law.Name} / {subject.Name}"

let private seedOf (seed: int) (name: string) : uint64 =
    Encoding.UTF8.GetBytes name
    |> Array.fold (fun state next -> (state ^^^ uint64 next) * 1099511628211UL) (14695981039346656037UL + uint64 seed)

let private silent: IRunner =
    { new IRunner with
        member _.OnStartFixture _ = ()
        member _.OnArguments(_, _, _) = ()
        member _.OnShrink(_, _) = ()
        member _.OnFinished(_, _) = ()
    }

/// How many cases passed, or which one did not.
let run (settings: Settings) (law: Law) (subject: Subject) : Result<int, Broken> =
    let mutable tried = 0
    let mutable simpler = 0
    let mutable broken: Broken option = None

    let holds (case: Case) : bool =
        match broken with
        | None ->
            tried <- tried + 1

            match Law.faults law subject case with
            | [] -> true
            | faults ->
                broken <- Some { Case = case; Faults = faults; Drawn = case; Tried = tried }
                false
        | Some found ->
            simpler <- simpler + 1
            let faults = if simpler > mostSimpler then [] else Law.faults law subject case

            if faults.IsEmpty || kind faults <> kind found.Faults then
                true
            else
                broken <- Some { found with Case = case; Faults = faults }
                false

    let config =
        Config.Quick
            .WithMaxTest(settings.Cases)
            .WithReplay(Some { Rnd = Rnd(seedOf settings.Seed (title law subject), 1UL); Size = None })
            .WithRunner(silent)

    let cases = Arb.fromGenShrink (law.Cases subject, Shrinking.simpler subject)
    Check.One(config, Prop.forAll cases holds)

    match broken with
    | None -> Ok tried
    | Some found -> Error found
