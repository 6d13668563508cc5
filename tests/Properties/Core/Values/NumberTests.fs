/// The numbers at the ends of the element types, which many values are kept between.
module Properties.Core.Values.NumberTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

/// The number nearest to it in the element type.
let private nearest (dtype: torch.ScalarType) (number: float) : float =
    use exact = torch.tensor (number, dtype = torch.ScalarType.Float64)
    use rounded = exact.``to`` dtype
    use real = if Form.isComplex dtype then rounded.real.clone () else rounded.clone ()
    use back = real.``to`` torch.ScalarType.Float64
    back.item<float>()

let private epsilonIsNext (dtype: torch.ScalarType) : unit =
    let epsilon = Form.epsilon dtype
    Expect.equal (nearest dtype (1.0 + epsilon)) (1.0 + epsilon) "the next number after 1"
    Expect.equal (nearest dtype (1.0 + epsilon / 2.0)) 1.0 "none between"
    Expect.equal (Entrywise.leastOf epsilon dtype) (Form.least dtype) "the distance tells the least"
    Expect.equal (Entrywise.greatestOf epsilon dtype) (Form.greatest dtype) "and the greatest"

let private greatestIsLast (dtype: torch.ScalarType) : unit =
    let greatest = nearest dtype (Form.greatest dtype)
    Expect.isTrue (Double.IsFinite greatest) "a number of the type"
    Expect.isTrue (Double.IsInfinity(nearest dtype (greatest * (1.0 + Form.epsilon dtype)))) "the next is none"

/// Below the least normal number, the distance between numbers stays the same, so halving a number there loses its last digit.
let private leastIsNormal (dtype: torch.ScalarType) : unit =
    let least = nearest dtype (Form.least dtype)
    let next = nearest dtype (least * (1.0 + Form.epsilon dtype))
    Expect.isGreaterThan next least "it has all digits"
    let half = nearest dtype (least / 2.0)
    Expect.isGreaterThan half 0.0 "half of it is a number"
    Expect.isTrue (nearest dtype (next / 2.0) = half || nearest dtype (next / 2.0) * 2.0 <> next) "with a digit less"

let private smallestIsFirst (dtype: torch.ScalarType) : unit =
    let smallest = Form.smallest dtype
    Expect.isGreaterThan (nearest dtype smallest) 0.0 "a number of the type"
    Expect.equal (nearest dtype (smallest * 0.49)) 0.0 "nothing below"

let private exponentsAreEnds (dtype: torch.ScalarType) : unit =
    let struct (least, greatest) = Entrywise.exponents dtype

    let power (exponent: float) =
        use exponent = torch.tensor (exponent, dtype = dtype)
        use power = exponent.exp ()
        Measures.largest power

    Expect.isGreaterThan (power least) 0.0 "the least has a power"
    Expect.equal (power (least - 1.5)) 0.0 "below it there is none"
    Expect.isTrue (Double.IsFinite(power greatest)) "the greatest has a power"
    let next = greatest + 2.0 * abs greatest * Form.epsilon dtype
    Expect.isTrue (Double.IsInfinity(power next)) "above it there is none"

let private inTypes (name: string) (check: torch.ScalarType -> unit) (dtypes: torch.ScalarType list) : Test list =
    dtypes |> List.map (fun dtype -> testCase $"{name}, {dtype}" (fun () -> check dtype))

let tests: Test =
    testList
        "numbers"
        [
            yield! inTypes "the distance from 1 to the next" epsilonIsNext Ingredients.all
            yield! inTypes "the greatest" greatestIsLast Ingredients.all
            yield! inTypes "the least that is normal" leastIsNormal Ingredients.all
            yield! inTypes "the smallest" smallestIsFirst Ingredients.all
            yield! inTypes "exponents" exponentsAreEnds [ torch.ScalarType.Float32; torch.ScalarType.Float64 ]
        ]
