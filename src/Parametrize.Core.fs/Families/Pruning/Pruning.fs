namespace Parametrize

/// Which entries `pruned` sets to zero. Amounts are of what is left, unless they are `UpTo`: one pruning behind another
/// prunes a share of what the first has kept.
[<RequireQualifiedAccess>]
type Pruning =
    /// None: what others are stacked on.
    | Nothing
    /// Each entry with this probability, drawn from the seed: the same pattern for the same shape.
    | Bernoulli of probability: float * seed: uint64
    /// Exactly this many entries, drawn from the seed: zeros, when the tensor has as many.
    | Random of amount: Amount * seed: uint64
    /// Exactly this many channels of a dimension, drawn from the seed: zero ones, when the tensor has as many.
    | RandomStructured of amount: Amount * dimension: int * seed: uint64
    /// The entries of smallest modulus when the tensor is first seen.
    | L1 of Amount
    /// The channels of a dimension with the smallest norms, `(sum |x|^power)^(1/power)`, when the tensor is first seen. The
    /// power 0 counts entries other than 0.
    | Ln of amount: Amount * power: float * dimension: int
    /// All but the `keep` entries of largest modulus of each `size` consecutive ones in the last dimension.
    | Groups of keep: int * size: int
    /// A pattern of one's own.
    | Custom of Mask

    /// The entries of smallest modulus until this share of all entries is pruned, those pruned before included.
    [<CompiledName "NewUpTo">]
    static member UpTo(share: float) : Pruning = L1(Amount.UpTo share)

    /// As it is typed, in brackets where needed.
    override this.ToString() : string =
        match this with
        | Nothing -> "Pruning.Nothing"
        | Bernoulli(probability, seed) -> $"(Pruning.Bernoulli({Typed.float probability}, {seed}UL))"
        | Random(amount, seed) -> $"(Pruning.Random({amount}, {seed}UL))"
        | RandomStructured(amount, dimension, seed) -> $"(Pruning.RandomStructured({amount}, {dimension}, {seed}UL))"
        | L1(Amount.UpTo share) -> $"(Pruning.UpTo {Typed.float share})"
        | L1 amount -> $"(Pruning.L1 {amount})"
        | Ln(amount, power, dimension) -> $"(Pruning.Ln({amount}, {Typed.float power}, {dimension}))"
        | Groups(keep, size) -> $"(Pruning.Groups({keep}, {size}))"
        | Custom mask -> $"(Pruning.Custom {mask})"
