using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>The fields of a managed module that hold a tensor.</summary>
internal sealed class FieldSlot(nn.Module owner, string name, bool isBuffer, FieldInfo[] fields)
    : Slot(owner, name, isBuffer)
{
    /// <summary>TorchSharp's own modules ask what is in their fields for its dtype and device when they are moved.</summary>
    public override bool NeedsTensor { get; } =
        fields.Any(one => one.DeclaringType!.Assembly == typeof(nn.Module).Assembly);

    public override Tensor? Get() => Owner is { } owner ? (Tensor?)fields[0].GetValue(owner) : null;

    public override void Set(Parameter tensor)
    {
        if (Owner is { } owner)
            PutBack(owner, tensor);
    }

    protected override void PutBack(nn.Module owner, Tensor tensor)
    {
        foreach (var field in fields)
            field.SetValue(owner, tensor);
    }
}
