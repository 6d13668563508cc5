using Parametrize.CSharp.Binding;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <content>What binding asks of it.</content>
public sealed partial class ParametrizedTensor : IComputedTensor
{
    Tensor[] IComputedTensor.Inputs => Inputs;

    Tensor[] IComputedTensor.Tensors => Tensors;

    void IComputedTensor.RequireAlive() => RequireAlive();

    bool IComputedTensor.IsBuffer => IsBuffer;

    bool IComputedTensor.IsLearning => IsLearning;

    bool IComputedTensor.IsPure => !IsLearning && !(training && Core.hasNoise(Parametrization));

    bool IComputedTensor.IsTrained
    {
        get => IsTrained;
        set
        {
            foreach (var input in Inputs)
                input.requires_grad = value;
        }
    }

    TensorBinding IComputedTensor.Binding => Binding;

    Tensor IComputedTensor.Evaluate(out long learnt) => Evaluate(out learnt);

    Tensor IComputedTensor.Detached() => Detached();

    void IComputedTensor.RefreshWritten() => RefreshWritten();

    void IComputedTensor.Assign(Tensor value) => Value = value;

    void IComputedTensor.TakeNearest(Tensor value) => TakeNearest(value);

    void IComputedTensor.MoveTo(ScalarType dtype, Device device) => _to(device, dtype, false);
}
