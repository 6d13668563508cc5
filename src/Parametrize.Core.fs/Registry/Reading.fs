namespace Parametrize

open System.Runtime.CompilerServices
open Parametrize.Values

/// Reads values from code.
[<RequireQualifiedAccess>]
module internal Reading =

    /// A tree, because values are compiled.
    let rec private ofLocated (located: Located) : Result<Tree, Fault> =
        match located.Code, located.Inner with
        | Code.Then(_, _, fits), [ first; next ] ->
            result {
                let! left = ofLocated first
                let! right = ofLocated next

                return!
                    Tree.andThen fits right left
                    |> Result.mapError (fun error ->
                        { At = next.At; Expected = $"a value that fits ({error.Message})" })
            }
        | Code.Call(name, _), _ ->
            match Registry.tryFind name with
            | Some head -> head.Read value located |> Result.map _.Tree
            | None ->
                Error
                    {
                        At = located.At
                        Expected = Misspelling.hinted value.Expected (Registry.names ()) name
                    }
        | _ -> Error { At = located.At; Expected = value.Expected }

    and private value: Argument<Parametrization> =
        {
            Expected = "a value of the library such as skew"
            Of = fun located -> ofLocated located |> Result.map Parametrization
        }

    let parse (text: string) : Result<Parametrization, ParseError> =
        FSharpReader.read text
        |> Result.bind ofLocated
        |> Result.map Parametrization
        |> Result.mapError (fun fault -> { Text = text; Position = fault.At; Expected = fault.Expected })

/// `Parametrization.parse`.
[<AutoOpen>]
module ParametrizationReading =

    type Parametrization with

        /// The value of a text as `Code` prints it, such as `skew >>> cayley`, or where it goes wrong. It knows the values
        /// of the library; the parts of a text may be 100 brackets deep and have 1000 names of values.
        static member parse(text: string) : Result<Parametrization, ParseError> = Reading.parse text

/// Values as text of other languages.
[<Extension>]
type ParametrizationText =

    /// The value as it is typed in C#, such as `Parametrizations.Skew.Then(Parametrizations.Cayley())`; nodes of one's own
    /// stay as their code has them.
    [<Extension>]
    static member ToCSharp(value: Parametrization) : string =
        CSharpText.ofCode (fun name -> Registry.tryFind name |> Option.map _.CSharp) value.Description
