namespace Parametrize

/// Functions that the oldest FSharp.Core for this library does not have yet.
[<AutoOpen>]
module internal FSharpCore =

    type objnull = obj | null

    module Option =
        let toValueOption (option: 'a option) : 'a voption =
            match option with
            | Some value -> ValueSome value
            | None -> ValueNone

    module Result =
        let toOption (result: Result<'a, 'e>) : 'a option =
            match result with
            | Ok value -> Some value
            | Error _ -> None
