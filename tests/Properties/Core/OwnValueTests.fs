/// The laws on values of a user's own: what is right passes, and what is wrong is told by the law that is about it.
module Properties.Core.OwnValueTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core.WrongValues
open TorchSharp

let private shapes: int64 list list = [ [ 5L ]; [ 3L; 4L ]; [ 2L; 6L ] ]

let private options: LawOptions =
    { LawOptions.Default with
        Cases = 20
        Outside = Some(fun tensor -> tensor + (tensor.abs().max() + 1.0) * 0.5)
    }

let private valueOf (mistake: Mistake) : Parametrization = Parametrization.ofNode (Rowwise mistake)

let private lawsOf (mistake: Mistake) : ValueLaw list =
    let again () = valueOf mistake
    Laws.forWith { options with Again = Some again } (valueOf mistake) shapes

let private brokenBy (mistake: Mistake) : LawBrokenException list =
    [
        for law in lawsOf mistake do
            match law.Verdict() with
            | Verdict.IsBroken error -> error
            | _ -> ()
    ]

let tests: Test =
    testList
        "own values"
        [
            for mistake in [ 
                Mistake.Nothing; Mistake.InverseOffByFactor ; Mistake.InverseMissesAnEntry ; Mistake.MapLeavesSpace ; Mistake.ProjectionStaysOutside ; Mistake.ProjectionElsewhere ; Mistake.SampleIgnoresSeed ; Mistake.AcceptsEverything ; Mistake.RefusesLargeOnes ; Mistake.ForgetsGradient ; Mistake.MixesBatch ; Mistake.RoundsOnTheWay ; Mistake.DimensionOffByOne ; Mistake.LeaksTensor ; Mistake.ChangesArgument ; Mistake.NeverEqual ] do
                testCase $"{mistake}" (fun () ->
                    for e in brokenBy mistake do
                        let m = e.Message
                        printfn "%A: %s" mistake m
                        )
        ]
