namespace Parametrize

open TorchSharp

/// The tensors of one link: what it reads from the link before it (or from the optimizer), and what it carries.
[<NoComparison; NoEquality>]
type LinkParts = { Inputs: torch.Tensor[]; Buffers: torch.Tensor[] }

/// One map of a chain, and the extension point: derive from it to add a parametrization of your own.
///
/// A link is its description (`Code`, `Key`); it holds no tensors. Its functions get tensors that passed `Requirement`,
/// in float32, float64 or complex (16-bit floats are widened by the caller), and return new ones without changing their
/// arguments. Only `Forward` runs with gradients; what it allocates on the way is disposed by the caller.
[<AbstractClass>]
type Link() =

    /// The link as it is typed, such as `weightNorm 0`. Different links must print differently.
    abstract Code: string

    /// What makes two links of the same class equal. Default: `Code`.
    abstract Key: objnull
    default this.Key = box this.Code

    /// What a tensor must be before its entries are looked at. Default: any real or complex tensor.
    abstract Requirement: Requirement

    default _.Requirement = { Dimensions = 0; Square = false; Complex = true }

    /// A shape in words, when the link could not yield that form for a reason beyond `Requirement`. Default: none.
    abstract Expects: form: Form -> string option
    default _.Expects _ = None

    /// What may stand before this link. Default: nothing but the identity.
    abstract Domain: Domain
    default _.Domain = Domain.free

    /// The set of tensors that `Forward` yields.
    abstract Codomain: Space

    /// How many tensors the link reads. More than one is possible in the first place of a chain only. Default: 1.
    abstract InputCount: int
    default _.InputCount = 1

    /// Names of the carried tensors, in the order in which they are passed. Default: none.
    abstract BufferNames: string list
    default _.BufferNames = []

    /// Whether the link is a trivialization: what it carries is the tensor at which its parameter is zero.
    member internal this.HasBase: bool = List.contains "base" this.BufferNames

    /// Whether dimensions before the last two (or the last one) are a batch of independent problems. Default: true.
    abstract IsBatched: bool
    default _.IsBatched = true

    /// The constrained tensor. Differentiable.
    abstract Forward: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

    /// The result in the 16-bit element type of the caller. Default: rounded. Override it where rounding could leave the
    /// space.
    abstract Narrow: tensor: torch.Tensor * dtype: torch.ScalarType -> torch.Tensor
    default _.Narrow(tensor, dtype) = tensor.``to`` dtype

    /// Whether `Forward` can yield this tensor. `present` holds the buffers in use, or nothing for a new tensor;
    /// `epsilon` is that of the caller's element type.
    abstract Contains: present: torch.Tensor[] * tensor: torch.Tensor * epsilon: float -> Result<unit, Violation>

    /// Parts from which `Forward` yields this tensor; called for tensors that `Contains` accepts. `Error` is a reason.
    /// They are on the tensor's device; a single input is of its element type. Else whoever asked throws
    /// InvalidOperationException.
    abstract RightInverse: present: torch.Tensor[] * tensor: torch.Tensor * epsilon: float -> Result<LinkParts, string>

    /// The nearest allowed tensor, or a retraction; called for tensors that `Contains` refuses.
    abstract Nearest: tensor: torch.Tensor * epsilon: float -> torch.Tensor

    /// Parts from which `Forward` yields the projection of this tensor. Default: the right inverse of `Nearest`.
    /// Override it where unconstrained tensors may stay as they are and be constrained by `Forward`.
    abstract Approximate: tensor: torch.Tensor * epsilon: float -> Result<LinkParts, string>
    default this.Approximate(tensor, epsilon) = this.RightInverse([||], this.Nearest(tensor, epsilon), epsilon)

    /// A random allowed tensor, uniform where the space has a uniform measure. Default: a projected normal tensor.
    abstract Sample: form: Form * generator: (torch.Generator | null) -> torch.Tensor

    default this.Sample(form, generator) = this.Nearest(Form.normal generator form, Form.epsilon form.Dtype)

    /// Whether `Forward` stays in its space with these buffers, which are finite; else the name of one and what is wrong
    /// with it. Default: it does.
    abstract CanCarry: buffers: torch.Tensor[] * epsilon: float -> Result<unit, string * Violation>
    default _.CanCarry(_, _) = Ok()

    /// The nearest buffers that the link can carry, for those that were rounded to a coarser element type; others may
    /// stay as they are, but must not fail. Default: the same.
    abstract Mend: buffers: torch.Tensor[] -> torch.Tensor[]
    default _.Mend buffers = buffers

    /// Whether training moves the buffers. Default: no.
    abstract Learns: bool
    default _.Learns = false

    /// The buffers after one training step, for links that learn them without gradients: new tensors.
    abstract Advance: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor[]
    default _.Advance(_, buffers) = buffers

    /// What this link becomes behind one that yields that space, when it can make use of that. Default: itself.
    abstract Behind: space: Space -> Link
    default this.Behind _ = this

    override this.Equals(other: obj) : bool =
        match other with
        | :? Link as link -> this.GetType() = link.GetType() && this.Key = link.Key
        | _ -> false

    override this.GetHashCode() : int = hash (this.GetType(), this.Key)

    override this.ToString() : string = this.Code

/// A link that becomes one with the next when the next has to know what this one carries, not only what it yields.
[<AbstractClass>]
type internal StackedLink() =
    inherit Link()

    /// One link for this one and the next, if they are of a kind. Associative.
    abstract Absorb: next: Link -> StackedLink option

    /// What the one link carries after the next has come behind this one, which carries `present` and yields `tensor`.
    abstract Continue: next: Link * present: torch.Tensor[] * tensor: torch.Tensor -> Result<torch.Tensor[], string>

[<RequireQualifiedAccess>]
module internal LinkParts =

    let ofInput (input: torch.Tensor) : Result<LinkParts, string> = Ok { Inputs = [| input |]; Buffers = [||] }

    let carrying (input: torch.Tensor) (buffers: torch.Tensor list) : Result<LinkParts, string> =
        Ok { Inputs = [| input |]; Buffers = List.toArray buffers }
