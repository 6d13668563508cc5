namespace Parametrize

open TorchSharp

/// A node whose projection needs no right inverse.
type IProjects =
    /// The nearest allowed tensor, or a retraction; called for tensors that `Contains` refuses.
    abstract Nearest: tensor: torch.Tensor * epsilon: float -> torch.Tensor

/// A node that accepts tensors on the boundary of its space, up to rounding, where derivatives are zero.
type IHasEdge =
    /// Whether an allowed tensor touches the boundary. A new value then starts with the parts that `Invert` finds for `Start`;
    /// these do not change entries in the interior.
    abstract TouchesEdge: tensor: torch.Tensor * epsilon: float -> bool

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
    /// The gradient with respect to the input (the only one), given the gradient with respect to the output. The laws compare it
    /// with the gradient of autograd; nothing else calls it.
    abstract Pass: inputs: torch.Tensor[] * buffers: torch.Tensor[] * gradient: torch.Tensor -> torch.Tensor

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
    /// `log det (J^T J) / 2` of `Forward`, where J is its derivative with respect to all real numbers that it reads. It has one
    /// real number for each independent problem: one for each entry if the map is entrywise, one for each matrix of a batch if it
    /// maps matrices. Its shape is the beginning of the shape of the output. One number for the whole tensor is accepted as well.
    /// Differentiable.
    abstract LogVolume: inputs: torch.Tensor[] * buffers: torch.Tensor[] -> torch.Tensor

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

    /// Whether `LogVolume` is the change of Hausdorff measure (of the Frobenius norm) within the space before: the log of the product
    /// of the nonzero singular values of the derivative, restricted to that space.
    abstract Measures: before: Before list -> bool

/// A node that knows the determinants of the square matrices that it yields without a factorization.
type IDeterminant =
    /// `log |det W|` of each matrix of a batch, given a function for that of each input, which has to be square. Differentiable.
    /// Null when it is not known for matrices of that form: it is then computed by a factorization.
    abstract LogAbsDet:
        inputs: torch.Tensor[] * buffers: torch.Tensor[] * ofInput: System.Func<int, torch.Tensor> ->
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

/// A node that lets another node compute when its inputs come from certain spaces.
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
