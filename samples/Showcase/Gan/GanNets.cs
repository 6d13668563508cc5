using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Gan;

/// <summary>The two nets of a generative adversarial network.</summary>
internal static class GanNets
{
    public const int Noise = 16;

    private const int Pixels = 64;
    private const int Hidden = 128;
    private const double Slope = 0.2;

    /// <summary>Noise to pixels from 0 to 1.</summary>
    public static Sequential Generator() =>
        nn.Sequential(
            ("first", nn.Linear(Noise, Hidden)),
            ("relu1", nn.ReLU()),
            ("second", nn.Linear(Hidden, Hidden)),
            ("relu2", nn.ReLU()),
            ("last", nn.Linear(Hidden, Pixels)),
            ("sigmoid", nn.Sigmoid())
        );

    /// <summary>Pixels to a number: the larger, the more like a digit.</summary>
    /// <param name="weights">What its weights are computed by.</param>
    public static Sequential Discriminator(Parametrization weights)
    {
        var net = nn.Sequential(
            ("first", nn.Linear(Pixels, Hidden)),
            ("relu1", nn.LeakyReLU(Slope)),
            ("second", nn.Linear(Hidden, Hidden)),
            ("relu2", nn.LeakyReLU(Slope)),
            ("last", nn.Linear(Hidden, 1))
        );
        net.register_parametrizations<Linear>("weight", weights);
        return net;
    }
}
