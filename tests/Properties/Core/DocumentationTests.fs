/// Everything public has a summary.
module Properties.Core.DocumentationTests

open System
open System.IO
open System.Reflection
open System.Xml.Linq
open Expecto
open Microsoft.FSharp.Reflection
open Parametrize
open Parametrize.Laws

/// The names of what is documented, without parameters: overloads share what they are about.
let private documented (assembly: Assembly) : Set<string> =
    let plain (name: string) = name.Split('(', '`')[0]

    let documents = XDocument.Load(nonNull (Path.ChangeExtension(assembly.Location, ".xml")))

    documents.Descendants "member"
    |> Seq.filter (fun found -> not (String.IsNullOrWhiteSpace found.Value))
    |> Seq.map (fun found ->
        let name = nonNull (found.Attribute "name")
        plain name.Value)
    |> Set.ofSeq

let private isMade (found: MemberInfo) : bool =
    found.GetCustomAttributes()
    |> Seq.exists (fun attribute ->
        attribute.GetType().Name = "CompilerGeneratedAttribute"
        || attribute.GetType().Name = "DebuggerNonUserCodeAttribute")

/// What the compiler adds to unions: the numbers of the cases, and a type for each.
let private isOfUnion (found: Type) : bool = found.DeclaringType |> Option.ofObj |> Option.exists FSharpType.IsUnion

let private nameOf (found: Type) : string = ((nonNull found.FullName).Replace('+', '.').Split '`')[0]

let private members (declaring: Type) : string list =
    let flags =
        BindingFlags.Public ||| BindingFlags.Instance ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly

    [
        for found in declaring.GetMembers flags do
            match found with
            | _ when isMade found -> ()
            | :? MethodInfo as method when not method.IsSpecialName && method.GetBaseDefinition() = method ->
                $"M:{nameOf declaring}.{method.Name}"
            | :? PropertyInfo as property -> $"P:{nameOf declaring}.{property.Name}"
            | _ -> ()
    ]

let private undocumented (assembly: Assembly) : string list =
    let documented = documented assembly

    [
        for found in assembly.GetExportedTypes() do
            if not (isOfUnion found) then
                $"T:{nameOf found}"
                yield! members found
    ]
    |> List.filter (documented.Contains >> not)

let tests: Test =
    testList
        "documentation"
        [
            for assembly in [ typeof<Parametrization>.Assembly; typeof<Case>.Assembly ] do
                testCase $"everything public in {assembly.GetName().Name} has a summary" (fun () ->
                    Expect.equal (undocumented assembly) [] "without a summary")
        ]
