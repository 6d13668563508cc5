namespace Parametrize

/// Finds the name that was meant by an unknown one.
[<RequireQualifiedAccess>]
module internal Misspelling =

    /// How many letters have to be put in, left out, replaced or exchanged with the next (Damerau 1964).
    let private distance (left: string) (right: string) : int =
        let table = Array2D.zeroCreate (left.Length + 1) (right.Length + 1)

        for i in 0 .. left.Length do
            for j in 0 .. right.Length do
                table[i, j] <-
                    if i = 0 || j = 0 then
                        i + j
                    else
                        let replaced = table[i - 1, j - 1] + (if left[i - 1] = right[j - 1] then 0 else 1)
                        let least = min replaced (1 + min table[i - 1, j] table[i, j - 1])

                        if i > 1 && j > 1 && left[i - 1] = right[j - 2] && left[i - 2] = right[j - 1] then
                            min least (table[i - 2, j - 2] + 1)
                        else
                            least

        table[left.Length, right.Length]

    /// The nearest name, if at most one letter in three differs.
    let meant (names: string seq) (typed: string) : string option =
        let lower = typed.ToLowerInvariant()

        names
        |> Seq.map (fun name -> distance lower (name.ToLowerInvariant()), name)
        |> Seq.filter (fun (count, _) -> 3 * count <= typed.Length)
        |> Seq.sortBy fst
        |> Seq.tryHead
        |> Option.map snd

    /// The expected text, with the name that was meant in place of an example.
    let hinted (expected: string) (names: string seq) (typed: string) : string =
        match meant names typed with
        | Some name ->
            let kind = expected.Split(" such as ")[0]
            $"{kind} (did you mean {name}?)"
        | None -> expected
