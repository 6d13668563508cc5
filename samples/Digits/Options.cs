using Digits.Model;
using TorchSharp;

namespace Digits;

/// <summary>What the user asked for.</summary>
public sealed record Options(
    int Epochs,
    int Hidden,
    IReadOnlyList<KernelMap> Maps,
    torch.Device Device,
    int Seed,
    DirectoryInfo Output,
    bool Check
);
