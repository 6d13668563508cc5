using Flows.Data;
using Parametrize.Flows;
using Samples.Report;
using static TorchSharp.torch;

namespace Flows.Report;

/// <summary>Digits beside samples of a flow.</summary>
internal static class DigitsPicture
{
    private const int Shown = 64;
    private const double Ink = 16;

    public static void Save(Flow flow, string path)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (data, _) = new DigitImages().Load(0);
        Picture.Save(
            path,
            400,
            400,
            DigitsPanel.Of("data", data / Ink),
            DigitsPanel.Of("samples", flow.sample(Shown) / Ink)
        );
    }
}
