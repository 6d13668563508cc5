using Parametrize.CSharp.Threads;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Grouping;

/// <summary>A tensor that can be computed together with others.</summary>
internal interface IGroupable
{
    /// <summary>What computes it.</summary>
    Parametrization Parametrization { get; }

    long[] Shape { get; }

    /// <summary>The parameters; buffers, where the module's tensor is one.</summary>
    Tensor[] Inputs { get; }

    /// <summary>What each node carries.</summary>
    Tensor[][] Buffers { get; }

    /// <summary>All that the value is computed from: parameters, then buffers.</summary>
    Tensor[] Tensors { get; }

    /// <summary>Whether it takes the place of a buffer, into which a forward pass may write.</summary>
    bool IsBuffer { get; }

    /// <summary>Whether evaluating writes into the buffers.</summary>
    bool IsLearning { get; }

    /// <summary>Whether evaluating draws random numbers.</summary>
    bool IsRandom { get; }

    /// <summary>Writes what was learnt into the buffers.</summary>
    /// <param name="buffers">Of each node; disposed where they are new.</param>
    /// <returns>How many writes libtorch has counted.</returns>
    long Carry(Tensor[][] buffers);

    /// <summary>Who may use it now.</summary>
    TensorAccess Access { get; }
}

/// <summary>Who is about to use a tensor.</summary>
internal interface IUse
{
    IGroupable Tensor { get; }

    /// <summary>Whether the use will compute the tensor, and nothing else has to be done before.</summary>
    bool IsToCompute { get; }

    /// <summary>Whether what is computed is kept for others.</summary>
    bool IsToKeep { get; }
}
