/// The kinds of cases, and how each is compared.
module Properties.Core.Golden.Kinds

open Properties.Core.Golden.Json

/// What a kind compares, or why it does not.
let verdict (kind: string) (case: Node) : Verdict =
    match kind with
    | "orthogonal" -> Verdict.Compared(OrthogonalCases.compare case)
    | "weight_norm" -> Verdict.Compared(WeightNormCases.compare case)
    | "spectral_norm" -> Verdict.Compared(SpectralNormCases.compare case)
    | "l1_unstructured" -> Verdict.Compared(PruningCases.compareOnce case)
    | "l1_unstructured twice" -> Verdict.Compared(PruningCases.compareTwice case)
    | "ln_structured" -> Verdict.Compared(PruningCases.compareChannels case)
    | "ln_structured twice" -> Verdict.Compared(PruningCases.compareChannelsTwice case)
    | "global_l1_unstructured" -> Verdict.Compared(PruningCases.compareGlobal case)
    | "model" -> Verdict.Compared(ModelCases.compare case)
    | other -> Verdict.Unreadable $"unknown kind '{other}'"
