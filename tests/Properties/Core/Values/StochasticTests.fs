/// Probability vectors and doubly stochastic matrices where random cases seldom are.
module Properties.Core.Values.StochasticTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64 = torch.ScalarType.Float64

let private numbers (tensor: torch.Tensor) : float[] =
    tensor.detach().``to``(float64).contiguous().data<double>().ToArray()

let private yields (value: Parametrization) (x: torch.Tensor) : torch.Tensor =
    Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)

/// All entries are below the normal numbers of float16, and rounding moves their sum.
let private belowNormal () : unit =
    for value in [ simplex; simplexBy SimplexMap.StickBreaking ] do
        for count in [ 150_000L; 1_000_000L ] do
            use _ = torch.NewDisposeScope()
            let even = torch.zeros (count - 1L, dtype = torch.ScalarType.Float16)

            for x in [ even; normalOn torch.CPU torch.ScalarType.Float16 1UL [ count - 1L ] ] do
                let w = yields value x
                Expect.isOk (Parametrization.contains value w) $"{value} of {count} entries"
                let back = Parametrization.forward value (orFail (Parametrization.initialize value w))
                // A unit of the numbers below the normal ones, or of the last digit.
                let allowed = 1.2e-7 + 16.0 * Form.epsilon w.dtype * Measures.largest w
                Expect.isLessThanOrEqual (Measures.apart w back) allowed "the round trip"

    use few = torch.full ([| 100L |], (0.0101).ToScalar(), dtype = torch.ScalarType.Float16)
    Expect.isError (Parametrization.contains simplex few) "normal entries, of sum 1.01"
    use single = torch.full ([| 1_000_000L |], (1.013e-6).ToScalar())
    Expect.isError (Parametrization.contains simplex single) "the same sum in single precision"

/// Nearly all of the sum is one entry; the others were raised to the smallest number, each by up to all of it.
let private raisedToTheSmallest () : unit =
    let half = torch.ScalarType.Float16

    for value in [ simplex; simplexBy SimplexMap.StickBreaking ] do
        use _ = torch.NewDisposeScope()
        let w = torch.full ([| 300_000L |], (Form.smallest half).ToScalar(), dtype = half)
        w[0] <- torch.tensor (1.0, dtype = half)
        Expect.isOk (Parametrization.contains value w) $"{value}: entries raised to the smallest number"

/// Of two rows, a function that is known.
let private twoRows () : unit =
    for y in [ -700.0; -40.0; -3.0; 0.0; 1e-8; 5.0; 36.0; 300.0 ] do
        use _ = torch.NewDisposeScope()
        let x = (torch.full ([| 1L; 1L |], y.ToScalar(), dtype = float64)).requires_grad_ true
        let w = yields doublyStochastic x
        let share = 1.0 / (1.0 + exp -y)
        Expect.isLessThan (abs ((numbers w)[0] - share)) 1e-15 $"the first entry at {y}"
        let slope = torch.autograd.grad([| w[0L, 0L] |], [| x |], retain_graph = true, create_graph = true)[0]
        Expect.isLessThan (abs (numbers(slope)[0] - share * (1.0 - share))) 1e-14 $"its derivative at {y}"
        let bend = torch.autograd.grad([| slope.sum () |], [| x |])[0]
        let expected = share * (1.0 - share) * (1.0 - 2.0 * share)
        Expect.isLessThan (abs (numbers(bend)[0] - expected)) 1e-12 $"its second derivative at {y}"
        // The entries change by the slope, two of them upwards.
        let volume =
            Parametrization.logVolume doublyStochastic (Parametrization.ofTensors [ x ] [] doublyStochastic)

        let expected = log 2.0 - abs y - 2.0 * log (1.0 + exp -(abs y))
        let found = numbers (Option.get volume)
        Expect.isLessThan (abs (found[0] - expected)) (1e-13 * max 1.0 (abs y)) $"its logarithmic volume at {y}"

/// What is scaled: of every size, with entries of one size and of many.
let private everySize () : unit =
    for dtype in [ float64; torch.ScalarType.Float32 ] do
        for rows in [ 1L; 2L; 7L; 29L ] do
            for size in [ 1.0; 30.0; 300.0; 1e5; 1e37 ] do
                for power in [ 1; 4 ] do
                    use _ = torch.NewDisposeScope()
                    let normal = normalOn torch.CPU float64 (uint64 rows) [ rows; rows ]
                    let x = (normal.pow (power.ToScalar()) * size.ToScalar()).``to``(dtype).detach().requires_grad_ true
                    let what = $"{rows} rows, size {size} to the {power}, in {dtype}"
                    let w = yields doublyStochastic x
                    Expect.isOk (Parametrization.contains doublyStochastic w) what
                    let loss = (w * normalOn torch.CPU dtype 3UL [ rows + 1L; rows + 1L ]).sum()
                    let gradient = torch.autograd.grad([| loss |], [| x |])[0]
                    Expect.equal (Tensors.nonFinite gradient) 0L $"the gradient of {what}"

                    let parts = Parametrization.ofTensors [ x ] [] doublyStochastic
                    let volume = Option.get (Parametrization.logVolume doublyStochastic parts)
                    let change = torch.autograd.grad([| volume.sum () |], [| x |])[0]
                    Expect.equal (Tensors.nonFinite volume + Tensors.nonFinite change) 0L $"the volume of {what}"

                    let again =
                        Parametrization.forward
                            doublyStochastic
                            (orFail (Parametrization.initialize doublyStochastic w))

                    Expect.isLessThan (Measures.apart w again) (1e3 * Form.epsilon dtype) $"the round trip of {what}"

/// On a device whose numbers are not read, as many steps are made for every matrix.
let private unread () : unit =
    for rows in [ 2L; 5L; 24L ] do
        for size in [ 1.0; 30.0; 1400.0 ] do
            use _ = torch.NewDisposeScope()
            let normal = normalOn torch.CPU float64 2UL [ 3L; rows; rows ]
            let x = normal / normal.abs().max() * size.ToScalar()
            let read, not' = (Sinkhorn.logarithmsBy true x).exp(), (Sinkhorn.logarithmsBy false x).exp()
            Expect.isLessThan (Measures.apart read not') 1e-13 $"{rows} rows of {size}"

            for sums in [ not'.sum [| 1L |]; not'.sum [| 2L |] ] do
                Expect.isLessThan (Measures.largest (sums - 1.0.ToScalar())) 1e-14 $"the sums of {rows} rows of {size}"

let private projections () : unit =
    for dtype in [ float64; torch.ScalarType.Float32 ] do
        for rows in [ 2L; 5L; 16L ] do
            use _ = torch.NewDisposeScope()
            let eye = torch.eye (rows, dtype = dtype)

            let near (what: string) (expected: torch.Tensor) (x: torch.Tensor) =
                let projected = Parametrization.project doublyStochastic x
                Expect.isOk (Parametrization.contains doublyStochastic projected) what
                Expect.isLessThan (Measures.apart projected expected) (1e2 * Form.epsilon dtype) what

            let even = torch.full_like (eye, (1.0 / float rows).ToScalar())
            near "zeros" even (torch.zeros_like eye)
            near "ones" even (torch.ones_like eye * 1e6.ToScalar())
            near "the identity" eye eye
            near "a multiple of it" eye (eye * 1e30.ToScalar())
            near "a permutation" (eye.roll (1L, 0L)) (eye.roll (1L, 0L))
            // What is added to a row or a column changes nothing.
            let moved = eye + torch.arange (rows, dtype = dtype) - torch.arange(rows, dtype = dtype).unsqueeze 1L
            near "the identity, moved" eye moved

            let started =
                Parametrization.forward doublyStochastic (orFail (Parametrization.start doublyStochastic eye))

            Expect.isLessThan (Measures.apart started ((eye + even) / 2.0.ToScalar())) 1e-6 "where the identity starts"

/// Rows that sum to 1 are not enough, nor are columns.
let private halfStochastic () : unit =
    use _ = torch.NewDisposeScope()
    let rows = torch.eye (2L, dtype = float64) * 0.1.ToScalar() + 0.1.ToScalar()
    let rows = rows / rows.sum ([| 1L |], keepdim = true)
    let uneven = rows.clone ()
    uneven[1L] <- uneven[0L]

    for tensor in [ uneven; uneven.mT ] do
        Expect.isError (Parametrization.contains doublyStochastic tensor) "rows or columns only"
        Expect.isError (Parametrization.initialize doublyStochastic (torch.stack [| tensor; rows |])) "in a batch"

/// A large shift rounds away digits of its input. The value must not refuse its own samples and projections because of that.
let private behindShifts () : unit =
    for value, dtype, far in
        [
            for value in [ simplex; doublyStochastic; spdWithTrace 2.0 ] do
                value, torch.ScalarType.Float16, 100.0
                value, torch.ScalarType.BFloat16, 10.0
                value, torch.ScalarType.Float32, 1e5
                value, float64, 1e5
            simplex, torch.ScalarType.Float16, 1000.0
            doublyStochastic, torch.ScalarType.Float16, 1000.0
        ] do
        let value = value >>> shift far

        for seed in 1UL .. 30UL do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(seed, torch.CPU)
            let form = { Shape = [| 4L; 4L |]; Dtype = dtype; Device = Case.device }
            let own = Parametrization.sample value form (Some generator)
            Expect.isOk (Parametrization.contains value own) $"{value} in {dtype}: a sample"
            let moved = Parametrization.project value (own + (Form.normal generator form) * 0.5.ToScalar())
            Expect.isOk (Parametrization.contains value moved) $"{value} in {dtype}: a projection"

let private samples () : unit =
    use _ = torch.NewDisposeScope()
    use generator = new torch.Generator(9UL, torch.CPU)
    let form = { Shape = [| 2000L; 4L; 4L |]; Dtype = float64; Device = Case.device }
    let means = numbers ((Parametrization.sample doublyStochastic form (Some generator)).mean [| 0L |])

    for mean in means do
        Expect.isLessThan (abs (mean - 0.25)) 0.02 "the mean of an entry"

/// Squares of the entries of an orthogonal matrix: a chain of what there is, without a right inverse.
let private squares () : unit =
    use _ = torch.NewDisposeScope()
    let value = orthogonal >>>! positiveBy PositiveMap.Square
    let parts = orFail (Parametrization.start value (normalOn torch.CPU float64 1UL [ 5L; 5L ]))

    let w =
        Parametrization.forward value (withLeaf 0 (normalOn torch.CPU float64 2UL [ 5L; 5L ]) value parts)

    for dimension in [ 0L; 1L ] do
        Expect.isLessThan (Measures.largest (w.sum [| dimension |] - 1.0.ToScalar())) 1e-14 $"sums along {dimension}"

    Expect.isFalse (Parametrization.hasRightInverse value) "a right inverse"

let tests: Test =
    testList
        "stochastic"
        [
            testCase "vectors of numbers below the normal ones are allowed" belowNormal
            testCase "vectors of numbers raised to the smallest are allowed" raisedToTheSmallest
            testCase "matrices of two rows are sigmoids" twoRows
            testCase "matrices from entries of every size" everySize
            testCase "matrices whose numbers are not read" unread
            testCase "projections to the nearest matrix" projections
            testCase "sums of rows alone are not enough" halfStochastic
            testCase "orthostochastic matrices are squares of orthogonal ones" squares
            testCase "values behind large shifts allow their own" behindShifts
            testCase "samples of matrices have the mean of all" samples
        ]
