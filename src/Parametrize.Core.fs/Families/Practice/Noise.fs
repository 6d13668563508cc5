namespace Parametrize

open TorchSharp

/// A node that changes its tensor in training only.
[<AbstractClass>]
type internal NoiseNode(name: string, number: float) =
    inherit Node()

    /// The tensor with noise. Random numbers come from torch's generator.
    abstract Noisy: tensor: torch.Tensor -> torch.Tensor

    override _.Code = Code.call name [ Code.Float number ]
    override this.Inputs form = Node.same this Requirement.entries form
    override _.Domains = [ Domain.AnySpace ]

    /// Noise leaves the space of the tensor, so that later nodes must not rely on that space.
    override _.Codomain before =
        let before = before.Head

        if before.IsClosedUnder Closure.Everything then
            before
        else
            { new Space($"{before.Name}, with noise in training", [], Space.common [ Closure.Reordering ] [ before ]) with
                override _.Dimension form = before.Dimension form
            }

    override _.Forward(inputs, _) = inputs[0]
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput tensor

    interface INoisy with
        member this.ForwardInTraining(inputs, _) = this.Noisy inputs[0]

    interface IPlacesEntries

    interface IDimension with
        member _.Dimension(_, before, _) = snd before.Head

    interface IDeterminant with
        member _.LogAbsDet(_, _, ofInput) = ofInput.Invoke 0

    interface ISolves with
        member _.Solve(_, _, right, isTransposed, solveInput) = solveInput.Invoke(0, right, isTransposed)

    interface ISimilar with
        member _.LogFactor = 0.0

    interface IOneToOne with
        member _.Undo tensor = tensor

/// `W = X + deviation N` in training, with N of independent normal numbers (Murray & Edwards 1994). O(n).
type internal WeightNoiseNode(deviation: float) =
    inherit NoiseNode("weightNoise", deviation)

    override _.Noisy tensor = tensor +. torch.randn_like (tensor, requires_grad = false) * deviation.AsScalar()

    interface IHoldsNumbers with
        member _.Factors = [ deviation ]
        member _.Offsets = []

/// `W = M X / (1 - probability)` in training, with M of independent ones and zeros (Wan et al. 2013; Merity, Keskar & Socher
/// 2018). O(n).
type internal WeightDropoutNode(probability: float) =
    inherit NoiseNode("weightDropout", probability)

    override _.Noisy tensor =
        let real = if tensor.is_complex () then tensor.real.dtype else tensor.dtype
        let chance = torch.rand (tensor.shape, dtype = real, device = tensor.device)
        tensor * (chance.ge(probability.AsScalar()).``to`` real / (1.0 - probability).AsScalar())

namespace Parametrize.Values

open System
open Parametrize

/// The values `weightNoise` and `weightDropout`.
[<AutoOpen>]
module NoiseValues =

    /// The tensor as it is; in training, independent normal numbers of this deviation are added (Murray & Edwards 1994), from
    /// torch's generator. Accepts every space, but its result counts as outside of it. Throws ArgumentException for a deviation
    /// that is not positive and finite.
    let weightNoise (deviation: float) : Parametrization =
        Options.requirePositive (nameof deviation) deviation

        Parametrization.ofNode (WeightNoiseNode deviation)

    /// The tensor as it is; in training, each entry becomes zero with this probability, and the others grow so that the mean
    /// stays (DropConnect: Wan et al. 2013; for recurrent weights, Merity et al. 2018). Random numbers come from torch's
    /// generator. Accepts every space, but its result counts as outside of it. Throws ArgumentException for a probability outside
    /// of [0, 1).
    let weightDropout (probability: float) : Parametrization =
        if not (probability >= 0.0 && probability < 1.0) then
            invalidArg (nameof probability) (invariant $"The probability must be in [0, 1), but it is {probability}.")

        Parametrization.ofNode (WeightDropoutNode probability)
