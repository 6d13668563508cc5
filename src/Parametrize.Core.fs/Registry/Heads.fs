namespace Parametrize

/// A name with which code of values begins.
[<NoComparison; NoEquality>]
type internal Head =
    {
        Name: string
        /// The function that makes the value from its arguments, given the reader for arguments that are values.
        Read: Argument<Parametrization> -> Located -> Result<Parametrization, Fault>
        /// Its C# form: `{0}` stands for the first argument.
        CSharp: string
        /// Its examples in the catalogue.
        Examples: (string * Parametrization) list
    }

/// How lines of the registry are written.
[<AutoOpen>]
module internal Heads =

    let head name csharp read examples : Head = { Name = name; Read = read; CSharp = csharp; Examples = examples }

    /// A value without arguments, which is its own example unless there are others.
    let plain name csharp (value: Parametrization) : Head =
        head name $"Parametrizations.{csharp}" (fun _ -> Argument.none value) [ name, value ]

    let of1 name csharp argument (from: 'x -> Parametrization) examples : Head =
        let shown = examples |> List.map (fun (example, x) -> example, from x)
        head name $"Parametrizations.{csharp}" (fun _ -> Argument.one argument from) shown

    let of2 name csharp first second (from: 'x -> 'y -> Parametrization) examples : Head =
        let shown = examples |> List.map (fun (example, x, y) -> example, from x y)
        head name $"Parametrizations.{csharp}" (fun _ -> Argument.two first second from) shown

    let of0 name csharp value example : Head = { plain name csharp value with Examples = [ example, value ] }

    let several name csharp (from: Parametrization list -> Parametrization) examples : Head =
        head name $"Parametrizations.{csharp}" (fun value -> Argument.one (Argument.items value) from) examples

    let mask: Argument<Mask> =
        Argument.case "a mask such as (Mask.Parse \"2x4:8A==\")" [ "Mask.Parse", Argument.one Argument.text Mask.Parse ]

    let checkered: Mask = Mask.OfArray([| 3L; 4L |], Array.init 12 (fun index -> index % 3 <> 1))
