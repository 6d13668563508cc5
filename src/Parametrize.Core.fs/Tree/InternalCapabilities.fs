namespace Parametrize

open TorchSharp

/// A node whose space is open. It accepts tensors on the boundary as rounded members.
type internal IHasOpenEdge =
    /// Which entries, or vectors, of an allowed tensor are on the boundary, where the node has no exact output.
    abstract IsOnEdge: tensor: torch.Tensor -> torch.Tensor

/// A node that cannot read some of the tensors that the nodes before it yield.
type internal IRefusesInputs =
    /// What is wrong with an input; null where it can be read.
    abstract Refusal: input: torch.Tensor -> string | null

/// A node that can compute several tensors at once, although it is not batched: its inputs are stacked along a new first dimension.
type internal IStacks =
    /// `Forward` of each.
    abstract ForwardStacked: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

    /// `Advance` of each, for a node that learns.
    abstract AdvanceStacked: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor[]

/// A node that multiplies all lengths by one number, for every input.
type internal ISimilar =
    abstract LogFactor: float

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

/// A node whose domain for one input depends on the spaces of the other inputs. Parameters must lie in these domains as well.
type internal IRelatesInputs =
    /// The domains of all inputs, given their spaces.
    abstract DomainsBehind: before: Space list -> Domain list

/// A node of one input and without buffers that reads only some entries of it, and is one-to-one in these.
type internal IReadsSome =
    /// The input for which `Forward` yields an allowed tensor, with zeros at entries that are not read. Differentiable.
    abstract UndoRead: tensor: torch.Tensor -> torch.Tensor

/// A node whose inputs are entries of its tensor.
type internal ICuts =
    /// The entries that each input has.
    abstract Cut: tensor: torch.Tensor -> torch.Tensor[]

/// A node that finds its inputs by decomposing the tensor, so that rounding of any entry moves all numbers of an input.
type internal IDecomposes =
    /// The position of the input whose numbers are moved.
    abstract Numbers: int
    /// The longest side of the matrix that was decomposed into these inputs.
    abstract Size: inputs: torch.Tensor[] -> int64
    /// Whether the tolerance of each number is relative to the largest number of its vector; otherwise it is relative to 1.
    /// Either tolerance moves the tensor by no more than rounding does.
    abstract IsRelative: bool

/// A bijection of which each entry of the input comes from several entries of the output.
type internal IMixesEntries =
    /// How far the entries of the input move at most, when the entries of the output move by these distances. Rounding to the given
    /// roundoff has moved the output, too.
    abstract Moved: tensor: torch.Tensor * distances: torch.Tensor * roundoff: float -> torch.Tensor

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

/// A node whose buffers are in the units of its tensor. If a later node may multiply the tensor by a number of its own, the
/// buffers lose their meaning; they are then found again for each tensor.
[<Interface>]
type internal IHasUnits = interface end

/// A node whose `Invert` does the same for allowed and for other tensors, so that `Contains` need not run first: masks and singular
/// vectors are costly to find.
type internal IFindsAlike =
    /// Whether that is so when there are no buffers in use.
    abstract FindsAlike: bool

/// A node that maps each entry by itself. Nodes that saturate do so, too.
[<Interface>]
type internal IEntrywise = interface end
