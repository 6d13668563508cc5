namespace Parametrize

open TorchSharp

/// Linear maps onto a linear space (or an affine one), with the free entries in place: `Restrict` drops what the map
/// does not read, `Forward` fills it in.
[<AbstractClass>]
type internal LinearLink() =
    inherit Link()

    /// The condition in mathematical words.
    abstract Condition: string

    /// The fill-in: reads the free entries only.
    abstract Fill: torch.Tensor -> torch.Tensor

    /// The free entries of an element, zero elsewhere.
    abstract Restrict: torch.Tensor -> torch.Tensor

    override this.Forward(inputs, _) = this.Fill inputs[0]

    override this.Contains(_, tensor, epsilon) =
        let residual = Tensors.distance tensor (this.Nearest(tensor, epsilon))
        Violation.unless this.Condition residual (Tensors.limit epsilon 1L (Tensors.largest tensor))

    override this.RightInverse(_, tensor, _) = LinkParts.ofInput (this.Restrict tensor)
