/// Names in which one letter is wrong are told by the name that was meant.
module Properties.Core.Values.MisspellingTests

open Expecto
open Parametrize

let private letters: string = "abcdefghijklmnopqrstuvwxyz0123456789."

/// All texts that differ by one letter: put in, left out, replaced, or exchanged with the next.
let private oneOff (text: string) : string list =
    let front (place: int) = text.Substring(0, place)
    let behind (place: int) = text.Substring(min place text.Length)

    [
        for place in 0 .. text.Length do
            for letter in letters do
                front place + string letter + behind place

                if place < text.Length then
                    front place + string letter + behind (place + 1)

            if place < text.Length then
                front place + behind (place + 1)

            if place + 1 < text.Length then
                front place + string text[place + 1] + string text[place] + behind (place + 2)
    ]

let private names: string list =
    [
        for entry in Catalogue.entries do
            let code = entry.Value.Code

            if System.Text.RegularExpressions.Regex.IsMatch(code, "^[A-Za-z0-9]+$") then
                code
    ]

let private near: Test =
    testCase "one wrong letter in three or more leaves the name that was meant" (fun () ->
        let lower = names |> List.map _.ToLowerInvariant()
        let random = System.Random 1

        for name in lower do
            let near = oneOff name |> List.distinct |> List.except lower
            // Each exchange, and some of the others.
            let exchanged =
                near
                |> List.filter (fun typed ->
                    typed <> name && List.sort (List.ofSeq typed) = List.sort (List.ofSeq name))

            let some = near |> List.filter (fun _ -> random.Next 20 = 0)

            for typed in exchanged @ some do
                if typed.Length >= 3 then
                    match Misspelling.meant names typed with
                    | Some found ->
                        let isNear = oneOff typed |> List.contains (found.ToLowerInvariant())
                        Expect.isTrue isNear $"{typed}, from {name}: {found}"
                    | None -> failtest $"{typed}, from {name}: no name was meant"

        Expect.isGreaterThan names.Length 30 "names")

let private farther: Test =
    testCase "letters that are not exchanged, but differ, count each" (fun () ->
        for name, typed, expected in [ "ayc", "xac", None; "axc", "xac", Some "axc" ] do
            Expect.equal (Misspelling.meant [ name ] typed) expected typed)

let tests: Test = testList "misspelt names" [ near; farther ]
