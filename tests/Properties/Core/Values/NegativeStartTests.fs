/// Negative eigenvalues, which squares cannot be, start where squares train.
module Properties.Core.Values.NegativeStartTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private turn: unit -> torch.Tensor =
    fun () ->
        let struct (q, _) = torch.linalg.qr (normalOn Case.device torch.float64 1UL [ 4L; 4L ])
        q

let tests: Test =
    testCase "negative eigenvalues of any size start at 1 at most, and the others stay" (fun () ->
        let value = eigenFull [ orthogonal; positiveBy PositiveMap.Square ]

        for size in [ 0.5; 2.0; 30.0; 1e3; 1e6 ] do
            for negative in [ -0.1; -0.5; -1.0; -5.0 ] do
                use _ = torch.NewDisposeScope()
                let q = turn ()
                let values = torch.tensor ([| negative; negative; 3.0; 4.0 |], device = Case.device) * size.ToScalar()
                let tensor = (q * values).matmul q.mT
                let started = Parametrization.forward value (orFail (Parametrization.start value tensor))
                let found = Tensors.toArray<float>(torch.linalg.eigvalsh started)
                let what = $"{negative} of {size}"

                for place in 0..1 do
                    Expect.isGreaterThan found[place] 0.02 $"{what}: far enough from zero to be trained"
                    Expect.isLessThanOrEqual found[place] (1.0 + 1e-9 * size) $"{what}: no farther than 1"

                for place in 2..3 do
                    let expected = float (place + 1) * size
                    Expect.isLessThan (abs (found[place] / expected - 1.0)) 1e-12 $"{what}: stays")
