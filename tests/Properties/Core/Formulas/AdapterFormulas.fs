/// Small changes of frozen weights, entry by entry.
module internal Properties.Core.Formulas.AdapterFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

let private flat (x: T) : T = x.reshape (x.shape[0], -1L)

let private changed (factor: float) (weight: T) (a: T) (b: T) : T =
    weight + ((flat b).matmul(flat a)).reshape weight.shape * factor.ToScalar()

let private lora (factor: float) : Formula =
    fun parameters buffers -> changed factor buffers[0] parameters[0] parameters[1]

/// The columns in pairs (u, v), each turned by the angle of which the half has the tangent q.
let private turned: Formula =
    fun parameters buffers ->
        let weight = flat buffers[0]
        let column (index: int64) = weight.narrow (1L, index, 1L)

        torch.cat (
            [|
                for pair in 0L .. weight.shape[1] / 2L - 1L do
                    let angle = parameters[0].[pair, 0L].atan() * (2.0).ToScalar()
                    let u, v = column (2L * pair), column (2L * pair + 1L)
                    u * angle.cos () - v * angle.sin ()
                    u * angle.sin () + v * angle.cos ()
            |],
            1L
        )
        |> _.reshape(buffers[0].shape)

/// Blocks of columns times (I + Q)(I - Q)^-1, with the numbers above the diagonal of Q row by row.
let private turnedInBlocks (block: int64) : Formula =
    fun parameters buffers ->
        let weight = flat buffers[0]
        let eye = like weight (torch.eye block)

        torch.cat (
            [|
                for index in 0L .. weight.shape[1] / block - 1L do
                    let q = torch.zeros_like eye
                    let mutable next = 0L

                    for row in 0L .. block - 1L do
                        for column in row + 1L .. block - 1L do
                            q[row, column] <- parameters[0].[index, next]
                            q[column, row] <- -parameters[0].[index, next]
                            next <- next + 1L

                    let rotation = (eye + q).matmul(torch.linalg.inv (eye - q))
                    weight.narrow(1L, index * block, block).matmul rotation
            |],
            1L
        )
        |> _.reshape(buffers[0].shape)

let all: (string * Formula) list =
    [
        "lora", lora 2.0
        "rsLora", lora (4.0 / sqrt 3.0)
        "dora", (fun parameters buffers -> weightNorm 0 [ parameters[0]; lora 2.0 parameters.Tail buffers ] [])
        "oft", turned
        "oft 4", turnedInBlocks 4L
    ]
