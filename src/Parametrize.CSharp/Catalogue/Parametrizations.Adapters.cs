using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Small changes of frozen weights. The weight is a buffer, the base; assigning moves it, `update_base` merges.</content>
public static partial class Parametrizations
{
    /// <summary>`W_0 + (alpha / rank) B A` with a frozen W_0; kernels are read as matrices. B starts at zero (Hu et al. 2022).</summary>
    /// <param name="rank">Rows of A and columns of B.</param>
    /// <param name="alpha">PEFT's `lora_alpha`.</param>
    /// <exception cref="ArgumentException">The rank is below 1, or alpha is zero or not finite.</exception>
    public static Parametrization Lora(long rank, double alpha) => LoraValues.lora(rank, alpha);

    /// <summary>Like <see cref="Lora"/>, with the factor `alpha / sqrt rank` (Kalajdzievski 2023).</summary>
    /// <inheritdoc cref="Lora"/>
    public static Parametrization RsLora(long rank, double alpha) => LoraValues.rsLora(rank, alpha);

    /// <summary>
    /// `m V / |V|` with V of <see cref="Lora"/> and the norm of each row or output channel: magnitude and direction are trained
    /// apart (Liu et al. 2024).
    /// </summary>
    /// <inheritdoc cref="Lora"/>
    public static Parametrization Dora(long rank, double alpha) => LoraValues.dora(rank, alpha);

    /// <summary>
    /// `W_0 R` with a frozen W_0 and a block diagonal rotation R of its columns, each block by the exact Cayley transform (Qiu et
    /// al. 2023).
    /// </summary>
    /// <param name="block">The size of a block, which divides the number of columns.</param>
    /// <exception cref="ArgumentException">The block is below 2.</exception>
    public static Parametrization Oft(long block) => OftValues.oft(block);
}
