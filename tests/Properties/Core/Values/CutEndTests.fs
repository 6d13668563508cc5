/// Numbers beyond the range of 16 bits are cut off at its ends, the upper and the lower one: what is yielded there is allowed, whatever
/// it was before it was cut.
module Properties.Core.Values.CutEndTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private half = torch.ScalarType.Float16

/// Vectors whose entries tell one another, so that one that was cut off can only be found by the others.
let private before: (string * Parametrization * float list) list =
    [
        "one equation", linearlyConstrained [ [ 1.0; 1.0; 1.0 ] ] [ 60000.0 ], [ 5000.0; 5000.0; 50000.0 ]
        "another equation", linearlyConstrained [ [ 1.0; -1.0; 0.0 ] ] [ -30000.0 ], [ 2000.0; 32000.0; 3000.0 ]
    ]

/// The values that follow, named by the end at which they cut off.
let private behind: (string * Parametrization) list =
    [
        "above", scale 4.0 >>> above 0.0
        "below", scale 4.0 >>> below 0.0
        "above a number", scale 4.0 >>> above 1000.0
        "below a number", scale 4.0 >>> below -1000.0
        "positive", scale 4.0 >>> positive
    ]

let private comesBack (value: Parametrization) (before: Parametrization) (numbers: float list) : unit =
    use _ = torch.NewDisposeScope()
    let inner = torch.tensor (List.toArray numbers, dtype = torch.ScalarType.Float64, device = Case.device)
    let parameter = Parametrization.undo before inner
    let parts = Parametrization.ofTensors [ parameter.``to`` half ] [] value
    let tensor = Parametrization.forward value parts
    let most = tensor.abs().max().``to``(torch.ScalarType.Float64).item<double>()
    Expect.equal most 65504.0 "the largest number there is"
    Expect.equal (Parametrization.contains value tensor) (Ok()) $"{value} yields {numbers}"
    let again = Parametrization.forward value (orFail (Parametrization.initialize value tensor))
    Expect.isLessThan (Measures.apart again tensor) 512.0 $"{value} of {numbers}: it comes back"

let tests: Test =
    testList
        "numbers that are cut off"
        [
            for first, inner, numbers in before do
                for last, outer in behind do
                    testCase $"{first}, {last}" (fun () -> comesBack (inner >>> outer) inner numbers)
        ]
