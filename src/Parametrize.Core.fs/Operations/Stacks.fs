namespace Parametrize

open TorchSharp

/// Computes several tensors of one value as a batch. The parameters and buffers of a stack are those of the tensors, stacked.
[<RequireQualifiedAccess>]
module internal Stacks =

    /// Whether `forward` computes several tensors of the value as one batch.
    let canBeStacked (value: Parametrization) : bool = value.Program.CanBeStacked

    /// The tensors of several parts, of one form each, given the stacks of their parameters and buffers, and the shape of one.
    let forward (value: Parametrization) (stacks: Parts) : torch.Tensor = Evaluation.forwardStacked value.Program stacks

    /// `advance` for stacked parts, as `forward` has them.
    let advance (value: Parametrization) (stacks: Parts) : Parts =
        new Parts(stacks.Shape, stacks.ParameterArray, Evaluation.advanceStacked value.Program stacks)
