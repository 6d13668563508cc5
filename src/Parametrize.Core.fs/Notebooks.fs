/// How objects show in notebooks of .NET Interactive, which finds what is here by names alone: nothing refers to its packages. What it
/// calls has to be public.
namespace Parametrize.Notebooks

open System
open System.Collections.Generic
open System.ComponentModel
open System.IO
open System.Net

/// Names the class that formats objects of a type.
[<Sealed; AttributeUsage(AttributeTargets.Class); EditorBrowsable(EditorBrowsableState.Never)>]
type TypeFormatterSourceAttribute(source: Type) =
    inherit Attribute()

    /// A class with a method `CreateTypeFormatters`.
    member _.FormatterSourceType: Type = source

/// Shows objects as they print. By itself a notebook would list what all of their members are.
[<Sealed; EditorBrowsable(EditorBrowsableState.Never)>]
type AsPrinted() =

    /// This one.
    member this.CreateTypeFormatters() : IEnumerable<obj> = [ this ]

    /// HTML.
    member _.MimeType: string = "text/html"

    /// Writes what the object prints as.
    member _.Format(instance: obj, writer: TextWriter) : bool =
        writer.Write $"<code>{WebUtility.HtmlEncode(string instance)}</code>"
        true
