namespace Parametrize.Laws

open System
open System.Collections.Generic
open Parametrize

/// A value breaks a law.
[<Sealed>]
type LawBrokenException
    internal (law: string, sentence: string, value: Parametrization, broken: Running.Broken, settings: Running.Settings)
    =
    inherit
        Exception(
            let faults = broken.Faults |> List.map _.Words |> String.concat "\n  "

            let from =
                if obj.ReferenceEquals(broken.Case, broken.Drawn) then
                    ""
                else
                    $"\n  found from {broken.Drawn}"

            $"{value} breaks the law `{law}`. {sentence}\n  {broken.Case}\n  {faults}{from}, \
              case {broken.Tried} of {settings.Cases} with seed {settings.Seed}"
        )

    let residual, limit =
        match broken.Faults |> List.tryPick _.Size with
        | Some(residual, limit) -> residual, limit
        | None -> nan, nan

    /// The name of the law.
    member _.Law: string = law

    /// The value that breaks it.
    member _.Value: Parametrization = value

    /// The simplest case that was found to break it.
    member _.Case: Case = broken.Case

    /// What is wrong with that case, in words.
    member _.Faults: IReadOnlyList<string> = broken.Faults |> List.map _.Words |> List.toArray :> _

    /// How much something is off; NaN where the fault is not a matter of size.
    member _.Residual: float = residual

    /// How much would have been admitted; NaN where the fault is not a matter of size.
    member _.Limit: float = limit

/// A value breaks some laws.
[<Sealed>]
type LawsBrokenException internal (value: Parametrization, broken: LawBrokenException list) =
    inherit
        Exception(
            let each = broken |> List.map _.Message |> String.concat "\n\n"
            let names = broken |> List.map _.Law |> String.concat "; "
            $"{value} breaks {broken.Length} of the laws: {names}.\n\n{each}"
        )

    /// One for each law that is broken.
    member _.Broken: IReadOnlyList<LawBrokenException> = List.toArray broken :> _
