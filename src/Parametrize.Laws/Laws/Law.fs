namespace Parametrize.Laws

open FsCheck
open TorchSharp

/// A statement about every value, tried on random cases.
[<NoComparison; NoEquality>]
type internal Law =
    {
        /// The number in the specification, with a letter where a law has several sentences.
        Number: string
        Name: string
        /// What it says, as a sentence.
        Sentence: string
        /// What a value must have for it, in words.
        Needs: (string * (Subject -> bool)) list
        Cases: Subject -> Gen<Case>
        Faults: Subject -> Case -> Faults
    }

module internal Law =

    let law (number: string) (name: string) (sentence: string) (faults: Subject -> Case -> Faults) : Law =
        {
            Number = number
            Name = name
            Sentence = sentence
            Needs = []
            Cases = Subject.cases
            Faults = faults
        }

    /// The law with one more requirement on values.
    let onlyFor (need: string) (isMet: Subject -> bool) (law: Law) : Law =
        { law with Needs = law.Needs @ [ need, isMet ] }

    /// What the value lacks, so that the law does not apply; None when it does.
    let lacks (law: Law) (subject: Subject) : string option =
        law.Needs |> List.tryFind (fun (_, isMet) -> not (isMet subject)) |> Option.map fst

    let applies (law: Law) (subject: Subject) : bool = (lacks law subject).IsNone

    let on (cases: Subject -> Gen<Case>) (law: Law) : Law = { law with Cases = cases }

    /// What is wrong with one case. Exceptions are faults; tensors do not outlive the case.
    let faults (law: Law) (subject: Subject) (case: Case) : Faults =
        use _ = torch.NewDisposeScope()

        try
            law.Faults subject case
        with error ->
            [ Fault.thrown error ]
