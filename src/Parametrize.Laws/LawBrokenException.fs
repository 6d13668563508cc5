namespace Parametrize.Laws

open System
open System.Collections.Generic
open Parametrize

module private Message =

    let ofLaw (law: Law) (value: Parametrization) (broken: Running.Broken) (settings: Running.Settings) : string =
        let faults = broken.Faults |> List.map _.Words |> String.concat "\n  "

        let drawn =
            if obj.ReferenceEquals(broken.Case, broken.Drawn) then
                ""
            else
                $"found from {broken.Drawn}, "

        $"{value} breaks the law `{law.Name}`. {law.Sentence}\n  {broken.Case}\n  {faults}\n  \
          {drawn}case {broken.Tried} of {settings.Cases} with seed {settings.Seed}"

    /// Laws that are broken in the same way share one description.
    let ofLaws (value: Parametrization) (broken: (string * string * string) list) : string =
        let ofGroup (group: (string * string * string) list) =
            let others = group |> List.tail |> List.map (fun (name, _, _) -> $"\n  In the same way: `{name}`")
            let (_, _, first) = group.Head
            first + String.concat "" others

        let names = broken |> List.map (fun (name, _, _) -> $"\n- {name}") |> String.concat ""

        let each =
            broken
            |> List.groupBy (fun (_, kind, _) -> kind)
            |> List.map (snd >> ofGroup)
            |> String.concat "\n\n"

        $"{value} breaks {broken.Length} of the laws:{names}\n\n{each}"

/// A value breaks a law.
[<Sealed>]
type LawBrokenException internal (law: Law, value: Parametrization, broken: Running.Broken, settings: Running.Settings)
    =
    inherit Exception(Message.ofLaw law value broken settings, broken.Faults |> List.tryPick _.Thrown |> Option.toObj)

    let residual, limit =
        match broken.Faults |> List.tryPick _.Size with
        | Some(residual, limit) -> residual, limit
        | None -> nan, nan

    /// The name of the law.
    member _.Law: string = law.Name

    /// The same for laws that are broken in the same way.
    member internal _.Kind: string = Running.kind broken.Faults

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
    inherit Exception(Message.ofLaws value (broken |> List.map (fun error -> error.Law, error.Kind, error.Message)))

    /// One for each law that is broken.
    member _.Broken: IReadOnlyList<LawBrokenException> = List.toArray broken :> _
