using Parametrize.CSharp.Grouping;

namespace Parametrize.CSharp.Binding;

/// <summary>The members of a parametrized tensor that the classes of `Binding` use.</summary>
internal interface IComputedTensor : IGroupable
{
    /// <summary>Throws when it was disposed.</summary>
    void RequireAlive();

    /// <summary>Whether evaluating changes nothing and draws no random numbers.</summary>
    bool IsPure => !IsLearning && !IsRandom;

    /// <summary>Whether any of its parameters is trained. Setting it trains or freezes all of them.</summary>
    bool IsTrained { get; set; }

    /// <summary>The modules that compute with it.</summary>
    TensorBinding Binding { get; }

    /// <summary>
    /// Computes the value. In training it also updates learnt buffers; `learnt` is the number of writes to the buffers.
    /// </summary>
    Tensor Evaluate(out long learnt);

    /// <summary>The value without gradients and without learning.</summary>
    Tensor Detached();

    /// <summary>Computes learnt buffers again when something other than training has written to the parameters.</summary>
    void RefreshWritten();

    /// <summary>Assigns the tensor; throws when it is not allowed.</summary>
    /// <param name="value">The tensor to assign.</param>
    /// <param name="wasSuited">
    /// Whether it had the element type and device of the parts when it was assigned. It may have others now, because the parts have
    /// moved since.
    /// </param>
    /// <param name="lentAt">
    /// The number of writes to the parts when `state_dict` was called while the assignment was pending; null when it was not
    /// called. If the parts have been written to since, the write is the later one, and the assignment is dropped.
    /// </param>
    void Assign(Tensor value, bool wasSuited, long? lentAt);

    /// <summary>Assigns the tensor, or its projection when the tensor is not allowed.</summary>
    void TakeNearest(Tensor value);

    /// <summary>Moves the parts.</summary>
    void MoveTo(ScalarType dtype, Device device);
}
