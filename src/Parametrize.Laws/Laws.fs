namespace Parametrize.Laws

open Parametrize

/// Tries the laws of parametrizations on a value of one's own, with tensors of given shapes. If the value takes batches, these
/// are shapes of single problems.
[<RequireQualifiedAccess>]
module Laws =

    let private all (options: LawOptions) (value: Parametrization) (shapes: int64 list list) : ValueLaw list =
        let subject = Own.subject options value (shapes |> List.map List.toArray)
        let settings: Running.Settings = { Cases = options.Cases; Seed = options.Seed }
        Suite.laws |> List.map (fun law -> ValueLaw(law, subject, settings))

    /// The laws that apply, to be tried one by one: `testList "mine" [ for law in laws do testCase law.Name law.Check ]`.
    let forWith (options: LawOptions) (value: Parametrization) (shapes: int64 list list) : ValueLaw list =
        all options value shapes |> List.filter _.Applies

    /// The same with the default options.
    let ``for`` (value: Parametrization) (shapes: int64 list list) : ValueLaw list =
        forWith LawOptions.Default value shapes

    let internal checkAll (value: Parametrization) (laws: ValueLaw seq) : unit =
        let broken =
            [
                for law in laws do
                    match law.Verdict() with
                    | Verdict.IsBroken error -> error
                    | _ -> ()
            ]

        if not broken.IsEmpty then
            raise (LawsBrokenException(value, broken))

    /// Tries every law that applies. Throws LawsBrokenException, which tells of all that are broken.
    let checkWith (options: LawOptions) (value: Parametrization) (shapes: int64 list list) : unit =
        forWith options value shapes |> checkAll value

    /// The same with the default options.
    let check (value: Parametrization) (shapes: int64 list list) : unit = checkWith LawOptions.Default value shapes

    let private line (law: ValueLaw) : string =
        match law.Verdict() with
        | Verdict.Holds cases -> $"{law.Sentence}\n    holds in {cases} cases"
        | Verdict.DoesNotApply lacks -> $"{law.Sentence}\n    does not apply: it needs {lacks}"
        | Verdict.IsBroken error ->
            let faults = String.concat "\n    " error.Faults
            $"{law.Sentence}\n    is broken by {error.Case}\n    {faults}"

    /// Every law as a sentence, with what is found when it is tried: that it holds, does not apply, or which case breaks it.
    let specificationWith (options: LawOptions) (value: Parametrization) (shapes: int64 list list) : string =
        let lines = all options value shapes |> List.map line |> String.concat "\n"
        $"The laws of {value}:\n{lines}"

    /// The same with the default options.
    let specification (value: Parametrization) (shapes: int64 list list) : string =
        specificationWith LawOptions.Default value shapes
