/// Code that is read back.
module Properties.Core.ReadingTests

open System
open System.Globalization
open System.IO
open Expecto
open Parametrize
open Parametrize.Values

module private Shown =

    /// A tree with what its code leaves out.
    let rec all (tree: Tree) : string =
        match tree with
        | Tree.Leaf -> "_"
        | Tree.Into(view, inner) -> $"into {View.name view} ({all inner})"
        | Tree.OutOf(view, inner) -> $"out of {View.name view} ({all inner})"
        | Tree.Apply(node, inputs, fits) ->
            let inputs = inputs |> List.map all |> String.concat ", "
            $"{node}, {fits} ({inputs})"

/// Any value of up to that depth: of the catalogue, with numbers of its own, viewed, joined, and behind others.
let rec private tree (random: Random) (depth: int) : Parametrization =
    let among (values: 'a list) = values[random.Next values.Length]
    let number () = Math.Exp(random.NextDouble() * 60.0 - 30.0)

    let own () =
        match random.Next 5 with
        | 0 -> sphere (number ())
        | 1 -> bounded -(number ()) (number ())
        | 2 ->
            spectralNormWith
                {
                    Bound = number ()
                    Dimension = random.Next 3 - 1
                    Iterations = 1 + random.Next 3
                    Epsilon = number ()
                }
        | 3 ->
            let shape = Array.init (random.Next 4) (fun _ -> int64 (random.Next 6))
            let count = int (Array.fold (*) 1L shape)
            pruned (Pruning.Custom(Mask.OfArray(shape, Array.init count (fun _ -> random.Next 2 = 0))))
        | _ -> pruned (Pruning.Bernoulli(random.NextDouble(), uint64 (random.NextInt64()) * 2UL + 1UL))

    let inner () = tree random (depth - 1)

    match random.Next(if depth = 0 then 2 else 8) with
    | 0 -> (among Catalogue.entries).Value
    | 1 -> own ()
    | 2 -> onKernel (inner ())
    | 3 -> transposed (inner ())
    | 4 ->
        try
            joined [ inner (); inner () ] (weightNorm 0)
        with :? ArgumentException ->
            inner ()
    | _ ->
        let left, right = inner (), inner ()

        match Parametrization.tryAndThen right left with
        | Ok value -> value
        | Error(ParametrizationError.ReadsSeveralTensors _) -> left
        | Error _ -> left >>>! right

let private trees (count: int) : Parametrization list = [ for seed in 1..count -> tree (Random seed) (1 + seed % 4) ]

let private comesBack (value: Parametrization) : unit =
    match Parametrization.parse value.Code with
    | Ok read ->
        if read <> value then
            failtest $"{value.Code} came back as {read.Code}:\n{Shown.all value.Tree}\n{Shown.all read.Tree}"

        Expect.equal read.Code value.Code "printed alike"
        Expect.equal (read.ToCSharp()) (value.ToCSharp()) "printed alike in C#"
    | Error error -> failtest $"{value.Code}: {error}"

/// Text, position, and what is expected there.
let private malformed: (string * int * string) list =
    [
        "", 0, "a value"
        "   ", 3, "a value"
        "skw", 0, "a value of the library (did you mean skew?)"
        "skew >>>", 8, "a value"
        "skew >>> caley", 9, "a value of the library (did you mean cayley?)"
        "Orthogonal", 0, "a value of the library (did you mean orthogonal?)"
        "positvie", 0, "a value of the library (did you mean positive?)"
        "symmetricFrom Triangle.Uper", 14, "Triangle.Lower or Triangle.Upper (did you mean Triangle.Upper?)"
        "pruned (Pruning.Groupz(2, 4))", 8, "a pruning (did you mean Pruning.Groups?)"
        "scale .5", 6, "a digit before the point, as in 0.5"
        "scale -.5", 6, "a digit before the point, as in 0.5"
        "weightNorm 1L", 11, "a whole number such as 1 (write 1)"
        "lowRank 99999999999999999999L", 8, "a whole number between -9223372036854775808 and 9223372036854775807"
        "sum [ identity ]", 0, "another argument of sum (A sum has at least two terms, not 1.)"
        "skew cayley", 5, "the end of the arguments"
        "skew, cayley", 4, "'>>>' or the end"
        "skew )", 5, "'>>>' or the end"
        "(skew", 5, "',' or ')'"
        "sphere", 6, "a floating-point number such as 1.0"
        "sphere  >>> skew", 6, "a floating-point number such as 1.0"
        "sphere 1", 7, "a floating-point number such as 1.0 (write 1.0)"
        "sphere 1.0 2.0", 11, "the end of the arguments"
        "sphere 1.0x", 10, "a space or the end of the number"
        "sphere -1.0", 0, "another argument of sphere (The radius must be positive and finite, but it is -1.)"
        "bounded 1.0", 11, "a floating-point number such as 1.0"
        "weightNorm 99999999999", 11, "a whole number between -2147483648 and 2147483647"
        "weightNorm 0.5", 11, "a whole number such as 1"
        "symmetricFrom Lower", 14, "Triangle.Lower or Triangle.Upper"
        "pruned Nothing", 7, "a pruning such as (Pruning.UpTo 0.5)"
        "pruned (Pruning.L1 0.5)", 19, "an amount such as (Amount.Share 0.5)"
        "pruned (Pruning.Groups(2))", 24, "a whole number such as 1"
        "pruned (Pruning.Groups(2, 4, 6))", 29, "the end of the arguments"
        "pruned (Pruning.Ln(Amount.Share 0.5, 1.0))", 40, "a whole number such as 1"
        "pruned (Pruning.Custom (Mask.Parse \"2x2:\"))",
        24,
        "another argument of Mask.Parse (A mask is typed as sizes and bits, such as \"2x4:8A==\", but 4 entries need 1 bytes, and there are 0.)"
        "pruned (Pruning.Custom (Mask.Parse \"2x2", 39, "'\"' at the end of a text"
        "spectralNormWith { SpectralNorm.defaults with Bund = 1.0 }",
        53,
        "a field among Bound, Dimension, Iterations, Epsilon, not Bund (did you mean Bound?),"
        "spectralNormWith { SpectralNorm.defaults with Bound 1.0 }", 52, "'='"
        "spectralNormWith { SpectralNorm.defaults with Bound = 1.0", 57, "';' or '}'"
        "spectralNormWith { 1 with Bound = 1.0 }", 17, "{ SpectralNorm.defaults with ... }, whose fields are "
        "spectralNormWith { (1) with Bound = 1.0 }", 19, "the name of the defaults, such as SpectralNorm.defaults"
        "onKernel 1", 9, "a value of the library such as skew"
        "joined [ positive; 1 ] (weightNorm 0)", 19, "a value of the library such as skew"
        "joined [ positive ] (weightNorm 0)",
        0,
        "another argument of joined (weightNorm 0 needs one value for each of its 2 tensors, not 1.)"
        "[ skew ]", 0, "a value of the library such as skew"
        "sum [ skeww; idenity ]", 6, "a value of the library (did you mean skew?)"
        "skeww >>> idenity", 0, "a value of the library (did you mean skew?)"
        "1.0", 0, "a value of the library such as skew"
        "orthogonal >>> pruned (Pruning.UpTo 0.5)",
        15,
        "a value that fits (orthogonal >>> pruned (Pruning.UpTo 0.5) does not fit: "
    ]

let private refused (text: string, position: int, expected: string) : Test =
    testCase $"'{text}'" (fun () ->
        match Parametrization.parse text with
        | Ok value -> failtest $"It was read as {value}."
        | Error error ->
            Expect.equal error.Position position (string error)
            Expect.stringStarts error.Expected expected "what was expected"
            Expect.stringStarts error.Message $"Position {position}: " "the message begins with the position")

/// A text with some of its characters changed, lost, doubled or moved.
let private mutated (random: Random) (text: string) : string =
    let alphabet = "()[]{};,.\"->!= \t01L9UEe+skewinfinity_@\000\u00e9\ud800"
    let mutable text = text

    for _ in 0 .. random.Next 4 do
        let place () = random.Next(text.Length + 1)
        let at = place ()
        let rest = text.Substring at

        text <-
            match random.Next 4 with
            | 0 -> text.Insert(at, string alphabet[random.Next alphabet.Length])
            | 1 -> text.Remove at + (if rest = "" then "" else rest.Substring 1)
            | 2 -> text.Insert(place (), rest)
            | _ -> rest + text.Remove at

    text

let private neverThrows () : unit =
    let random = Random 5
    let texts = trees 300 |> List.map _.Code |> List.filter (fun text -> text.Length < 2000)

    for text in texts do
        for _ in 1..20 do
            let text = mutated random text

            match Parametrization.parse text with
            | Ok value -> comesBack value
            | Error error ->
                Expect.isTrue (error.Position >= 0 && error.Position <= text.Length) $"{text}: {error}"
                Expect.isNotEmpty error.Message text

/// The text is refused, whatever is nested in it or how long it is.
let private refusesDeep () : unit =
    for opening in [ "("; "["; "onKernel ("; "joined [ "; "spectralNormWith { SpectralNorm.defaults with Bound = (" ] do
        for count in [ 101; 100_000 ] do
            Expect.isError (Parametrization.parse (String.replicate count opening)) opening

    let chain (count: int) = "sphere 1.0" + String.replicate count " >>>! skew"
    Expect.isOk (Parametrization.parse (chain 999)) "1000 names"
    Expect.isError (Parametrization.parse (chain 1000)) "1001 names"
    Expect.isError (Parametrization.parse (chain 100_000)) "far more"

    let prunings =
        String.replicate 999 "pruned (Pruning.L1 (Amount.Share 0.005)) >>> " + "pruned Pruning.Nothing"

    Expect.isOk (Parametrization.parse prunings) "1000 prunings, whose options do not count"
    Expect.isOk (Parametrization.parse (String.replicate 100 "(" + "skew" + String.replicate 100 ")")) "100 brackets"

// ---- F# ----

/// The operators on code: the compiler groups their operands.
module private Grouped =

    let (>>>) (first: Code) (next: Code) : Code = Code.Then(first, next, true)
    let (>>>!) (first: Code) (next: Code) : Code = Code.Then(first, next, false)

    let private named (name: string) : Code = Code.Call(name, [])
    let private a, b, c, d = named "a", named "b", named "c", named "d"
    let private f (code: Code) : Code = Code.Call("f", [ code ])

    let all: (string * Code) list =
        [
            "a >>> b >>> c >>> d", a >>> b >>> c >>> d
            "a >>> b >>> c >>>! d", a >>> b >>> c >>>! d
            "a >>> b >>>! c >>> d", a >>> b >>>! c >>> d
            "a >>> b >>>! c >>>! d", a >>> b >>>! c >>>! d
            "a >>>! b >>> c >>> d", a >>>! b >>> c >>> d
            "a >>>! b >>> c >>>! d", a >>>! b >>> c >>>! d
            "a >>>! b >>>! c >>> d", a >>>! b >>>! c >>> d
            "a >>>! b >>>! c >>>! d", a >>>! b >>>! c >>>! d
            "a >>>! (b >>> c) >>> d", a >>>! (b >>> c) >>> d
            "a >>> (b >>>! c >>> d)", a >>> (b >>>! c >>> d)
            "a >>> f b >>>! c", a >>> f b >>>! c
            "f (a >>>! b) >>> c", f (a >>>! b) >>> c
        ]

/// Text means what it means in F#, and what is printed of a chain needs no brackets.
let private grouped (text: string, code: Code) : Test =
    testCase $"'{text}' is grouped as in F#" (fun () ->
        match FSharpReader.read text with
        | Ok located -> Expect.equal located.Code code "the grouping"
        | Error fault -> failtest $"{fault}"

        if not (text.Contains '(') then
            Expect.equal (FSharpText.ofCode code) text "printed")

// ---- C# ----

/// Names whose values print under others: the codes of values never have them.
let private otherNames: string list =
    [
        "generalizedStiefel [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]"
        "almostOrthogonal 0.25 AlmostOrthogonalMap.Sigmoid"
        "oblique"
        "above 0.5"
        "below (-1.5)"
        "unitInterval"
        "spdBy SpdMap.Cholesky"
        "spdBy SpdMap.Eigenvalues"
        "spdBy SpdMap.Exponential"
        "spdWithTrace 2.5"
        "psd"
        "psdLowRank 2L"
        "psdFixedRank 3L"
        "conditioned 4.0"
        "hurwitz 0.5"
        "schurStable 0.8"
        "lowRank 2L"
        "fixedRank 3L"
        "sigmaReparametrized"
        "dora 2L 4.0"
    ]

/// The names of values in a code.
let rec names (code: Code) : string list =
    match code with
    | Code.Call(name, arguments) -> name :: List.collect names arguments
    | Code.Then(first, next, _) -> names first @ names next
    | Code.Items items
    | Code.Tuple items -> List.collect names items
    | _ -> []

/// The code that is typed, which names its value as it stands there.
let private typed (text: string) : Code =
    match FSharpReader.read text with
    | Ok located -> located.Code
    | Error fault -> failtest $"{text}: {fault}"

/// No name of the registry is left out of what C# compiles.
let private allAreNamed () : unit =
    let printed = Catalogue.entries |> List.collect (fun entry -> names entry.Value.Description)
    let others = otherNames |> List.collect (typed >> names)
    let missing = set (Registry.names ()) - set printed - set others
    Expect.equal (Set.toList missing) [] "names that neither a code nor `otherNames` has"

/// Values as both languages have them, compiled with the tests of the facade.
let csharp () : string =
    let literal (text: string) = "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""

    let line (code: string) (csharp: string) = $"            ({literal code}, () => {csharp}),"

    let lines =
        (Catalogue.entries |> List.map _.Value) @ trees 1500
        |> List.distinct
        |> List.truncate (Catalogue.entries.Length + 1000)
        |> List.map (fun value -> line value.Code (value.ToCSharp()))

    let others =
        [
            for text in otherNames ->
                typed text
                |> CSharpText.ofCode (fun name -> Registry.tryFind name |> Option.map _.CSharp)
                |> line text
        ]

    // A method of all of them would be too long for the compiler.
    let parts = List.chunkBySize 100 lines

    let part (index: int) (lines: string list) =
        [
            ""
            $"    private static (string Code, System.Func<Parametrization> Make)[] Part{index}() =>"
            "        ["
            yield! lines
            "        ];"
        ]

    [
        "// <auto-generated/>"
        "// Made by `dotnet run --project tests/Properties/Core -- csharp`, which a test compares with this file."
        "using Parametrize;"
        "using Parametrize.CSharp;"
        ""
        "namespace Properties.CSharp.Reading;"
        ""
        "internal static class EveryValue"
        "{"
        "    public static readonly (string Code, System.Func<Parametrization> Make)[] All ="
        "    ["
        for index in 0 .. parts.Length - 1 do
            $"        .. Part{index}(),"
        "    ];"
        ""
        "    /// <summary>Names whose values print under others.</summary>"
        "    public static readonly (string Code, System.Func<Parametrization> Make)[] OtherNames ="
        "        ["
        yield! others
        "        ];"
        yield! parts |> List.mapi part |> List.concat
        "}"
        ""
    ]
    |> String.concat "\n"

let private isUpToDate () : unit =
    let file = Path.Combine(AppContext.BaseDirectory, "golden", "EveryValue.cs")
    let lines (text: string) = text.ReplaceLineEndings("\n").Split '\n' |> List.ofArray

    Expect.equal
        (lines (File.ReadAllText file))
        (lines (csharp ()))
        "run `csharp > tests/Properties/CSharp/Reading/EveryValue.cs`"

let tests: Test =
    testList
        "reading"
        [
            testList
                "the catalogue comes back"
                [ for entry in Catalogue.entries -> testCase entry.Name (fun () -> comesBack entry.Value) ]
            testCase "a thousand trees come back" (fun () -> trees 1000 |> List.iter comesBack)
            testList "operators" (List.map grouped Grouped.all)
            testList "malformed texts" (List.map refused malformed)
            testCase "changed texts never throw" neverThrows
            testCase "every name is typed in C#" allAreNamed
            testCase "deep and long texts are refused" refusesDeep
            testCase "white space and brackets mean nothing" (fun () ->
                for text in [ "skew>>>cayley"; " (skew)\n>>>\t(cayley) "; "((skew >>> cayley))" ] do
                    Expect.equal (Parametrization.parse text) (Ok(skew >>> cayley)) text)
            testCase "whole numbers of 64 bits are read" (fun () ->
                for value in [ psdFixedRank 3_000_000_000L; lowRank (1L <<< 40) ] do
                    Expect.equal (Parametrization.parse value.Code) (Ok value) value.Code)
            testCase "numbers are read as F# writes them" (fun () ->
                for text, number in
                    [
                        "1e-5", 1e-5
                        "1E-5", 1e-5
                        "2.5e+3", 2500.0
                        "1.0e10", 1e10
                        "1e3", 1000.0
                        "(-1e-5)", -1e-5
                        "(-2.5E-3)", -2.5e-3
                    ] do
                    match Parametrization.parse $"scale {text}" with
                    | Ok value -> Expect.equal value (scale number) text
                    | Error error -> failtest $"{text}: {error}")
            testCase "a decimal comma is no part of a text" (fun () ->
                let before = CultureInfo.CurrentCulture
                let other = CultureInfo.InvariantCulture.Clone() :?> CultureInfo
                other.NumberFormat.NumberDecimalSeparator <- ","
                other.NumberFormat.NumberGroupSeparator <- "."

                try
                    CultureInfo.CurrentCulture <- other

                    for value in [ sphere 0.5; bounded -1.5 2.25 >>> scale 1e-3; spdAbove 1234.5 ] do
                        comesBack value
                        Expect.isFalse (value.ToCSharp().Contains "0,5") "C#"
                finally
                    CultureInfo.CurrentCulture <- before)
            testCase "the C# of every value is up to date" isUpToDate
        ]
