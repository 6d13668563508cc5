using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <content>The members that binding uses.</content>
public sealed partial class ParametrizedTensor : IComputedTensor
{
    long[] IGroupable.Shape => Shape;

    Tensor[] IGroupable.Inputs => Inputs;

    Tensor[][] IGroupable.Buffers => _buffers;

    Tensor[] IGroupable.Tensors => Tensors;

    void IComputedTensor.RequireAlive() => RequireAlive();

    bool IGroupable.IsBuffer => IsBuffer;

    bool IGroupable.IsLearning => IsLearning;

    bool IGroupable.IsRandom => IsRandom;

    long IGroupable.WriteBuffers(Tensor[][] buffers) => WriteBuffers(buffers);

    bool IComputedTensor.IsTrained
    {
        get => IsTrained;
        set
        {
            foreach (var input in Inputs)
                input.requires_grad = value;
        }
    }

    TensorAccess IGroupable.Access => Binding.Access;

    TensorBinding IComputedTensor.Binding => Binding;

    Tensor IComputedTensor.Evaluate(out long learnt) => Evaluate(out learnt);

    Tensor IComputedTensor.Detached() => Detached();

    void IComputedTensor.RefreshWritten() => RefreshWritten();

    void IComputedTensor.Assign(Tensor value, bool wasSuited, long? lentAt) =>
        Assign(value, wasSuited, lentAt).OrThrow(Where);

    void IComputedTensor.TakeNearest(Tensor value) => TakeNearest(value);

    void IComputedTensor.MoveTo(ScalarType dtype, Device device) => _to(device, dtype, false);
}
