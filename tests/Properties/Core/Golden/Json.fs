/// Reading reference files: every error says where in the file it is.
module Properties.Core.Golden.Json

open System
open System.Text.Json
open TorchSharp

/// Something in the file is not as it should be.
exception Malformed of path: string * reason: string

/// An element with the path that led to it.
type Node = { Path: string; Element: JsonElement }

/// Numbers of the file, in double precision.
type Numbers = { Shape: int64[]; Data: float[] }

let private malformed (node: Node) (reason: string) : 'a = raise (Malformed(node.Path, reason))

let private expect (kind: JsonValueKind) (node: Node) : unit =
    if node.Element.ValueKind <> kind then
        malformed node $"expected {kind}, found {node.Element.ValueKind}"

let tryField (name: string) (node: Node) : Node option =
    expect JsonValueKind.Object node

    match node.Element.TryGetProperty name with
    | true, element -> Some { Path = $"{node.Path}.{name}"; Element = element }
    | _ -> None

let field (name: string) (node: Node) : Node =
    match tryField name node with
    | Some found -> found
    | None -> malformed node $"the key '{name}' is missing"

let items (node: Node) : Node list =
    expect JsonValueKind.Array node

    [
        for index, element in Seq.indexed (node.Element.EnumerateArray()) do
            { Path = $"{node.Path}[{index}]"; Element = element }
    ]

let fields (node: Node) : (string * Node) list =
    expect JsonValueKind.Object node

    [
        for property in node.Element.EnumerateObject() do
            property.Name, { Path = $"{node.Path}.{property.Name}"; Element = property.Value }
    ]

let text (node: Node) : string =
    expect JsonValueKind.String node
    nonNull (node.Element.GetString())

let truth (node: Node) : bool =
    match node.Element.ValueKind with
    | JsonValueKind.True -> true
    | JsonValueKind.False -> false
    | kind -> malformed node $"expected true or false, found {kind}"

let isNull (node: Node) : bool = node.Element.ValueKind = JsonValueKind.Null

/// Also in words, as Python writes what JSON has no numbers for.
let number (node: Node) : float =
    match node.Element.ValueKind with
    | JsonValueKind.Number -> node.Element.GetDouble()
    | JsonValueKind.String ->
        match (text node).ToLowerInvariant() with
        | "nan" -> nan
        | "inf"
        | "infinity" -> infinity
        | "-inf"
        | "-infinity" -> -infinity
        | other -> malformed node $"expected a number, found '{other}'"
    | kind -> malformed node $"expected a number, found {kind}"

let whole (node: Node) : int64 =
    expect JsonValueKind.Number node

    match node.Element.TryGetInt64() with
    | true, value -> value
    | _ -> malformed node $"expected a whole number, found {node.Element.GetRawText()}"

/// Whether a number was written without a fraction: 5 entries, or 0.5 of them.
let isWhole (node: Node) : bool =
    node.Element.ValueKind = JsonValueKind.Number
    && Seq.forall Char.IsAsciiDigit (node.Element.GetRawText())

let numbers (node: Node) : Numbers =
    let shape = node |> field "shape" |> items |> List.map whole |> List.toArray
    let data = node |> field "data" |> items |> List.map number |> List.toArray

    if Array.exists (fun size -> size < 0L) shape then
        malformed node "the shape has a negative size"

    if Array.fold (*) 1L shape <> int64 data.Length then
        malformed node $"shape {Parametrize.Form.Shown shape} does not have {data.Length} entries"

    { Shape = shape; Data = data }

let tensor (node: Node) : torch.Tensor =
    let numbers = numbers node

    torch
        .tensor(numbers.Data, dtype = torch.ScalarType.Float64)
        .reshape(numbers.Shape)
        .``to``(Parametrize.Laws.Case.device)

/// The tensors of a state dict by name.
let state (node: Node) : Map<string, torch.Tensor> =
    fields node |> List.map (fun (name, node) -> name, tensor node) |> Map.ofList

let stateTensor (name: string) (node: Node) : torch.Tensor = node |> field name |> tensor
