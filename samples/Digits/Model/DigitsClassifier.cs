using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Digits.Model;

/// <summary>Reads an image pixel by pixel and says which digit it shows.</summary>
public sealed class DigitsClassifier : nn.Module<Tensor, Tensor>
{
    private const int Classes = 10;

    private readonly RecurrentCell cell;
    private readonly Linear readout;

    public DigitsClassifier(int hidden, Parametrization kernel)
        : base(nameof(DigitsClassifier))
    {
        cell = new RecurrentCell(hidden, kernel);
        readout = nn.Linear(hidden, Classes);
        RegisterComponents();
    }

    /// <summary>The recurrent kernel.</summary>
    public ParametrizedTensor Kernel => cell.Kernel;

    /// <summary>Image by class: the larger, the likelier.</summary>
    public override Tensor forward(Tensor pixels)
    {
        using var state = cell.call(pixels);
        return readout.call(state);
    }
}
