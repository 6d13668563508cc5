using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Grouping;

/// <summary>A tensor that can be computed together with others.</summary>
internal interface IGroupable
{
    /// <summary>The value that computes it.</summary>
    Parametrization Parametrization { get; }

    long[] Shape { get; }

    /// <summary>The parameters; buffers, where the module's tensor is one.</summary>
    Tensor[] Inputs { get; }

    /// <summary>The buffers of each node.</summary>
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
    /// <param name="buffers">The buffers of each node. New ones are disposed.</param>
    /// <returns>How many writes libtorch has counted.</returns>
    long WriteBuffers(Tensor[][] buffers);

    /// <summary>The lock of the tensor.</summary>
    TensorAccess Access { get; }
}

/// <summary>An upcoming use of a tensor.</summary>
internal interface IUpcomingUse
{
    IGroupable Tensor { get; }

    /// <summary>Whether the use will compute the tensor, and nothing else has to be done before.</summary>
    bool WillCompute { get; }

    /// <summary>Whether what is computed is kept for others.</summary>
    bool WillKeep { get; }
}
