/// What the packages ask for and what is in them.
module Packages

#load "Shell.fsx"

open System
open System.IO
open System.IO.Compression
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open System.Xml.Linq
open Shell

type Package =
    {
        Id: string
        Version: string
        Nuspec: XElement
        /// Every file of the package and of its symbols.
        Files: Map<string, byte[]>
    }

let private bytes (stream: Stream) : byte[] =
    use copy = new MemoryStream()
    stream.CopyTo copy
    copy.ToArray()

let private unzip (path: string) : (string * byte[]) list =
    use archive = ZipFile.OpenRead path

    [
        for entry in archive.Entries do
            use stream = entry.Open()
            entry.FullName, bytes stream
    ]

let private elements (name: string) (parent: XElement) : XElement list =
    parent.Descendants() |> Seq.filter (fun node -> node.Name.LocalName = name) |> List.ofSeq

let private text (name: string) (parent: XElement) : string =
    elements name parent |> List.map _.Value |> String.concat ""

let private attribute (name: string) (node: XElement) : string =
    node.Attribute(XName.Get name) |> Option.ofObj |> Option.map _.Value |> Option.defaultValue ""

let read (path: string) : Package =
    let own = unzip path
    let isNuspec (name: string, _) = name.EndsWith ".nuspec"
    use nuspec = new MemoryStream(own |> List.find isNuspec |> snd)
    let nuspec = XElement.Load nuspec
    let symbols = Path.ChangeExtension(path, ".snupkg")

    {
        Id = text "id" nuspec
        Version = (elements "version" nuspec).Head.Value
        Nuspec = nuspec
        Files = own @ (if File.Exists symbols then unzip symbols else []) |> Map
    }

let private filesOf (extension: string) (package: Package) : byte[] list =
    package.Files
    |> Map.toList
    |> List.filter (fun (name, _) -> name.EndsWith extension)
    |> List.map snd

/// A tool's package has those of others too.
let private ownAssemblies (package: Package) : Map<string, byte[]> =
    package.Files
    |> Map.filter (fun name _ -> Path.GetFileName(name).StartsWith "Parametrize." && name.EndsWith ".dll")

let private inflated (compressed: byte[]) : byte[] =
    use stream = new DeflateStream(new MemoryStream(compressed), CompressionMode.Decompress)
    bytes stream

/// What F# keeps in an assembly for other compilations may be compressed.
let private compressedResources (assembly: byte[]) : byte[] list =
    use file = new PEReader(new MemoryStream(assembly))
    let metadata = file.GetMetadataReader()
    let start = file.PEHeaders.CorHeader.ResourcesDirectory.RelativeVirtualAddress

    [
        for handle in metadata.ManifestResources do
            let resource = metadata.GetManifestResource handle

            if metadata.GetString(resource.Name).Contains "Compressed" then
                let mutable reader = file.GetSectionData(start + int resource.Offset).GetReader()
                inflated (reader.ReadBytes(reader.ReadInt32()))
    ]

let private embeddedSource = Guid "0E8A571B-6926-466E-B4AD-8AB04611F5FE"
let private sourceLink = Guid "CC110556-A091-4D38-9FEC-25AB9A351A6A"

let private withSymbols (action: MetadataReader -> 'a) (symbols: byte[]) : 'a =
    use provider = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(symbols))
    action (provider.GetMetadataReader())

let private debugInformation (kind: Guid) (symbols: byte[]) : byte[] list =
    symbols
    |> withSymbols (fun reader ->
        [
            for handle in reader.CustomDebugInformation do
                let information = reader.GetCustomDebugInformation handle

                if reader.GetGuid information.Kind = kind then
                    reader.GetBlobBytes information.Value
        ])

/// Sources begin with their length when they are compressed, else with zero.
let private compressedSources (symbols: byte[]) : byte[] list =
    debugInformation embeddedSource symbols
    |> List.filter (fun blob -> BitConverter.ToInt32(blob, 0) <> 0)
    |> List.map (fun blob -> inflated blob[4..])

let private documents (symbols: byte[]) : string list =
    symbols
    |> withSymbols (fun reader ->
        [ for handle in reader.Documents -> reader.GetString(reader.GetDocument(handle).Name) ])

/// The folders that only this machine has.
let private foldersOfThisMachine =
    let home = Environment.GetFolderPath Environment.SpecialFolder.UserProfile

    [
        root
        if home.Length > 1 then
            home + string Path.DirectorySeparatorChar
    ]

let private mentions (folder: string) (content: byte[]) : bool =
    [ Encoding.UTF8; Encoding.Unicode ]
    |> List.exists (fun encoding -> content.AsSpan().IndexOf(encoding.GetBytes folder) >= 0)

let private pathFaults (package: Package) : string list =
    let hidden =
        ((ownAssemblies package).Values |> Seq.collect compressedResources |> List.ofSeq)
        @ (filesOf ".pdb" package |> List.collect compressedSources)
        |> List.map (fun content -> "what is compressed in it", content)

    [
        for name, content in Map.toList package.Files @ hidden do
            for folder in foldersOfThisMachine do
                if mentions folder content then
                    $"{name} mentions {folder}"
    ]

let private debuggingFaults (package: Package) : string list =
    [
        for assembly in (ownAssemblies package).Keys do
            if not (package.Files.ContainsKey(Path.ChangeExtension(assembly, ".pdb"))) then
                $"{assembly} has no symbols"

        for symbols in filesOf ".pdb" package do
            match debugInformation sourceLink symbols |> List.map Encoding.UTF8.GetString with
            | [ link ] when link.Contains "https://" -> ()
            | _ -> "the symbols do not say where the sources are"

            for document in documents symbols do
                if not (document.StartsWith "/_") then
                    $"the symbols name {document}"
    ]

let private relativeLink = Regex @"\]\((?!https://|#)[^)]*\)"

let private pageFaults (package: Package) : string list =
    [
        for name in [ "icon"; "readme" ] do
            match package.Files.TryFind(text name package.Nuspec) with
            | Some content when name = "readme" ->
                for link in relativeLink.Matches(Encoding.UTF8.GetString content) do
                    $"the README has {link.Value}"
            | Some _ -> ()
            | None -> $"there is no {name}"

        for name in [ "description"; "license"; "projectUrl"; "tags" ] do
            if text name package.Nuspec = "" then
                $"there is no {name}"

        if elements "repository" package.Nuspec |> List.forall (fun node -> attribute "url" node = "") then
            "there is no address of the repository"
    ]

/// The lowest version of the SDK that global.json admits. It brings an FSharp.Core of at least the same number.
let private lowestSdk =
    use settings = JsonDocument.Parse(File.ReadAllText(under "global.json"))
    settings.RootElement.GetProperty("sdk").GetProperty("version").GetString() |> Version

let private dependencyFaults (packed: Package list) (package: Package) : string list =
    [
        for dependency in elements "dependency" package.Nuspec do
            let id, version = attribute "id" dependency, attribute "version" dependency

            if packed |> List.exists (fun other -> other.Id = id) && version <> $"[{package.Version}]" then
                $"it asks for {id} {version}, not for exactly {package.Version}"

            if id = "FSharp.Core" && Version version > lowestSdk then
                $"it asks for FSharp.Core {version}, but an SDK of {lowestSdk} brings {lowestSdk}"
    ]

/// What is wrong with one of the packages.
let faults (packed: Package list) (package: Package) : string list =
    List.concat [ dependencyFaults packed package; pageFaults package; debuggingFaults package; pathFaults package ]
