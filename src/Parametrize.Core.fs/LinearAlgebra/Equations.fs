namespace Parametrize.LinearAlgebra

open System
open Parametrize

/// Linear equations `A w = b` with independent rows, by the QR decomposition of A^T with Householder reflections
/// (Golub & Van Loan 2013, algorithm 5.2.1) and `Q = I - V T V^T` (Schreiber & Van Loan 1989). Few numbers, in double precision
/// and without tensors: results are the same on every machine.
type internal Equations private (size: int64, reflectors: float[], triangle: float[], solution: float[]) =

    /// A row depends on those before it if the rest of it, orthogonal to these, has at most this share of its length.
    static let independent = 1e-10

    static let dot (left: float[]) (right: float[]) : float = Array.fold2 (fun sum x y -> sum + x * y) 0.0 left right

    static let norm (vector: float[]) : float = sqrt (dot vector vector)

    static let reflected (v: float[]) (vector: float[]) : float[] =
        let along = 2.0 * dot v vector
        Array.map2 (fun entry part -> entry - along * part) vector v

    static let refuse (name: string) (message: string) : unit = invalidArg name message

    static let check (rows: float list list) (right: float list) : unit =
        if rows.IsEmpty then
            refuse "rows" "At least one row is needed, but none was given."

        let columns = rows.Head.Length

        match rows |> List.tryFind (fun row -> row.Length <> columns) with
        | Some row -> refuse "rows" $"All rows must have one length, but there are {columns} and {row.Length} numbers."
        | None -> ()

        if rows.Length >= columns then
            refuse "rows" $"There must be fewer rows than columns, but there are {rows.Length} and {columns}."

        if right.Length <> rows.Length then
            refuse
                "right"
                $"Each row needs a right-hand side, but there are {rows.Length} rows and {right.Length} numbers."

        match rows |> List.concat |> List.tryFind (Double.IsFinite >> not) with
        | Some number -> refuse "rows" (invariant $"All numbers must be finite, but one is {number}.")
        | None -> ()

        match right |> List.tryFind (Double.IsFinite >> not) with
        | Some number -> refuse "right" (invariant $"All right-hand sides must be finite, but one is {number}.")
        | None -> ()

    /// How many numbers w has.
    member _.Size: int64 = size

    /// V, row after row.
    member _.Reflectors: float[] = reflectors

    /// T, row after row.
    member _.Triangle: float[] = triangle

    /// The first numbers of `Q^T w` for every solution w.
    member _.Solution: float[] = solution

    /// Throws ArgumentException where the numbers are no such equations.
    static member Of(rows: float list list, right: float list) : Equations =
        check rows right
        let count, size = rows.Length, rows.Head.Length
        let vectors: float[][] = Array.zeroCreate count
        let solution: float[] = Array.zeroCreate count
        let triangle = Array2D.zeroCreate<float> count count

        for index, (row, side) in List.indexed (List.zip rows right) do
            // In units of the largest entry, so that no square leaves the range.
            let unit = row |> List.map abs |> List.max

            if unit = 0.0 then
                refuse "rows" $"Row {index + 1} has zeros only."

            let row = row |> List.map (fun entry -> entry / unit) |> List.toArray
            let turned = vectors[.. index - 1] |> Array.fold (fun vector v -> reflected v vector) row
            let rest = turned |> Array.mapi (fun place entry -> if place < index then 0.0 else entry)
            let length = norm rest

            if length <= independent * norm row then
                refuse "rows" $"The rows must be independent, but row {index + 1} is a combination of those before it."

            let pivot = if turned[index] > 0.0 then -length else length
            rest[index] <- rest[index] - pivot
            let size = norm rest
            vectors[index] <- rest |> Array.map (fun entry -> entry / size)
            // R^T y = b, whose row `index` is what the reflections make of this one.
            let known = dot turned[.. index - 1] solution[.. index - 1]
            solution[index] <- (side / unit - known) / pivot

            if not (Double.IsFinite solution[index]) then
                refuse "right" $"Row {index + 1} has no solution in double precision."

            triangle[index, index] <- 2.0

            for place in 0 .. index - 1 do
                triangle[place, index] <-
                    -2.0
                    * Seq.sum (
                        seq { for k in place .. index - 1 -> triangle[place, k] * dot vectors[k] vectors[index] }
                    )

        let reflectors =
            [|
                for place in 0 .. size - 1 do
                    for v in vectors -> v[place]
            |]

        let entries =
            [|
                for row in 0 .. count - 1 do
                    for column in 0 .. count - 1 -> triangle[row, column]
            |]

        Equations(int64 size, reflectors, entries, solution)
