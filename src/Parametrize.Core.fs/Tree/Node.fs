namespace Parametrize

open TorchSharp

/// The role of a buffer in its node.
[<RequireQualifiedAccess>]
type BufferRole =
    /// The output for a zero parameter. Assigning a tensor makes that tensor the base.
    | Base
    /// Ones where entries stay, else zeros.
    | Mask
    /// Updated by training steps without gradients.
    | Learned
    | Constant

/// A tensor that a node has beside the parameters, which an optimizer trains.
[<NoComparison; NoEquality>]
type Buffer =
    {
        /// Its name in the state, behind the position of the node: `0.base`.
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
/// A node can do more by implementing the interfaces below.
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

/// A node whose projection needs no right inverse.
type IProjects =
    /// The nearest allowed tensor, or a retraction; called for tensors that `Contains` refuses.
    abstract Nearest: tensor: torch.Tensor * epsilon: float -> torch.Tensor

/// A node that accepts tensors on the boundary of its space, up to rounding, where derivatives are zero.
type IHasEdge =
    /// Whether an allowed tensor touches the boundary. A new value then starts with the parts that `Invert` finds for `Start`;
    /// these do not change entries in the interior.
    abstract TouchesEdge: tensor: torch.Tensor * epsilon: float -> bool

/// A node whose space is open. It accepts tensors on the boundary as rounded members.
type internal IHasOpenEdge =
    /// Which entries, or vectors, of an allowed tensor are on the boundary, where the node has no exact output.
    abstract IsOnEdge: tensor: torch.Tensor -> torch.Tensor

/// A node that draws random allowed tensors. For other nodes, normal tensors are projected.
type ISampled =
    /// Draws a tensor: uniform if the space has a uniform measure. If a generator is given, it is a CPU generator and the form is
    /// on the CPU.
    abstract Sample: form: Form * generator: (torch.Generator | null) -> torch.Tensor

/// A node whose buffers change in training without gradients.
type ILearns =
    /// The buffers after one training step: new tensors.
    abstract Advance: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor[]

/// A node whose learnt buffers depend only on its inputs. `Invert` with `Want.Nearest` returns the buffers to which training would
/// converge. They are computed again after the parameters were changed outside of training.
type IConverges =
    inherit ILearns

/// A node that computes another output in training: it adds noise.
type INoisy =
    /// The output of a training pass, in place of `Forward`. Differentiable.
    abstract ForwardInTraining: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

/// A node that rounds: its map is constant almost everywhere, and its `Forward` lets gradients through as if it were not there, by
/// `input + (rounded - input).detach()`.
type IStraightThrough =
    /// Says which gradient by the only input `Forward` has, given the gradient by the output: the laws compare it with that of
    /// autograd. Nothing else calls it.
    abstract Pass: inputs: torch.Tensor[] * buffers: torch.Tensor[] * gradient: torch.Tensor -> torch.Tensor

/// A node that cannot read some tensors that nodes before it may be bound to yield.
type internal IRefusesInputs =
    /// What is wrong with an input; null where it can be read.
    abstract Refusal: input: torch.Tensor -> string | null

/// A node that detects buffers with which its output would leave the space, and can correct the rounding of buffers.
type IRepairs =
    /// Whether the output of `Forward` stays in the space with these buffers, which are finite. An error has the name of a buffer
    /// and the violation.
    abstract CanCarry: buffers: torch.Tensor[] * epsilon: float -> Result<unit, string * Violation>

    /// The nearest buffers that the node can carry, for those that were rounded to a coarser element type; others may stay
    /// as they are, but must not fail.
    abstract Repair: buffers: torch.Tensor[] -> torch.Tensor[]

/// A node whose buffers are smaller than PyTorch's for the same map, and which can compute with PyTorch's buffers, too.
type ICarriesLess =
    /// The forms of the buffers in PyTorch, given the form of the node's output.
    abstract PyTorchForms: output: Form -> Form list

    /// These buffers in the forms of PyTorch; they may have these forms already.
    abstract InPyTorchForms: buffers: torch.Tensor[] -> torch.Tensor[]

/// A node that puts the entries of its input at other positions, beside zeros, and changes none of them.
[<Interface>]
type IPlacesEntries = interface end

/// A node whose result could leave the space when it is rounded to a 16-bit element type.
type INarrows =
    /// The tensor, rounded to this element type, inside the space.
    abstract Narrow: tensor: torch.Tensor * dtype: torch.ScalarType -> torch.Tensor

/// A node that changes volumes by a factor in closed form.
type IVolume =
    /// `log det (J^T J) / 2` of `Forward`, with J its derivative by all real numbers that it reads: one real number for each
    /// independent problem, in the shape with which that of the result begins. Of entrywise maps that is one for each entry, of
    /// maps of matrices one for each matrix of a batch; one number for the whole tensor will do. Differentiable.
    abstract LogVolume: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

/// A node that can compute several tensors at once, although it is not batched: its inputs are stacked along a new first dimension.
type internal IStacks =
    /// `Forward` of each.
    abstract ForwardStacked: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

    /// `Advance` of each, for a node that learns.
    abstract AdvanceStacked: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor[]

/// The properties of one input of a node.
[<NoComparison; NoEquality>]
type Before =
    {
        /// The form of the input.
        Form: Form
        /// The space in which it lies.
        Space: Space
        /// The dimension of the set of inputs, in real numbers; None when it is not known.
        Dimension: int64 option
        /// Whether the input is a parameter: no node stands before.
        IsLeaf: bool
    }

    /// Whether the inputs are all tensors of that form, or an open set of them.
    member this.IsOpen: bool = this.Dimension = Some(Form.reals this.Form)

    /// Whether the inputs are all tensors of a space, or an open set of it.
    member this.IsOpenIn(space: Space) : bool =
        this.Space.IsWithin space
        && this.Dimension.IsSome
        && this.Dimension = Option.ofNullable (space.Dimension this.Form)

/// A volume measured within the space before the node, not over all real numbers of the input. By default a node measures over an
/// unconstrained input or an open subset.
type IVolumeBehind =
    inherit IVolume

    /// Whether `LogVolume` is the log of the product of the nonzero singular values of the derivative restricted to the space
    /// before, that is, the change of Hausdorff measure (of the Frobenius norm).
    abstract Measures: before: Before list -> bool

/// A node that multiplies all lengths by one number, for every input.
type internal ISimilar =
    abstract LogFactor: float

/// A node that knows the determinants of the square matrices that it yields without a factorization.
type IDeterminant =
    /// `log |det W|` of each matrix of a batch, given a function for that of each input, which has to be square. Differentiable.
    /// Null when it is not known for matrices of that form: it is then computed by a factorization.
    abstract LogAbsDet:
        inputs: torch.Tensor[] * buffers: torch.Tensor[] * ofInput: System.Func<int, torch.Tensor> ->
            torch.Tensor | null

/// Solves `X y = b`, or `X^T y = b`, for the input X at a position.
type internal SolveInput = delegate of position: int * right: torch.Tensor * isTransposed: bool -> torch.Tensor

/// A node that solves linear equations with its inputs.
type internal ISolves =
    /// `W^-1 b`, or `W^-T b`, for columns b. Differentiable. Null where it is not known for matrices of that form.
    abstract Solve:
        inputs: torch.Tensor[] *
        buffers: torch.Tensor[] *
        right: torch.Tensor *
        isTransposed: bool *
        solveInput: SolveInput ->
            torch.Tensor | null

/// A node that maps entry by entry, with a derivative near zero for large entries.
type ISaturates =
    /// The derivative at each entry, as a share of the largest derivative of the map; null for a map without a largest derivative.
    abstract Slopes: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor | null

/// A node that knows the dimension of its codomain also for constrained inputs.
type IDimension =
    /// The dimension of the outputs of that form, given the spaces before and the dimensions of the sets of inputs, which may be
    /// smaller than those of the spaces; None when it is not known.
    abstract Dimension: form: Form * before: (Space * int64 option) list * buffers: torch.Tensor[] -> int64 option

/// A node that reads some spaces only together with others. Its domains are asked of parameters, too.
type internal IRelatesInputs =
    /// The domains of all inputs, given their spaces.
    abstract DomainsBehind: before: Space list -> Domain list

/// A node that computes by another node behind some spaces.
type ISpecialized =
    /// The node to compute with behind these spaces; the node itself when it makes no use of them.
    abstract Behind: before: Space list -> Node

/// A node that can merge with the next one, because the next one needs its buffers.
type IMerges =
    /// The merged node for this one and the next, if they are of the same kind. Associative.
    abstract TryMerge: next: Node -> Node option

    /// The buffers of the merged node when `next` comes behind this one, which has the buffers `present` and yields `tensor`.
    abstract Continue: next: Node * present: torch.Tensor[] * tensor: torch.Tensor -> Result<torch.Tensor[], string>

/// A node whose code contains the codes of the values that it combines.
type ICombines =
    /// Its code, given those of the values that it combines.
    abstract CodeWith: inputs: Code list -> Code

/// A node of several inputs, one of which can take the remainder of a tensor for any values of the others.
type IKeepsInputs =
    /// The position of that input. When a tensor is assigned, the other inputs stay as they are. In a new value, and when no
    /// remainder fits them, they start from the values that `Invert` finds, whether these are allowed or not.
    abstract Rest: int

    /// The remainder: the value of that input, given the present inputs. Null when no value of it gives the tensor.
    abstract RestOf: inputs: torch.Tensor[] * tensor: torch.Tensor -> torch.Tensor | null

/// A node of one input and without buffers that can be inverted on all of its range.
type IBijection =
    /// The input for which `Forward` yields the tensor. Differentiable.
    abstract Back: tensor: torch.Tensor -> torch.Tensor

/// A node of one input and without buffers that is one-to-one.
type IOneToOne =
    /// The input for which `Forward` yields an allowed tensor. Differentiable.
    abstract Undo: tensor: torch.Tensor -> torch.Tensor

/// A node of one input and without buffers that reads only some entries of it, and is one-to-one in these.
type internal IReadsSome =
    /// The input for which `Forward` yields an allowed tensor, with zeros at entries that are not read. Differentiable.
    abstract UndoRead: tensor: torch.Tensor -> torch.Tensor

/// A node that finds its inputs by decomposing the tensor, so that rounding of any entry moves all numbers of an input.
type internal IDecomposes =
    /// The position of the input whose numbers are moved.
    abstract Numbers: int
    /// The longest side of the matrix that was decomposed into these inputs.
    abstract Size: inputs: torch.Tensor[] -> int64
    /// Whether each number may be off by a share of the largest of its vector; else by a share of 1. Either moves the tensor by no
    /// more than rounding does.
    abstract IsRelative: bool

/// A node whose output form is given by its buffers, not by its inputs.
[<Interface>]
type internal IShapedByBuffers = interface end

/// A node of several inputs, any one of which can take the remainder.
type internal IChoosesRest =
    inherit IKeepsInputs
    /// The node with the input at this position taking the remainder.
    abstract WithRest: position: int -> Node

/// A node with constants that the element type must be able to represent.
type internal IHoldsNumbers =
    /// Constants that must not overflow.
    abstract Offsets: float list
    /// Constants that must neither overflow nor round to zero.
    abstract Factors: float list

/// A node all of whose outputs (or, if `readsParameters`, inputs) have an entry of at least this size; the element type must reach
/// it.
type internal IReaches =
    abstract Least: form: Form * readsParameters: bool -> float

/// A node that checks whether its parameter, rounded to 16 bits, still yields the tensor.
type internal IRoundsParameter =
    /// `Contains` for a node whose input is computed by other nodes, and so is not rounded.
    abstract ContainsBehind: tensor: torch.Tensor * epsilon: float -> Result<unit, Violation>

/// A node whose `Invert` does the same for allowed and for other tensors, so that `Contains` need not run first: masks and singular
/// vectors are costly to find.
type internal IFindsAlike =
    /// Whether that is so when there are no buffers in use.
    abstract FindsAlike: bool

[<RequireQualifiedAccess>]
module internal Node =

    /// The code as text, for messages.
    let text (node: Node) : string = FSharpText.ofCode node.Code

    let arity (node: Node) : int = node.Domains.Length

    let domainsBehind (before: Space list) (node: Node) : Domain list =
        match box node with
        | :? IRelatesInputs as relating -> relating.DomainsBehind before
        | _ -> node.Domains

    let learns (node: Node) : bool = (box node) :? ILearns

    let isShapedByBuffers (node: Node) : bool = (box node) :? IShapedByBuffers

    let converges (node: Node) : bool = (box node) :? IConverges

    /// Whether it has a mask, which is chosen by the registered tensor.
    let chooses (node: Node) : bool = node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Mask)

    let hasBase (node: Node) : bool = node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Base)

    /// The input form of a node that reads one tensor of the form that it yields.
    let same (node: Node) (requirement: Requirement) (form: Form) : Result<Form list, ParametrizationError> =
        match Form.fault requirement form with
        | None -> Ok [ form ]
        | Some error -> Error(error (text node))

    let wrongShape (node: Node) (expected: string) (form: Form) : Result<'a, ParametrizationError> =
        Error(ParametrizationError.WrongShape(text node, expected, Form.Shown form.Shape))

/// Makes the results of `Node.Invert`.
[<RequireQualifiedAccess>]
module NodeParts =

    /// The input of a node without buffers.
    let ofInput (input: torch.Tensor) : Result<NodeParts, string> = Ok { Inputs = [| input |]; Buffers = [||] }

    /// The input of a node, and its buffers.
    let carrying (input: torch.Tensor) (buffers: torch.Tensor list) : Result<NodeParts, string> =
        Ok { Inputs = [| input |]; Buffers = List.toArray buffers }
