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
    ]
