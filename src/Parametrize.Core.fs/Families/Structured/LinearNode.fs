namespace Parametrize

open TorchSharp

/// Linear maps onto a linear space (or an affine one), with the free entries in place: `Restrict` drops what the map
/// does not read, `Forward` fills it in. A tensor of the space is filled in as itself.
[<AbstractClass>]
type internal LinearNode(space: Space) =
    inherit Node()

    /// The condition in mathematical words.
    abstract Condition: string

    abstract Requirement: Requirement

    /// The fill-in: reads the free entries only.
    abstract Fill: torch.Tensor -> torch.Tensor

    /// The free entries of an element, zero elsewhere.
    abstract Restrict: torch.Tensor -> torch.Tensor

    /// The nearest element.
    abstract Nearest: torch.Tensor -> torch.Tensor

    override this.Inputs form = Node.same this this.Requirement form
    override _.Domains = [ Domain.OneOf [ Domain.Needs [ Closure.Zeroing ]; Domain.Within space ] ]

    override _.Codomain before =
        let head = before.Head

        if head.IsWithin space then
            head
        else
            Space.made space [] [ Closure.Scaling; Closure.Negation; Closure.Sum ] head

    override this.Forward(inputs, _) = this.Fill inputs[0]

    override this.Contains(_, tensor, epsilon) = Tensors.nearEach this.Condition epsilon (this.Nearest tensor) tensor

    override this.Invert(_, tensor, _, want) =
        let element = if want = Want.Exact then tensor else this.Nearest tensor
        NodeParts.ofInput (this.Restrict element)

    /// How many real numbers of a matrix are there twice.
    abstract Doubled: one: Dimension.Matrices -> int64
    default _.Doubled _ = 0L

    interface IVolumeBehind with
        /// Known only for parameters, because the node does not read all numbers of its input.
        member _.Measures before = before |> List.forall _.IsLeaf

        member this.LogVolume(inputs, _) =
            match Dimension.matrices (Form.ofTensor inputs[0]) with
            | Some one -> Tensors.forEach 2 (float (this.Doubled one) * log 2.0 / 2.0) inputs[0]
            | None -> Tensors.forEach 0 0.0 inputs[0]

    interface IReadsSome with
        member this.UndoRead tensor = this.Restrict tensor

    /// For inputs from its own space the node changes nothing, and its right inverse gives the whole tensor.
    abstract Behind: before: Space -> Node
    default this.Behind before = if before.IsWithin space then IdleNode this else this

    interface ISpecialized with
        member this.Behind before = this.Behind before.Head

/// Matrices with zeros at fixed places. The node keeps the other entries, and does nothing else.
and [<AbstractClass>] internal PatternNode(space: Space) =
    inherit LinearNode(space)

    /// The entries that may differ from zero; zeros elsewhere.
    abstract Keep: torch.Tensor -> torch.Tensor

    override _.Requirement = Requirement.matrices
    override this.Fill matrix = this.Keep matrix
    override this.Restrict matrix = this.Keep matrix
    override this.Nearest matrix = this.Keep matrix

/// A linear node whose inputs already lie in its space, so that it changes nothing.
and internal IdleNode(node: LinearNode) =
    inherit Node()

    override _.Code = node.Code
    override _.Inputs form = node.Inputs form
    override _.Domains = node.Domains
    override _.Codomain before = node.Codomain before
    override _.Forward(inputs, _) = inputs[0]
    override _.Contains(present, tensor, epsilon) = node.Contains(present, tensor, epsilon)

    override _.Invert(_, tensor, _, want) =
        NodeParts.ofInput (if want = Want.Exact then tensor else node.Nearest tensor)

    interface ISimilar with
        member _.LogFactor = 0.0

    interface IDeterminant with
        member _.LogAbsDet(_, _, ofInput) = ofInput.Invoke 0

    interface ISolves with
        member _.Solve(_, _, right, isTransposed, solveInput) = solveInput.Invoke(0, right, isTransposed)

    interface IReadsSome with
        member _.UndoRead tensor = tensor

    interface IDimension with
        member _.Dimension(_, before, _) = snd before.Head
