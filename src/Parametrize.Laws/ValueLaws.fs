namespace Parametrize.Laws

open System
open System.Collections
open System.Collections.Generic
open System.Runtime.InteropServices
open Parametrize
open TorchSharp

/// The laws of parametrizations on a value of one's own, for C#: a list of those that apply.
[<Sealed>]
type ValueLaws private (options: LawOptions, value: Parametrization, shapes: int64 list list) =

    let laws = Laws.forWith options value shapes |> List.toArray

    /// The laws that apply to a value, of tensors of these shapes: single problems, where the value takes batches.
    /// `cases` is the number of random cases of each law. `elementTypes`: default, those that the value accepts. `scales`
    /// are the sizes of the parameters' entries: default, 0.001, 1 and 1000. `accuracy` says how much more rounding than
    /// that of a few products is admitted. `devices`: default, CUDA where there is one. `outside` makes a tensor that has to
    /// be refused from one that is allowed. `again` builds an equal value.
    static member Of
        (
            value: Parametrization,
            shapes: int64[] seq,
            [<Optional; DefaultParameterValue(100)>] cases: int,
            [<Optional; DefaultParameterValue(1)>] seed: int,
            [<Optional>] elementTypes: torch.ScalarType seq | null,
            [<Optional>] scales: float seq | null,
            [<Optional; DefaultParameterValue(1.0)>] accuracy: float,
            [<Optional>] devices: torch.Device seq | null,
            [<Optional>] outside: Func<torch.Tensor, torch.Tensor> | null,
            [<Optional>] isBijective: bool,
            [<Optional>] again: Func<Parametrization> | null
        ) : ValueLaws =
        let list (items: 'a seq | null) : 'a list option = items |> Option.ofObj |> Option.map List.ofSeq

        let options =
            {
                Cases = cases
                Seed = seed
                ElementTypes = list elementTypes
                Scales = list scales |> Option.defaultValue LawOptions.Default.Scales
                Accuracy = accuracy
                Devices = list devices
                Outside = outside |> Option.ofObj |> Option.map (fun made -> made.Invoke)
                IsBijective = isBijective
                Again = again |> Option.ofObj |> Option.map (fun made -> made.Invoke)
            }

        ValueLaws(options, value, shapes |> Seq.map List.ofArray |> List.ofSeq)

    /// How many apply.
    member _.Count: int = laws.Length

    /// The law at this position, from 0.
    member _.Item
        with get (index: int): ValueLaw = laws[index]

    /// Tries every one. Throws LawsBrokenException, which tells of all that are broken.
    member _.Check() : unit = Laws.checkAll value laws

    /// Every law as a sentence, with what is found when it is tried: that it holds, does not apply, or which case breaks it.
    member _.Specification() : string = Laws.specificationWith options value shapes

    interface IReadOnlyList<ValueLaw> with
        member _.Count = laws.Length

        member _.Item
            with get index = laws[index]

        member _.GetEnumerator() : IEnumerator<ValueLaw> = (laws :> seq<ValueLaw>).GetEnumerator()
        member _.GetEnumerator() : IEnumerator = laws.GetEnumerator()
