using Parametrize.CSharp.Grouping;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>What binding asks of a parametrized tensor.</summary>
internal interface IComputedTensor : IGroupable
{
    /// <summary>Throws when it was disposed.</summary>
    void RequireAlive();

    /// <summary>Whether evaluating changes nothing and draws no random numbers.</summary>
    bool IsPure => !IsLearning && !IsRandom;

    /// <summary>Whether anything that it is computed from is trained; setting trains or freezes all.</summary>
    bool IsTrained { get; set; }

    /// <summary>Who computes with it.</summary>
    TensorBinding Binding { get; }

    /// <summary>The value now, learning what training steps learn, and how many writes to the buffers that took.</summary>
    Tensor Evaluate(out long learnt);

    /// <summary>The value without gradients and without learning.</summary>
    Tensor Detached();

    /// <summary>Learns anew what was learnt from parameters that something else than training has written.</summary>
    void RefreshWritten();

    /// <summary>Assigns the tensor; throws when it is not allowed.</summary>
    /// <param name="value">What is assigned.</param>
    /// <param name="lentAt">After how many writes to the parts a state was asked for: what was written since then is later, and stays.</param>
    void Assign(Tensor value, long? lentAt);

    /// <summary>Assigns the tensor, its projection when it is not allowed.</summary>
    void TakeNearest(Tensor value);

    /// <summary>Moves the parts.</summary>
    void MoveTo(ScalarType dtype, Device device);
}
