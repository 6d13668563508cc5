namespace Parametrize.Laws

/// What is known of a law after it was tried.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Verdict =
    | Holds of cases: int
    | DoesNotApply of lacks: string
    | IsBroken of LawBrokenException

/// A law about one value: a test case of any framework.
[<Sealed>]
type ValueLaw internal (law: Law, subject: Subject, settings: Running.Settings) =

    member internal _.Verdict() : Verdict =
        match Law.lacks law subject with
        | Some lacks -> Verdict.DoesNotApply lacks
        | None ->
            match Running.run settings law subject with
            | Ok tried -> Verdict.Holds tried
            | Error broken -> Verdict.IsBroken(LawBrokenException(law, subject.Value, broken, settings))

    member internal _.Applies: bool = Law.applies law subject

    /// The name of the law, in a few words.
    member _.Name: string = law.Name

    /// The statement of the law, as a sentence.
    member _.Sentence: string = law.Sentence

    /// Tries the law on random cases. Throws LawBrokenException if a case breaks it. Does nothing if the law does not apply.
    member this.Check() : unit =
        match this.Verdict() with
        | Verdict.Holds _
        | Verdict.DoesNotApply _ -> ()
        | Verdict.IsBroken error -> raise error

    override _.ToString() : string = law.Name
