/// A file of reference cases, and what agrees with it.
module Properties.Core.Golden.GoldenFile

open System.IO
open System.Text.Json
open Properties.Core.Golden.Json
open TorchSharp

type Case = { Number: int; Title: string; Verdict: Lazy<Verdict> }

/// The scalar fields of a case, which tell it from others of its kind.
let private titleOf (number: int) (case: Node) : string =
    let shown (name: string, node: Node) =
        match node.Element.ValueKind with
        | JsonValueKind.String when name = "kind" -> Some(text node)
        | JsonValueKind.String
        | JsonValueKind.Number
        | JsonValueKind.True
        | JsonValueKind.False
        | JsonValueKind.Null -> Some $"{name} {node.Element.GetRawText().Trim '"'}"
        | JsonValueKind.Array when name = "shape" -> Some $"{name} {node.Element.GetRawText()}"
        | _ -> None

    let parts =
        match case.Element.ValueKind with
        | JsonValueKind.Object -> fields case |> List.choose shown
        | _ -> []

    let parts = String.concat ", " parts
    $"{number} {parts}"

/// Whatever is wrong with a case becomes its verdict.
let private verdictOf (case: Node) : Verdict =
    use _ = torch.NewDisposeScope()

    try
        Kinds.verdict (case |> field "kind" |> text) case
    with
    | Malformed(path, reason) -> Verdict.Unreadable $"{path}: {reason}"
    // Tensors that do not fit each other: libtorch, arrays and dictionaries say so by exceptions of their own.
    | error -> Verdict.Unreadable(Verdict.because error)

let private casesOf (root: Node) : Case list =
    match root |> field "dtype" |> text with
    | "float64" -> ()
    | other -> raise (Malformed($"{root.Path}.dtype", $"only float64 can be compared to 1e-9, found {other}"))

    [
        for index, case in root |> field "cases" |> items |> List.indexed do
            { Number = index; Title = titleOf index case; Verdict = lazy verdictOf case }
    ]

/// The cases of a file, or why it cannot be read.
let load (path: string) : Result<Case list, string> =
    try
        use document = JsonDocument.Parse(File.ReadAllText path)

        // The document's memory is pooled, and cases outlive it.
        Ok(casesOf { Path = "file"; Element = document.RootElement.Clone() })
    with
    | Malformed(path, reason) -> Error $"{path}: {reason}"
    | :? JsonException as error -> Error $"not JSON: {error.Message}"
    | :? IOException
    | :? System.UnauthorizedAccessException as error -> Error error.Message
