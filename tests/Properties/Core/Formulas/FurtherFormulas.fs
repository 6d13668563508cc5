/// Formulas of bounded condition numbers, written apart from the library.
module internal Properties.Core.Formulas.FurtherFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

/// Each vector by itself: a geometric mean, and powers of the ratio.
let private boundedRatio (ratio: float) (x: T) : T =
    let ofVector (vector: T) =
        let apart = vector - vector.sum () / (float vector.shape[0]).ToScalar()
        let share = (apart * (2.0 / log ratio).ToScalar()).tanh()
        let powers = (share * (log ratio / 2.0).ToScalar()).exp()
        (vector - apart).exp() * powers

    (torch.stack [| for vector in (x.reshape (-1L, Array.last x.shape)).unbind 0 -> ofVector vector |]).reshape x.shape

let private conditioned (ratio: float) : Formula =
    fun parameters buffers ->
        let left, right =
            orthogonal [ parameters[0] ] [ buffers[0] ], orthogonal [ parameters[2] ] [ buffers[1] ]

        left.matmul(torch.diag (boundedRatio ratio parameters[1])).matmul(transpose right)

let all: (string * Formula) list =
    [
        "boundedRatio", (fun parameters _ -> boundedRatio 4.0 parameters.Head)
        "conditioned", conditioned 4.0
    ]
