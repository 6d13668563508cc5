/// Matrices of an option that have to be positive definite: those that are not, for rounding's sake at most, are refused.
module Properties.Core.Values.PivotTests

open System
open Expecto
open Parametrize
open Parametrize.Values

/// `L D L^T` in whole numbers, with L of ones on the diagonal: exactly what it is, and its pivots are those of D.
let private ofPivots (random: Random) (pivots: float list) : float list list =
    let size = pivots.Length

    let lower =
        List.init size (fun i ->
            List.init size (fun j ->
                if j < i then float (random.Next(-1, 2))
                elif j = i then 1.0
                else 0.0))

    [
        for left in lower -> [ for right in lower -> Seq.sum (Seq.map3 (fun l d r -> l * d * r) left pivots right) ]
    ]

let private refuses (make: float list list -> Parametrization) (matrix: float list list) : unit =
    Expect.throwsT<ArgumentException> (fun () -> make matrix |> ignore) $"%A{matrix}"

let tests: Test =
    testList
        "pivots"
        [
            for name, make in [ "inMetric", inMetric; "generalizedStiefel", generalizedStiefel ] do
                testCase name (fun () ->
                    let random = Random 3

                    for _ in 1..100 do
                        let one () = [ 2.0; 3.0; 5.0; 7.0 ][random.Next 4]

                        for size in 1..4 do
                            let others = List.init size (fun _ -> one ())
                            // The roots of the others are rounded, and rounding alone decides the sign of the last.
                            refuses make (ofPivots random (others @ [ 0.0 ]))
                            refuses make (ofPivots random (others @ [ -1.0 ]))
                            make (ofPivots random (others @ [ one () ])) |> ignore

                    refuses make [ [ 1.0; 1.0 ]; [ 1.0; 1.0 ] ]
                    refuses make [ [ 0.0 ] ]
                    refuses make [ [ 1.0; 2.0 ]; [ 2.0; 1.0 ] ])
        ]
