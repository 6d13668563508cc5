/// Whatever the registry has is typed in C#, documented, and tried by the laws.
module Properties.Core.RegistryTests

open System
open System.IO
open System.Text.RegularExpressions
open FSharp.Reflection
open Expecto
open Parametrize
open Parametrize.CSharp

let private documents: string = Path.Combine(AppContext.BaseDirectory, "documents")

let private pages () : string =
    Directory.GetFiles(Path.Combine(documents, "catalogue"))
    |> Seq.map File.ReadAllText
    |> String.concat "\n"

/// The rows of the tables of values.
let private rows () : string =
    File.ReadLines(Path.Combine(documents, "catalogue.md"))
    |> Seq.filter _.StartsWith('|')
    |> String.concat "\n"

/// Whether a text has the name, or says that `...From` goes with the name that it begins with.
let rec private mentions (text: string) (name: string) : bool =
    Regex.IsMatch(text, $@"(?<!\w){name}(?!\w)")
    || name.EndsWith "From" && text.Contains "...From" && mentions text (name[.. name.Length - 5])

/// The member of `Parametrizations` with which the C# of a value begins or ends.
let private existsInCSharp (form: string) : bool =
    let found = Regex.Match(form, @"(?:Parametrizations|\{0\})\.(\w+)")
    found.Success && typeof<Parametrizations>.GetMember(found.Groups[1].Value).Length > 0

/// Names of values that print as `bounded`, which is tried.
let private otherNames: (string * Parametrization) list =
    [
        "above 0.5", Values.BoundedValues.above 0.5
        "below 0.5", Values.BoundedValues.below 0.5
        "unitInterval", Values.BoundedValues.unitInterval
    ]

/// What F# opens with `Parametrize.Values`.
let private typed: Set<string> =
    set
        [
            for found in typeof<Parametrization>.Assembly.GetExportedTypes() do
                if found.Namespace = "Parametrize.Values" then
                    for value in found.GetProperties() do
                        if value.PropertyType = typeof<Parametrization> then
                            value.Name

                    for method in found.GetMethods() do
                        if method.ReturnType = typeof<Parametrization> && not method.IsSpecialName then
                            method.Name
        ]

/// Operators, and functions of values that are no heads of their own.
let private noHeads: Set<string> = set [ "op_GreaterGreaterGreaterBang" ]

/// The catalogue has an entry that is typed with the name, or called by it where it prints as another.
let private isTried (head: Head) : bool =
    (otherNames |> List.exists (fun (name, _) -> name.Split(' ')[0] = head.Name))
    || Catalogue.entries
       |> List.exists (fun entry ->
           entry.Name = head.Name || List.contains head.Name (ReadingTests.names entry.Value.Description))

/// Names of values with the cases of options that are typed with them.
let rec private options (code: Code) : (string * string) list =
    match code with
    | Code.Call(name, arguments) ->
        [
            for argument in arguments do
                match argument with
                | Code.Symbol case -> name, case
                | other -> yield! options other
        ]
    | Code.Then(first, next, _) -> options first @ options next
    | Code.Items items
    | Code.Tuple items -> List.collect options items
    | _ -> []

/// The other cases of the same option, as they are typed.
let private otherCases (case: string) : string list =
    let option = case.Split('.')[0]

    match typeof<Parametrization>.Assembly.GetType $"Parametrize.{option}" with
    | null -> []
    | found ->
        [
            for each in FSharpType.GetUnionCases found do
                if each.GetFields().Length = 0 && $"{option}.{each.Name}" <> case then
                    $"{option}.{each.Name}"
        ]

/// Values of the catalogue with another case of an option, where no law tries the value's name with that case. The default prints
/// without its case, so that such a value is told by its text.
let private untriedCases () : string list =
    let tried = LawSuite.subjects |> List.map _.Value
    let pairs = tried |> Seq.collect (fun value -> options value.Description) |> set
    let texts = tried |> Seq.map string |> set

    [
        for entry in Catalogue.entries do
            for name, case in options entry.Value.Description do
                for other in otherCases case do
                    if not (pairs.Contains(name, other)) then
                        match Reading.parse ((string entry.Value).Replace(case, other)) with
                        | Ok value when not (texts.Contains(string value)) -> string value
                        | _ -> ()
    ]

/// The names of what is missing somewhere.
let private missing (isThere: Head -> bool) : string list =
    Registry.build () |> List.filter (isThere >> not) |> List.map _.Name

let private complete (where: string) (isThere: Head -> bool) : Test =
    testCase $"is complete {where}" (fun () -> Expect.equal (missing isThere) [] $"missing {where}")

let tests: Test =
    testList
        "registry"
        [
            testCase "reads all names that F# has" (fun () ->
                let unread = typed - noHeads - set (Registry.names ())
                Expect.equal (Set.toList unread) [] "no heads"

                for text, value in otherNames do
                    Expect.equal (Reading.parse text) (Ok value) text)
            complete "in C#" (fun head -> existsInCSharp head.CSharp)
            complete "in docs/catalogue" (fun head -> mentions (pages ()) head.Name)
            complete "in the tables of docs/catalogue.md" (fun head -> mentions (rows ()) head.Name)
            complete "in the catalogue, which the laws and the C# tests try" isTried
            testCase "each case of an option is tried by the laws" (fun () ->
                Expect.equal (untriedCases ()) [] "values with cases that no law tries")
        ]
