/// Shows objects in notebooks of .NET Interactive. Notebooks find these types by their names, so the library needs no reference
/// to the packages of .NET Interactive. The members that a notebook calls must be public.
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

/// Shows an object as the text that it prints. Without this class, a notebook would list the members of the object.
[<Sealed; EditorBrowsable(EditorBrowsableState.Never)>]
type AsPrinted() =

    /// The formatters of this source: this object only.
    member this.CreateTypeFormatters() : IEnumerable<obj> = [ this ]

    /// The MIME type of what `Format` writes.
    member _.MimeType: string = "text/html"

    /// Writes what the object prints as.
    member _.Format(instance: obj, writer: TextWriter) : bool =
        writer.Write $"<code>{WebUtility.HtmlEncode(string instance)}</code>"
        true
