/// Tensors by each entry or vector, written apart from the library.
module internal Properties.Core.Formulas.EntriesFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

/// Each entry is the one before it and a step.
let private added (step: float) (isFirstFree: bool) (vector: T) : T =
    let steps = vector.unbind 0
    let first = if isFirstFree then steps[0] else softplus steps[0]

    let sums = Seq.scan (fun (sum: T) (x: T) -> sum + softplus x * step.ToScalar()) first (Seq.skip 1 steps)

    torch.stack (Seq.toArray sums)

let all: (string * Formula) list =
    [
        "ordered", (fun parameters _ -> alongVectors (added 2.0 true) parameters.Head)
        "positiveOrdered", (fun parameters _ -> alongVectors (added 1.0 false) parameters.Head)
    ]
