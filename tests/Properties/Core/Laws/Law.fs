namespace Properties.Core

open FsCheck
open TorchSharp

/// A statement about every value, tried on random cases.
type Law =
    {
        /// The number in the specification, with a letter where a law has several sentences.
        Number: string
        Name: string
        Applies: Subject -> bool
        Cases: Subject -> Gen<Case>
        Faults: Subject -> Case -> Faults
    }

module Law =

    let always (_: Subject) : bool = true

    let law (number: string) (name: string) (faults: Subject -> Case -> Faults) : Law =
        {
            Number = number
            Name = name
            Applies = always
            Cases = Subject.cases
            Faults = faults
        }

    let onlyFor (applies: Subject -> bool) (law: Law) : Law = { law with Applies = applies }

    let on (cases: Subject -> Gen<Case>) (law: Law) : Law = { law with Cases = cases }

    /// What is wrong with one case. Exceptions are faults; tensors do not outlive the case.
    let faults (law: Law) (subject: Subject) (case: Case) : Faults =
        use _ = torch.NewDisposeScope()

        try
            law.Faults subject case
        with error ->
            [ $"{error.GetType().Name}: {error.Message}\n{error.StackTrace}" ]
