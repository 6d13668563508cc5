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
        Applies: Subject -> bool
        Cases: Subject -> Gen<Case>
        Faults: Subject -> Case -> Faults
    }

module internal Law =

    let always (_: Subject) : bool = true

    let law (number: string) (name: string) (sentence: string) (faults: Subject -> Case -> Faults) : Law =
        {
            Number = number
            Name = name
            Sentence = sentence
            Applies = always
            Cases = Subject.cases
            Faults = faults
        }

    /// Under this condition, and those before.
    let onlyFor (applies: Subject -> bool) (law: Law) : Law =
        { law with Applies = fun subject -> law.Applies subject && applies subject }

    let on (cases: Subject -> Gen<Case>) (law: Law) : Law = { law with Cases = cases }

    /// What is wrong with one case. Exceptions are faults; tensors do not outlive the case.
    let faults (law: Law) (subject: Subject) (case: Case) : Faults =
        use _ = torch.NewDisposeScope()

        try
            law.Faults subject case
        with error ->
            [ Fault.thrown error ]
