/// What spaces, their intersections and domains have to do with one another, for all spaces that values yield.
module Properties.Core.Values.SpaceTests

open Expecto
open Parametrize
open Parametrize.Values

let private spaces: Space list =
    [
        for entry in Catalogue.entries do
            Tree.space entry.Value.Tree
            Tree.space (transposed entry.Value).Tree
            Tree.space (onKernel entry.Value).Tree
    ]
    |> List.append [ Space.all ]
    |> List.distinct

let private closures: Closure list =
    [
        Closure.Scaling
        Closure.RowScaling
        Closure.Negation
        Closure.Reordering
        Closure.Zeroing
        Closure.EntrywiseMaps
        Closure.EntrywiseChoice
        Closure.Sum
        Closure.Transposition
        Closure.DirectSum
        Closure.Everything
    ]

/// There are too many pairs to put what is said of each into words.
let private agree (found: 'a) (expected: 'a) (what: unit -> string) : unit =
    if found <> expected then
        Expect.equal found expected (what ())

let private pairs: (Space * Space) list = List.allPairs spaces spaces

/// A space in one that is in a third is in that as well.
let private order () : unit =
    for space in spaces do
        Expect.isTrue (space.IsWithin space) $"{space} is within itself"
        Expect.isTrue (space.IsWithin Space.all) $"{space} is within all tensors"

    for left, right in pairs do
        if left.IsWithin right then
            for larger in spaces do
                if right.IsWithin larger then
                    agree (left.IsWithin larger) true (fun () -> $"{left} is within {larger}, as {right} is")

let private intersections () : unit =
    for left, right in pairs do
        let both = Space.intersect left right
        agree (both.IsWithin left && both.IsWithin right) true (fun () -> $"{both} is within {left} and {right}")

        if left.IsWithin right then
            agree both left (fun () -> $"all of {left} is in {right}")
            agree (Space.intersect right left) left (fun () -> $"{right} and {left}")
        elif not (right.IsWithin left) then
            for closure in closures do
                agree
                    (both.IsClosedUnder closure)
                    (left.IsClosedUnder closure && right.IsClosedUnder closure)
                    (fun () -> $"{both} under {closure}")

            agree both.IsLeftByRounding (left.IsLeftByRounding || right.IsLeftByRounding) (fun () ->
                $"what rounding does to {both}")

            // Of two spaces whose entries are free, the first knows a number of both, if one does.
            if both.IsClosedUnder Closure.EntrywiseChoice then
                agree both.Interior left.Interior (fun () -> $"a number of {both}")

let private domains () : unit =
    let needs =
        [] :: List.map List.singleton closures
        @ [ for one, other in List.allPairs closures closures -> [ one; other ] ]

    for space in spaces do
        Expect.isTrue (Domain.accepts space Domain.AnySpace) $"{space} is any space"
        Expect.equal (Domain.accepts space Domain.free) (space.IsClosedUnder Closure.Everything) $"{space} is free"

        for closures in needs do
            let meets = closures |> List.filter space.IsClosedUnder |> List.length
            let needed = Domain.Needs closures
            agree (Domain.accepts space needed) (meets = closures.Length) (fun () -> $"{space} for {needed}")
            let one = Domain.OneOf(closures |> List.map (List.singleton >> Domain.Needs))
            agree (Domain.accepts space one) (meets > 0) (fun () -> $"{space} for {one}")

        for other in spaces do
            let within = Domain.Within other
            agree (Domain.accepts space within) (space.IsWithin other) (fun () -> $"{space} for {within}")

/// Kernels have their batch in the first dimension of the matrix, so that there is none before it.
let private batches () : unit =
    for entry in Catalogue.entries do
        let value = entry.Value
        let isBatched = Parametrization.isBatched value
        Expect.equal (Parametrization.isBatched (transposed value)) isBatched $"transposed {value}"
        Expect.equal (Parametrization.isBatched (value >>>! scale 2.0)) isBatched $"{value}, then batches"

        if value <> identity then
            Expect.isFalse (Parametrization.isBatched (onKernel value)) $"{value} on kernels"

            Expect.isFalse
                (Parametrization.isBatched (onKernel value >>>! scale 2.0))
                $"{value} on kernels, then batches"

let tests: Test =
    testList
        "spaces"
        [
            testCase "what lies in which" order
            testCase "intersections" intersections
            testCase "domains" domains
            testCase "batches behind views" batches
        ]
