namespace Parametrize

open System
open System.Runtime.InteropServices
open TorchSharp

/// Isotonic regression: the non-decreasing vectors nearest to given ones.
[<RequireQualifiedAccess>]
module internal Isotonic =

    /// How many numbers are copied at once: the memory of a tensor is read by an index of 32 bits.
    let private most = 1L <<< 24

    /// In place, by pooling adjacent violators (Ayer et al. 1955): blocks that are out of order become their mean. O(n).
    let private pool (vector: Span<float>, means: float[], sizes: int[]) : unit =
        let mutable blocks = 0

        for index in 0 .. vector.Length - 1 do
            means[blocks] <- vector[index]
            sizes[blocks] <- 1
            blocks <- blocks + 1

            while blocks > 1 && means[blocks - 2] >= means[blocks - 1] do
                let first, second = float sizes[blocks - 2], float sizes[blocks - 1]
                let total = first + second
                // Not by a sum or a difference of the means, which could leave the range.
                means[blocks - 2] <- means[blocks - 2] * (first / total) + means[blocks - 1] * (second / total)
                sizes[blocks - 2] <- sizes[blocks - 2] + sizes[blocks - 1]
                blocks <- blocks - 1

        let mutable start = 0

        for block in 0 .. blocks - 1 do
            // Blocks of one entry are not rounded.
            vector.Slice(start, sizes[block]).Fill means[block]
            start <- start + sizes[block]

    let private poolAll (vectors: torch.Tensor, means: float[], sizes: int[]) : unit =
        let numbers = MemoryMarshal.Cast<byte, float> vectors.bytes

        for start in 0 .. means.Length .. numbers.Length - 1 do
            pool (numbers.Slice(start, means.Length), means, sizes)

    /// The nearest tensor whose vectors (the last dimension) do not decrease, in double precision. Computed on the CPU: each
    /// block depends on those before it.
    let nearest (tensor: torch.Tensor) : torch.Tensor =
        let count = Tensors.last tensor

        let pooled = tensor.``to``(torch.ScalarType.Float64).cpu().contiguous().clone().reshape(-1L, count)

        let means, sizes = Array.zeroCreate (int count), Array.zeroCreate (int count)

        let vectors, together = pooled.shape[0], max 1L (most / count)

        for start in 0L .. together .. vectors - 1L do
            use part = pooled.narrow (0L, start, min together (vectors - start))
            poolAll (part, means, sizes)

        pooled.reshape(tensor.shape).``to`` tensor.device
