/// Weights as training uses them in practice, number by number.
module internal Properties.Core.Formulas.PracticeFormulas

open System
open TorchSharp
open Properties.Core.Formulas.Naive

let private numbers (x: T) : float[] = [| for number in (x.detach().reshape -1L).unbind 0L -> number.ToDouble() |]

let private ofNumbers (x: T) (values: float[]) : T =
    like x ((torch.tensor (values, dtype = torch.ScalarType.Float64)).reshape x.shape)

let private quantized (least: float) (greatest: float) (scale: float) (zeroPoint: float) (x: T) : T =
    numbers x
    |> Array.map (fun number ->
        let place = Math.Round(number / scale, MidpointRounding.ToEven) + zeroPoint
        scale * (Math.Clamp(place, least, greatest) - zeroPoint))
    |> ofNumbers x

let private channels (f: int -> T -> T) (x: T) : T =
    torch.stack [| for channel in 0 .. int x.shape[0] - 1 -> f channel (x.select (0L, int64 channel)) |]

let private meanOf (values: float[]) : float = if values.Length = 0 then 0.0 else Array.average values

let private binary (x: T) : T =
    let values = numbers x
    let size = values |> Array.map abs |> meanOf
    values |> Array.map (fun value -> if value >= 0.0 then size else -size) |> ofNumbers x

let private ternary (x: T) : T =
    let values = numbers x
    let threshold = 0.7 * (values |> Array.map abs |> meanOf)
    let size = values |> Array.map abs |> Array.filter (fun value -> value > threshold) |> meanOf

    values
    |> Array.map (fun value -> if abs value > threshold then float (sign value) * size else 0.0)
    |> ofNumbers x

let private standardized (x: T) : T =
    let values = numbers x
    let mean = Array.average values
    let deviation = sqrt (values |> Array.averageBy (fun value -> (value - mean) ** 2.0))
    values |> Array.map (fun value -> (value - mean) / deviation) |> ofNumbers x

/// The largest of each group of four, by sorting.
let private twoOfFour (x: T) : T =
    let groups = x.reshape (-1L, 4L)

    let kept (group: T) =
        let order = numbers (group.abs ()) |> Array.indexed |> Array.sortBy (fun (place, size) -> -size, place)
        let stays = order |> Array.take 2 |> Array.map fst
        let mask = Array.init 4 (fun place -> if Array.contains place stays then 1.0 else 0.0)
        group * torch.tensor(mask, dtype = torch.ScalarType.Float64).``to`` group.dtype

    (torch.stack [| for index in 0L .. groups.shape[0] - 1L -> kept (groups.select (0L, index)) |]).reshape x.shape

/// Each column over the root of the sum of the moduli of its products with all.
let private aol (x: T) : T =
    let column (index: int64) = x.select (1L, index)

    torch.stack (
        [|
            for index in 0L .. x.shape[1] - 1L ->
                let products =
                    [
                        for other in 0L .. x.shape[1] - 1L ->
                            ((column index).conj() * column other)
                                .sum()
                                .abs()
                                .to_type(torch.ScalarType.Float64)
                                .ToDouble()
                    ]

                column index / (sqrt (List.sum products)).ToScalar()
        |],
        1L
    )

/// The matrix of a convolution, entry by entry: every place of the output reads those of the input around the end.
let private convolution (high: int64) (wide: int64) (kernel: T) : T =
    let outs, ins = kernel.shape[0], kernel.shape[1]
    let matrix = torch.zeros (outs * high * wide, ins * high * wide, dtype = kernel.dtype)

    for row in 0L .. high - 1L do
        for column in 0L .. wide - 1L do
            for i in 0L .. kernel.shape[2] - 1L do
                for j in 0L .. kernel.shape[3] - 1L do
                    let read = (row + i) % high * wide + (column + j) % wide

                    for output in 0L .. outs - 1L do
                        for input in 0L .. ins - 1L do
                            let place = output * high * wide + row * wide + column
                            matrix[place, input * high * wide + read] <- kernel[output, input, i, j]

    matrix

let private ofNorm (bound: float) (kernel: T) : T =
    let norm = torch.linalg.svdvals(convolution 4L 5L kernel).max()
    kernel * bound.ToScalar() / norm

let private first (x: T) : float = Array.head (numbers x)

let all: (string * Formula) list =
    [
        "fakeQuantized",
        (fun parameters buffers ->
            let scale, zeroPoint = numbers buffers[0], numbers buffers[1]
            channels (fun channel -> quantized -127.0 127.0 scale[channel] zeroPoint[channel]) parameters.Head)
        "fakeQuantized, affine",
        (fun parameters buffers -> quantized 0.0 15.0 (first buffers[0]) (first buffers[1]) parameters.Head)
        "binary", (fun parameters _ -> channels (fun _ -> binary) parameters.Head)
        "ternary", (fun parameters _ -> ternary parameters.Head)
        "groupSparse", (fun parameters _ -> twoOfFour parameters.Head)
        "weightStandardized", (fun parameters _ -> channels (fun _ -> standardized) parameters.Head)
        "sigmaReparametrized", (fun parameters buffers -> parameters[0] * spectralNorm 0 1.0 [ parameters[1] ] buffers)
        "aol", (fun parameters _ -> aol parameters.Head)
        "convolutionNorm", (fun parameters _ -> ofNorm 2.0 parameters.Head)
        "weightNoise", (fun parameters _ -> parameters.Head)
        "weightDropout", (fun parameters _ -> parameters.Head)
    ]
