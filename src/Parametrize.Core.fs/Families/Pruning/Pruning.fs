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
    /// power 0 counts entries other than 0; -infinity takes the smallest modulus. By negative powers, a channel that has a zero has
    /// the norm 0.
    | Ln of amount: Amount * power: float * dimension: int
    /// All but the `keep` entries of largest modulus of each `size` consecutive ones in the last dimension.
    | Groups of keep: int * size: int
    /// A pattern of one's own.
    | Custom of Mask

    /// The entries of smallest modulus until this share of all entries is pruned, those pruned before included.
    [<CompiledName "NewUpTo">]
    static member UpTo(share: float) : Pruning = L1(Amount.UpTo share)

    member internal this.Code: Code =
        match this with
        | Nothing -> Code.Symbol "Pruning.Nothing"
        | Bernoulli(probability, seed) -> Code.Case("Pruning.Bernoulli", [ Code.Float probability; Code.Seed seed ])
        | Random(amount, seed) -> Code.Case("Pruning.Random", [ amount.Code; Code.Seed seed ])
        | RandomStructured(amount, dimension, seed) ->
            Code.Case("Pruning.RandomStructured", [ amount.Code; Code.Integer dimension; Code.Seed seed ])
        | L1(Amount.UpTo share) -> Code.Case("Pruning.UpTo", [ Code.Float share ])
        | L1 amount -> Code.Case("Pruning.L1", [ amount.Code ])
        | Ln(amount, power, dimension) ->
            Code.Case("Pruning.Ln", [ amount.Code; Code.Float power; Code.Integer dimension ])
        | Groups(keep, size) -> Code.Case("Pruning.Groups", [ Code.Integer keep; Code.Integer size ])
        | Custom mask -> Code.Case("Pruning.Custom", [ mask.Code ])

    /// As it is typed, in brackets where needed.
    override this.ToString() : string = FSharpText.ofCode this.Code
