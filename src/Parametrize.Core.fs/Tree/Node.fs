namespace Parametrize

open TorchSharp

/// The role of a buffer in its node.
[<RequireQualifiedAccess>]
type BufferRole =
    /// The tensor from which the map starts: the parameters describe a step away from it. Assigning a tensor makes that tensor
    /// the base.
    | Base
    /// Ones where entries stay, else zeros.
    | Mask
    /// Updated by training steps without gradients.
    | Learned
    /// Anything else.
    | Constant

/// A tensor of a node that is not a parameter, so no optimizer trains it.
[<NoComparison; NoEquality>]
type Buffer =
    {
        /// The name of the buffer. In the state, the position of the node stands before it: `0.base`.
        Name: string
        /// Its role in the node.
        Role: BufferRole
        /// The form of the buffer, given the form of the node's output.
        FormFor: Form -> Form
    }

/// The tensors of one node: its inputs and its buffers.
[<NoComparison; NoEquality>]
type NodeParts =
    {
        /// One for each tensor that `Forward` reads.
        Inputs: torch.Tensor[]
        /// One for each of `Node.Buffers`.
        Buffers: torch.Tensor[]
    }

/// The requirement for parts that a node finds for a tensor.
[<RequireQualifiedAccess>]
type Want =
    /// `Forward` yields the tensor, which `Contains` accepts.
    | Exact
    /// `Forward` yields the nearest tensor that is allowed, or a retraction to one.
    | Nearest
    /// Like `Nearest`, but no entry starts where the derivative of the map is zero, such as on the boundary of an open set.
    | Start

/// One map of a value, and the extension point: derive from it to add a parametrization of your own.
///
/// A node is its description (`Code`); it holds no tensors. Its functions get tensors of the forms that `Inputs` and
/// `Buffers` say, in float32, float64 or complex (16-bit floats are widened by the caller), and return new ones without
/// changing their arguments. Only `Forward` runs with gradients; what it allocates on the way is disposed by the caller.
/// A node can do more by implementing the interfaces of `Capabilities.fs`.
[<AbstractClass>]
type Node() =

    /// The code of the node, such as `weightNorm 0`. Nodes of one class are equal when their codes are equal.
    abstract Code: Code

    /// The forms of the inputs for an output of that form, one for each domain; an error for forms that the node cannot yield.
    /// Default: the same form, floating-point or complex.
    abstract Inputs: output: Form -> Result<Form list, ParametrizationError>

    default this.Inputs output =
        match Form.fault Requirement.entries output with
        | Some error -> Error(error (FSharpText.ofCode this.Code))
        | None -> Ok(List.replicate this.Domains.Length output)

    /// The form of the output for inputs of these forms. Default: that of the last input.
    abstract Output: inputs: Form list -> Form
    default _.Output inputs = List.last inputs

    /// The buffers, in the order in which they are passed. Default: none.
    abstract Buffers: Buffer list
    default _.Buffers = []

    /// The spaces that may stand before each input. Default: one input, which has to be unconstrained.
    abstract Domains: Domain list
    default _.Domains = [ Domain.free ]

    /// The set of outputs for inputs from these spaces.
    abstract Codomain: before: Space list -> Space

    /// Whether dimensions before the last two (or the last one) are a batch of independent problems. Default: true.
    abstract IsBatched: bool
    default _.IsBatched = true

    /// Whether every allowed tensor has parts. Default: true. Without a right inverse, tensors can be registered but not assigned,
    /// and `Contains` and `Invert` are called only to find the starting parts of a new tensor.
    abstract HasRightInverse: bool
    default _.HasRightInverse = true

    /// The constrained tensor. Differentiable.
    abstract Forward: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

    /// Whether `Forward` can yield this tensor. `present` holds the buffers in use, or nothing for a new tensor;
    /// `epsilon` is that of the caller's element type.
    abstract Contains: present: torch.Tensor[] * tensor: torch.Tensor * epsilon: float -> Result<unit, Violation>

    /// Parts for this tensor that satisfy `want`; `Error` has a reason. For `Exact`, `present` has the buffers in use, if there are
    /// any.
    abstract Invert:
        present: torch.Tensor[] * tensor: torch.Tensor * epsilon: float * want: Want -> Result<NodeParts, string>

    override this.Equals(other: obj) : bool =
        match other with
        | :? Node as node -> obj.ReferenceEquals(this, node) || this.GetType() = node.GetType() && this.Code = node.Code
        | _ -> false

    override this.GetHashCode() : int = hash (this.GetType())

    override this.ToString() : string = FSharpText.ofCode this.Code

/// Makes the results of `Node.Invert`.
[<RequireQualifiedAccess>]
module NodeParts =

    /// The input of a node without buffers.
    let ofInput (input: torch.Tensor) : Result<NodeParts, string> = Ok { Inputs = [| input |]; Buffers = [||] }

    /// The input of a node, and its buffers.
    let carrying (input: torch.Tensor) (buffers: torch.Tensor list) : Result<NodeParts, string> =
        Ok { Inputs = [| input |]; Buffers = List.toArray buffers }
