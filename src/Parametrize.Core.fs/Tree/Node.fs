namespace Parametrize

open TorchSharp

/// What a carried tensor is to its node.
[<RequireQualifiedAccess>]
type BufferRole =
    /// The tensor that is yielded where the parameter is zero: it moves to tensors that are assigned.
    | Base
    /// Ones where entries stay, else zeros.
    | Mask
    /// What training steps learn without gradients.
    | Learned
    | Constant

/// A tensor that a node carries beside what an optimizer trains.
[<NoComparison; NoEquality>]
type Buffer =
    {
        /// Its name in the state, behind the position of the node: `0.base`.
        Name: string
        /// What it is for.
        Role: BufferRole
        /// Its form, given that of the tensor that the node yields.
        FormFor: Form -> Form
    }

/// The tensors of one node: what it reads, and what it carries.
[<NoComparison; NoEquality>]
type NodeParts =
    {
        /// One for each tensor that `Forward` reads.
        Inputs: torch.Tensor[]
        /// One for each of `Node.Buffers`.
        Buffers: torch.Tensor[]
    }

/// What is wanted of parts that a node is to find for a tensor.
[<RequireQualifiedAccess>]
type Want =
    /// `Forward` yields the tensor, which `Contains` accepts.
    | Exact
    /// `Forward` yields the nearest tensor that is allowed, or a retraction to one.
    | Nearest
    /// As `Nearest`, but no entry starts where its derivative is zero: on the edge of an open set, say.
    | Start

/// One map of a value, and the extension point: derive from it to add a parametrization of your own.
///
/// A node is its description (`Code`); it holds no tensors. Its functions get tensors of the forms that `Inputs` and
/// `Buffers` say, in float32, float64 or complex (16-bit floats are widened by the caller), and return new ones without
/// changing their arguments. Only `Forward` runs with gradients; what it allocates on the way is disposed by the caller.
/// What else a node can do, it says by the interfaces below.
[<AbstractClass>]
type Node() =

    /// How it is typed, such as `weightNorm 0`. Nodes of one class are equal when their codes are.
    abstract Code: Code

    /// The forms of the tensors that it reads when it yields a tensor of that form, one for each domain; an error for
    /// forms that it cannot yield. Default: the same form, floating-point or complex.
    abstract Inputs: output: Form -> Result<Form list, ParametrizationError>

    default this.Inputs output =
        match Form.fault Requirement.entries output with
        | Some error -> Error(error (FSharpText.ofCode this.Code))
        | None -> Ok(List.replicate this.Domains.Length output)

    /// The form that it yields from tensors of these forms. Default: that of the last one.
    abstract Output: inputs: Form list -> Form
    default _.Output inputs = List.last inputs

    /// What it carries, in the order in which the tensors are passed. Default: nothing.
    abstract Buffers: Buffer list
    default _.Buffers = []

    /// What may stand before each tensor that it reads. Default: one tensor, which has to be free.
    abstract Domains: Domain list
    default _.Domains = [ Domain.free ]

    /// The set of tensors that it yields from members of these spaces.
    abstract Codomain: before: Space list -> Space

    /// Whether dimensions before the last two (or the last one) are a batch of independent problems. Default: true.
    abstract IsBatched: bool
    default _.IsBatched = true

    /// Whether every allowed tensor has parts. Default: true. Without a right inverse, tensors can be registered but not
    /// assigned, and `Contains` and `Invert` are asked for what a new tensor starts from only.
    abstract HasRightInverse: bool
    default _.HasRightInverse = true

    /// The constrained tensor. Differentiable.
    abstract Forward: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

    /// Whether `Forward` can yield this tensor. `present` holds the buffers in use, or nothing for a new tensor;
    /// `epsilon` is that of the caller's element type.
    abstract Contains: present: torch.Tensor[] * tensor: torch.Tensor * epsilon: float -> Result<unit, Violation>

    /// Parts for this tensor, as they are wanted; `Error` is a reason. For `Exact` the buffers in use are passed as
    /// `present` if there are any, else nothing.
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

/// A node that accepts tensors on the edge of its space, up to rounding, where derivatives are zero.
type IHasEdge =
    /// Whether an allowed tensor touches the edge: a new value then starts with the parts that `Invert` finds for `Start`,
    /// which leave everything inside as it is.
    abstract TouchesEdge: tensor: torch.Tensor * epsilon: float -> bool

/// A node whose space is open, and of which tensors on the edge are accepted as rounding of others.
type internal IHasOpenEdge =
    /// Which entries, or vectors, of an allowed tensor are on the edge: nothing is yielded there.
    abstract IsOnEdge: tensor: torch.Tensor -> torch.Tensor

/// A node that draws random allowed tensors. Others project normal ones.
type ISampled =
    /// Uniform where the space has a uniform measure. Where there is a generator it is of the CPU, and so is the form.
    abstract Sample: form: Form * generator: (torch.Generator | null) -> torch.Tensor

/// A node whose buffers move while training, besides what gradients do.
type ILearns =
    /// The buffers after one training step: new tensors.
    abstract Advance: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor[]

/// A node of which what it learns depends on nothing but what it reads: `Invert` finds at once, as `Want.Nearest`, to which
/// learning converges. It is found anew when parameters were written by something else than training.
type IConverges =
    inherit ILearns

/// A node that computes differently in training: noise, which evaluation does not have.
type INoisy =
    /// What a training pass yields in place of `Forward`. Differentiable.
    abstract ForwardInTraining: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

/// A node that rounds: its map is constant almost everywhere, and gradients go through as if it were not there.
type IStraightThrough =
    /// What a gradient by the tensor that is yielded becomes for the only tensor that is read.
    abstract Pass: inputs: torch.Tensor[] * buffers: torch.Tensor[] * gradient: torch.Tensor -> torch.Tensor

/// A node that tells buffers with which it leaves its space, and can put right what rounding did to them.
type IRepairs =
    /// Whether `Forward` stays in the space with these buffers, which are finite; else the name of one and what is wrong.
    abstract CanCarry: buffers: torch.Tensor[] * epsilon: float -> Result<unit, string * Violation>

    /// The nearest buffers that the node can carry, for those that were rounded to a coarser element type; others may stay
    /// as they are, but must not fail.
    abstract Repair: buffers: torch.Tensor[] -> torch.Tensor[]

/// A node that carries less than PyTorch does for the same map, and can compute with that, too.
type ICarriesLess =
    /// What PyTorch carries in place of its buffers, given the form of the tensor that the node yields.
    abstract PyTorchForms: output: Form -> Form list

    /// The same as these buffers, in those forms; they may have them already.
    abstract InPyTorchForms: buffers: torch.Tensor[] -> torch.Tensor[]

/// A node that puts entries of what it reads in their places, beside zeros, and changes none.
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

/// A node that computes several tensors at once, though it is not batched: all that it reads is stacked along a new first
/// dimension.
type internal IStacks =
    /// `Forward` of each.
    abstract ForwardStacked: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

    /// `Advance` of each, where the node learns.
    abstract AdvanceStacked: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor[]

/// What stands before a node, for one tensor that it reads.
[<NoComparison; NoEquality>]
type Before =
    {
        /// The form of what is read.
        Form: Form
        /// The space in which it lies.
        Space: Space
        /// How many real numbers tell what is read; None when that is not known.
        Dimension: int64 option
        /// Whether it is trained as it is: nothing stands before.
        IsLeaf: bool
    }

    /// Whether all tensors of that form are read, or an open set of them.
    member this.IsOpen: bool = this.Dimension = Some(Form.reals this.Form)

    /// Whether a space, or an open set of it, is read.
    member this.IsOpenIn(space: Space) : bool =
        this.Space.IsWithin space
        && this.Dimension.IsSome
        && this.Dimension = Option.ofNullable (space.Dimension this.Form)

/// A volume that is not measured from all real numbers that are read. By default a node measures tensors that are free, or an open
/// set of them.
type IVolumeBehind =
    inherit IVolume

    /// Whether `LogVolume` is that from the measure (Hausdorff's, of the Frobenius norm) of what stands before it to that of what
    /// it yields from there: `log` of the product of the singular values of the derivative along what is read that are not zero.
    abstract Measures: before: Before list -> bool

/// A node that multiplies all lengths by one number, whatever stands before it.
type internal ISimilar =
    abstract LogFactor: float

/// A node that knows the determinants of the square matrices that it yields without a factorization.
type IDeterminant =
    /// `log |det W|` of each matrix of a batch, given how to tell that of each input, which has to be square. Differentiable.
    /// Null where it is not known for matrices of that form: a factorization then tells it.
    abstract LogAbsDet:
        inputs: torch.Tensor[] * buffers: torch.Tensor[] * ofInput: System.Func<int, torch.Tensor> ->
            torch.Tensor | null

/// Solves `X y = b` for what is read at a position, or `X^T y = b`.
type internal SolveInput = delegate of position: int * right: torch.Tensor * isTransposed: bool -> torch.Tensor

/// A node that solves linear equations by what it reads.
type internal ISolves =
    /// `W^-1 b`, or `W^-T b`, for columns b. Differentiable. Null where it is not known for matrices of that form.
    abstract Solve:
        inputs: torch.Tensor[] *
        buffers: torch.Tensor[] *
        right: torch.Tensor *
        isTransposed: bool *
        solveInput: SolveInput ->
            torch.Tensor | null

/// A node that maps entry by entry, and moves little where an entry is far out.
type ISaturates =
    /// The derivative at each entry as a share of the largest that the map has; null for a map that has no largest.
    abstract Slopes: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor | null

/// A node that knows the dimension of what it yields from spaces that are not all tensors.
type IDimension =
    /// The dimension of what is yielded in that form, given the spaces before and the dimensions of what lies in them, which may
    /// be smaller than those of the spaces; None when it is not known.
    abstract Dimension: form: Form * before: (Space * int64 option) list * buffers: torch.Tensor[] -> int64 option

/// A node that computes in another way behind some spaces.
type ISpecialized =
    /// The node to compute with behind these spaces: itself, where it makes no use of them.
    abstract Behind: before: Space list -> Node

/// A node that becomes one with the next, because the next has to know what this one carries.
type IMerges =
    /// One node for this one and the next, if they are of a kind. Associative.
    abstract TryMerge: next: Node -> Node option

    /// What `next` makes of the buffers when it comes behind this one, which carries `present` and yields `tensor`.
    abstract Continue: next: Node * present: torch.Tensor[] * tensor: torch.Tensor -> Result<torch.Tensor[], string>

/// A node that is typed with the values that it combines.
type ICombines =
    /// Its code, given those of the values that it combines.
    abstract CodeWith: inputs: Code list -> Code

/// A node of several inputs, one of which takes what the others leave of a tensor, whatever that is.
type IKeepsInputs =
    /// The position of that input. When a tensor is assigned, the others stay as they are; they start from what `Invert` finds
    /// for them, allowed or not, in a new value and where nothing makes up for them.
    abstract Rest: int

    /// What that input has to be, given the tensors that the node reads now; null where nothing makes up for the others.
    abstract RestOf: inputs: torch.Tensor[] * tensor: torch.Tensor -> torch.Tensor | null

/// A node of one input and without buffers that can be undone wherever it leads.
type IBijection =
    /// What `Forward` yields the tensor from. Differentiable.
    abstract Back: tensor: torch.Tensor -> torch.Tensor

/// A node of one input and without buffers that yields a tensor from one input only.
type IOneToOne =
    /// What `Forward` yields an allowed tensor from. Differentiable.
    abstract Undo: tensor: torch.Tensor -> torch.Tensor

/// A node of one input and without buffers that reads some of its numbers, and yields a tensor from one choice of these only.
type internal IReadsSome =
    /// What `Forward` yields an allowed tensor from, with zeros where nothing is read. Differentiable.
    abstract UndoRead: tensor: torch.Tensor -> torch.Tensor

/// A node that finds what it reads by decomposing the tensor, so that rounding of all of it moves each number.
type internal IDecomposes =
    /// The position of the numbers: rounding moves each by a share of the largest.
    abstract Numbers: int
    /// The longest side of the matrix that was decomposed into these inputs.
    abstract Size: inputs: torch.Tensor[] -> int64

/// A node whose inputs do not tell the form that it yields: what it carries does.
[<Interface>]
type internal IShapedByBuffers = interface end

/// A node of several inputs, any one of which can take the rest.
type internal IChoosesRest =
    inherit IKeepsInputs
    /// The same with another one that takes it.
    abstract WithRest: position: int -> Node

/// A node of numbers that an element type has to have, for there to be tensors.
type internal IHoldsNumbers =
    /// Not beyond the largest.
    abstract Offsets: float list
    /// Not beyond the largest, and no zeros.
    abstract Factors: float list

/// A node whose tensors have an entry of some size at least, which an element type has to have; or a parameter, where it reads
/// parameters.
type internal IReaches =
    abstract Least: form: Form * readsParameters: bool -> float

/// A node that looks whether its parameter, rounded to 16 bits, still yields a tensor.
type internal IRoundsParameter =
    /// `Contains` where it reads what other nodes compute, which is not rounded.
    abstract ContainsBehind: tensor: torch.Tensor * epsilon: float -> Result<unit, Violation>

/// A node whose `Invert` finds for any tensor what it finds for one that it contains, so that it need not be asked first: masks
/// and singular vectors are costly to find.
type internal IFindsAlike =
    /// Where there are no buffers in use.
    abstract FindsAlike: bool

[<RequireQualifiedAccess>]
module internal Node =

    /// Printed only where something is wrong.
    let text (node: Node) : string = FSharpText.ofCode node.Code

    let arity (node: Node) : int = node.Domains.Length

    let learns (node: Node) : bool = (box node) :? ILearns

    let isShapedByBuffers (node: Node) : bool = (box node) :? IShapedByBuffers

    let converges (node: Node) : bool = (box node) :? IConverges

    /// Whether it has a mask, which it chooses by the tensor that is registered.
    let chooses (node: Node) : bool = node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Mask)

    let hasBase (node: Node) : bool = node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Base)

    /// The input form of a node that reads one tensor of the form that it yields.
    let same (node: Node) (requirement: Requirement) (form: Form) : Result<Form list, ParametrizationError> =
        match Form.fault requirement form with
        | None -> Ok [ form ]
        | Some error -> Error(error (text node))

    let wrongShape (node: Node) (expected: string) (form: Form) : Result<'a, ParametrizationError> =
        Error(ParametrizationError.WrongShape(text node, expected, Form.Shown form.Shape))

/// What `Node.Invert` returns.
[<RequireQualifiedAccess>]
module NodeParts =

    /// The tensor that a node without buffers reads.
    let ofInput (input: torch.Tensor) : Result<NodeParts, string> = Ok { Inputs = [| input |]; Buffers = [||] }

    /// The tensor that a node reads, and the buffers that it carries.
    let carrying (input: torch.Tensor) (buffers: torch.Tensor list) : Result<NodeParts, string> =
        Ok { Inputs = [| input |]; Buffers = List.toArray buffers }
