/// Where maps stop, where weights are far from the space, and where vectors reach the edge.
module Properties.Core.Values.EndOfRangeTests

open System
open System.Diagnostics
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32, float16 =
    torch.ScalarType.Float64, torch.ScalarType.Float32, torch.ScalarType.Float16

let private normalOf: torch.ScalarType -> uint64 -> int64 list -> torch.Tensor = normalOn torch.CPU

let private isFinite (tensor: torch.Tensor) : bool = Double.IsFinite(Measures.largest tensor)

let private yieldedBy (value: Parametrization) (parameter: torch.Tensor) : torch.Tensor =
    let start =
        orFail (Parametrization.start value (torch.eye (Tensors.last parameter, dtype = parameter.dtype)))

    Parametrization.forward value (Parametrization.ofTensorsLike start [ parameter ] start.Buffers value)

/// Float16 has the largest numbers that are soon reached.
let private finite () : unit =
    for value in [ matrixExponential; spdBy SpdMap.Exponential; symplectic; spd; invertible ] do
        for size in [ 3.0; 12.0; 300.0; 5000.0 ] do
            for seed in 1UL .. 5UL do
                use _ = torch.NewDisposeScope()
                let parameter = (normalOf float32 seed [ 4L; 4L ] * size.ToScalar()).``to`` float16
                Expect.isTrue (isFinite (yieldedBy value parameter)) $"{value} at {size}"

    use _ = torch.NewDisposeScope()
    let definite = yieldedBy matrixExponential (torch.eye (2L, dtype = float16) * (12.0).ToScalar())
    Expect.isOk (Parametrization.contains matrixExponential definite) "a matrix whose eigenvalues were no numbers"

let private determinants () : unit =
    for size, others in List.allPairs [ 10.0; 60.0; 200.0; 400.0 ] [ [ 1.0; 1.0 ]; [ 0.25; 0.0 ] ] do
        use _ = torch.NewDisposeScope()

        let entries = [| for share in 1.0 :: others -> single (share * size) |]
        let parameter = torch.diag (torch.tensor entries)
        let parts = Parametrization.ofTensors [ parameter ] [] matrixExponential

        let struct (_, expected) =
            torch.linalg.slogdet ((Parametrization.forward matrixExponential parts).``to`` float64)

        let found = (Parametrization.logAbsDet matrixExponential parts).``to`` float64
        Expect.isLessThan (Measures.apart expected found) 1e-3 $"exp of {size} and {others} of it"

/// Subnormal numbers of both signs: their rounding error is not proportional to their size.
let private subnormal () : unit =
    for dtype, factor in [ float32, 1e-37; float64, 1e-306 ] do
        for size in [ factor; -factor ] do
            for outer in [ scale 3.0; scale 0.1; scale -1.0 ] do
                let value = positive >>> scale size >>> outer
                use _ = torch.NewDisposeScope()
                let parameter = torch.linspace (-30.0, 0.0, 61L, dtype = dtype)

                let tensor = Parametrization.forward value (Parametrization.ofTensors [ parameter ] [] value)

                Expect.isOk (Parametrization.contains value tensor) $"{value} in {dtype}"
                Expect.isOk (Parametrization.initialize value tensor) $"{value} in {dtype}"

/// A factor of the metric takes them beyond the largest number.
let private hugeInMetric () : unit =
    for dtype in [ float32; float64 ] do
        use _ = torch.NewDisposeScope()
        let value = inMetric [ [ 4.0; 1.0 ]; [ 1.0; 3.0 ] ]
        let huge = torch.full ([| 2L; 1L |], (0.75 * Form.greatest dtype).ToScalar(), dtype = dtype)
        let parts = orFail (Parametrization.start value huge)
        Expect.isTrue (isFinite parts.Parameters[0]) $"the parameter in {dtype}"
        Expect.isTrue (isFinite (Parametrization.forward value parts)) $"the tensor in {dtype}"

/// Rounding makes zeros of small probabilities.
let private undoneAtTheEdge () : unit =
    for value in [ simplex; simplexBy SimplexMap.StickBreaking ] do
        for dtype in [ float32; float64 ] do
            use _ = torch.NewDisposeScope()
            let vector = torch.tensor ([| 0.5; 0.5; 0.0 |], dtype = dtype)
            Expect.isTrue (isFinite (Parametrization.undo value vector)) $"{value} in {dtype}"

    use _ = torch.NewDisposeScope()
    let matrix = torch.eye (3L, dtype = float64)
    Expect.isTrue (isFinite (Parametrization.undo doublyStochastic matrix)) "a permutation"

let private ratios () : unit =
    for ratio in [ 10.0; 1000.0; 1e5 ] do
        for dtype in [ float32; float64 ] do
            for seed in 1UL .. 20UL do
                use _ = torch.NewDisposeScope()
                let value = eigenFull [ orthogonal; boundedRatio ratio ]
                let normal = normalOf dtype seed [ 4L; 4L ]
                let nearest = Parametrization.project value (normal + normal.mT)
                Expect.isOk (Parametrization.contains value nearest) $"{ratio} in {dtype}, {seed}"

let private longAndShortColumns () : unit =
    for length in [ 1.0; 10.0; 100.0; 1000.0 ] do
        for dtype in [ float32; float64 ] do
            use _ = torch.NewDisposeScope()
            let cosine, sine = cos 0.7, sin 0.7
            let entries = array2D [ [ cosine * length; sine / length ]; [ -sine * length; cosine / length ] ]
            let matrix = torch.tensor (entries, dtype = dtype)
            Expect.isOk (Parametrization.contains symplectic matrix) $"columns of {length} in {dtype}"
            matrix[0].mul_((1.001).ToScalar()) |> ignore
            Expect.isError (Parametrization.contains symplectic matrix) $"one that is off, {length} in {dtype}"

/// A base of large entries would leave nothing of the digits of what is trained.
let private singularStarts () : unit =
    for size in [ 2L; 4L; 8L; 32L ] do
        let ones = torch.ones ([| size; size |], dtype = float32)
        let columns = torch.arange(size).``to``(float32).unsqueeze(0L).expand(size, size)

        for name, weight in [ "ones", ones; "constant columns", columns; "constant rows", columns.mT ] do
            use _ = torch.NewDisposeScope()
            let parts = orFail (Parametrization.start symplectic weight)
            let start = Parametrization.forward symplectic parts
            Expect.isLessThan (Measures.largest start) 40.0 $"{name} of {size}: the entries"
            Expect.isOk (Parametrization.contains symplectic start) $"{name} of {size}"

/// The mean of parameters is a number, though their sum may be none.
let private ratiosFarOut () : unit =
    for dtype in [ float32; float64 ] do
        for ratio in [ 1.5; 4.0; 1000.0 ] do
            for others in [ 0.0; -1.0; 0.5 ] do
                use _ = torch.NewDisposeScope()
                let value = boundedRatio ratio
                let largest = 0.9 * Form.greatest dtype
                let x = torch.tensor ([| largest; largest; others |], dtype = dtype)
                let parts = Parametrization.ofTensors [ x ] [] value
                let w = Parametrization.forward value parts
                let quotient = Tensors.number (w[0L] / w[2L])
                Expect.isLessThan (abs (quotient / ratio - 1.0)) 1e-5 $"{value}, {dtype}, beside {others}"
                let volume = Tensors.number (Parametrization.logVolume value parts).Value
                Expect.isTrue (System.Double.IsFinite volume) $"{value}, {dtype}, beside {others}: the volume"

let private tinyBehindViews () : unit =
    for value in [ Parametrization.onKernel positive >>> scale 1e-30; transposed positive >>> scale 1e-30 ] do
        use _ = torch.NewDisposeScope()
        let parameter = torch.tensor([| 1.0f; -60.0f |], dtype = float32).reshape(1L, 2L, 1L)
        let yielded = Parametrization.forward value (Parametrization.ofTensors [ parameter ] [] value)
        Expect.isTrue (yielded.gt((0.0).ToScalar()).all().item<bool>()) $"{value}: zero is no positive number"

/// A logarithm moves far more at the smallest numbers than at the others.
let private bijectionsBehindViews () : unit =
    for value in
        [
            below -110.0 >>> transposed (positiveBy PositiveMap.Exp)
            below -120.0 >>> Parametrization.onKernel positive
        ] do
        use _ = torch.NewDisposeScope()
        let parameter = torch.full ([| 2L; 2L; 1L |], (-150.0).ToScalar(), dtype = float32)
        let yielded = Parametrization.forward value (Parametrization.ofTensors [ parameter ] [] value)
        Expect.isOk (Parametrization.contains value yielded) $"{value}: its own tensor"

/// A kernel is a matrix for `onKernel`, whatever its last two dimensions are.
let private kernels () : unit =
    use _ = torch.NewDisposeScope()

    let ofKernel (value: Parametrization) (shape: int64 list) =
        let value = Parametrization.onKernel value
        let parts = orFail (Parametrization.start value (normalOf float64 1UL shape))
        Parametrization.logAbsDet value parts, Parametrization.forward value parts

    let found, kernel = ofKernel invertible [ 2L; 1L; 1L; 2L ]
    let struct (_, expected) = torch.linalg.slogdet (kernel.reshape (2L, 2L))
    Expect.isLessThan (Measures.apart found expected) 1e-12 "a kernel that is square as a matrix"

    Expect.throwsT<ArgumentException>
        (fun () -> ofKernel orthogonal [ 2L; 4L; 2L; 2L ] |> ignore)
        "a kernel that is square by its last dimensions only"

/// The largest entries of a uniform weight are nearly equal, so that they tell no scale from another.
let private longRows () : unit =
    for scheme in [ QuantizationScheme.Symmetric; QuantizationScheme.Affine ] do
        use _ = torch.NewDisposeScope()
        let value = fakeQuantized 8 scheme Granularity.Tensor
        use generator = new torch.Generator(3UL, torch.CPU)
        let weight = torch.rand ([| 32_000L; 64L |], dtype = float32, generator = generator) - (0.5).ToScalar()
        let watch = Stopwatch.StartNew()
        let parts = orFail (Parametrization.start value weight)
        Expect.isLessThan watch.Elapsed.TotalSeconds 10.0 $"{value}"
        let yielded = Parametrization.forward value parts
        Expect.isLessThan (Measures.apart weight yielded) (1.0 / 200.0) $"{value}: half a step"
        Expect.isOk (Parametrization.contains value yielded) $"{value}: its own"

/// Buffers of one node may have another shape than a later node reads: learnt ones are found again, a mask is refused.
let private otherShapes () : unit =
    use _ = torch.NewDisposeScope()
    let weight = normalOf float32 1UL [ 4L; 4L ]
    let norm = orFail (Parametrization.start spectralNorm weight)
    let longer = spectralNorm >>> circulant
    let grown = orFail (Accepting.extend longer norm (Parametrization.forward spectralNorm norm))
    Expect.isOk (Parametrization.contains longer (Parametrization.forward longer grown)) "vectors learnt anew"
    let pruning = pruned (Pruning.L1(Amount.Count 3L))
    let masked = orFail (Parametrization.start pruning weight)

    match Accepting.extend (pruning >>> circulant) masked weight with
    | Ok _ -> failtest "a mask of another shape"
    | Error error -> Expect.stringContains error.Message "its mask is for tensors [4, 4]" "the message"

let private multiplesBeyond () : unit =
    use _ = torch.NewDisposeScope()
    let value = simplex >>> scale 1e6
    let x = torch.tensor ([| 8.0; 0.0 |], dtype = float16)
    let yielded = Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)
    // Their largest number would make a sum of another vector, in silence.
    Expect.isFalse (isFinite yielded) $"multiples beyond the element type"

/// Digits that a shift rounds away must not make the values of the pieces refuse the tensor.
let private roundedPieces () : unit =
    let mask = Mask.OfArray([| 3L; 3L |], [| for entry in 0..8 -> entry % 2 = 0 |])

    for value in
        [
            Parametrization.joined [ positive; positive ] toeplitz
            Parametrization.joined [ positive; bounded 0.0 1.0 ] hankel
            positive >>> circulant
            slices 0 [ 1L, positive; 2L, bounded 0.0 1.0 ]
            slices 1 [ 1L, positive; 2L, slices 0 [ 1L, identity; 2L, positive ] ]
            blockDiagonal [ positive; bounded 0.0 1.0; positive ]
            where mask positive (bounded 0.0 2.0)
            eigenFull [ orthogonal; positive ]
        ] do
        for outer, dtype, depths in
            [
                shift 1.0, float32, [ -20.0; -80.0; 0.0 ]
                shift 1.0 >>> scale 0.1, float32, [ -30.0 ]
                shift 1.0, float64, [ -40.0; -600.0 ]
                shift 1000.0, float16, [ 1.0; -5.0 ]
                bounded -1.0 3.0, float32, [ -20.0 ]
            ] do
            use _ = torch.NewDisposeScope()
            let whole = value >>> outer
            let weight = torch.full ([| 3L; 3L |], (0.9).ToScalar(), dtype = dtype)
            let start = orFail (Parametrization.start whole weight)

            for depth in depths do
                let parameters = [ for leaf in start.Parameters -> torch.full_like (leaf, depth.ToScalar()) ]
                let parts = Parametrization.ofTensorsLike start parameters start.Buffers whole
                let yielded = Parametrization.forward whole parts
                Expect.isOk (Parametrization.contains whole yielded) $"{whole} of {dtype} at {depth}"
                Expect.isOk (Parametrization.rightInverse whole parts yielded) $"{whole} of {dtype} at {depth}"

/// What the parts yield is refused, or its right inverse yields it again, up to a share of the largest entry.
let private comesBackIfAllowed (share: float) (what: string) (value: Parametrization) (parts: Parts) : unit =
    let yielded = Parametrization.forward value parts

    match Parametrization.contains value yielded, Parametrization.rightInverse value parts yielded with
    | Ok(), Ok found ->
        let apart = Measures.apart (Parametrization.forward value found) yielded
        Expect.isLessThan (apart / Measures.largest yielded) share what
    | Error _, Error _ -> ()
    | contained, found -> failtest $"{what}: contains says {contained}, the right inverse {found}"

/// The input of a saturated map is not known. Some matrix of the space may yield the tensor, but with an entry so large that
/// rounding loses the others.
let private saturatedMatrices () : unit =
    for value in
        [
            hurwitz 0.5 >>> positive >>> shift -1.0
            schurForm [ orthogonal; hurwitzBlocks 0.5 ] >>> bounded -2.0 5.0
            schurStable 0.8 >>> positive
            invertible >>> bounded -2.0 5.0
            spd >>> bounded -2.0 5.0
        ] do
        for seed in 1UL .. 6UL do
            use _ = torch.NewDisposeScope()
            let start = orFail (Parametrization.start value (normalOf float32 seed [ 4L; 4L ]))

            let parameters =
                [
                    for leaf in start.Parameters -> normalOf float32 seed (List.ofArray leaf.shape) + (50.0).ToScalar()
                ]

            let parts = Parametrization.ofTensorsLike start parameters start.Buffers value
            comesBackIfAllowed 1e-3 $"{value}, {seed}" value parts

/// A loop that asks whether gradients are finite before each step must see that the value is not.
let private undefinedGradients () : unit =
    for value in
        [
            for map in [ OrthogonalMap.MatrixExp; OrthogonalMap.Cayley; OrthogonalMap.Householder ] do
                orthogonalWithoutBase map

            orthogonal
            cayley
            matrixExp
            grassmann
            polar
            bjorck 20
            unitary
            specialOrthogonal
            symplectic
            spd
            invertible
            matrixExponential
            correlation
            sphere 1.0
            simplex
            lipschitz 1.0
            hurwitz 0.5
        ] do
        for entry in [ nan; infinity ] do
            for rows, columns in [ 4L, 4L; 8L, 2L; 120L, 100L ] do
                use _ = torch.NewDisposeScope()
                let form = normalOf float64 1UL [ rows; columns ]

                match Parametrization.start value form with
                | Error _ -> ()
                | Ok start ->
                    let leaves = [ for leaf in start.Parameters -> leaf.detach().clone() ]
                    let first = leaves.Head.view -1L
                    first[first.shape[0] - 2L] <- torch.tensor (entry, dtype = leaves.Head.dtype)
                    let leaves = [ for leaf in leaves -> leaf.requires_grad_ true ]
                    let parts = Parametrization.ofTensorsLike start leaves start.Buffers value
                    let made = Parametrization.forward value parts
                    let squares = if made.is_complex () then made.abs().square() else made.square ()

                    if not (isFinite made) then
                        squares.sum().backward()

                        let isUndefined (leaf: torch.Tensor) =
                            match leaf.grad with
                            | null -> false
                            | gradient -> not (isFinite gradient)

                        Expect.exists leaves isUndefined $"{value} of {rows} x {columns} at {entry}"

/// Rounding takes digits of their determinants, and the sign of their smallest eigenvalues.
let private largeDeterminants () : unit =
    for size in [ 30L; 150L; 300L ] do
        for seed in 1UL .. 2UL do
            use _ = torch.NewDisposeScope()
            let value = spdWithDeterminant 2.5
            let start = orFail (Parametrization.start value (normalOf float32 seed [ size; size ]))

            let moved =
                start.Parameters[0].detach() + normalOf float32 (seed + 7UL) [ size; size ] * (0.3).ToScalar()

            let parts = Parametrization.ofTensorsLike start [ moved ] start.Buffers value
            comesBackIfAllowed 1e-5 $"{size}, {seed}" value parts

/// Singular matrices are refused in every element type: no matrix of this determinant is near, even up to the rounding of 16
/// bits.
let private singularDeterminants () : unit =
    let value = spdWithDeterminant 2.0

    for dtype in [ torch.ScalarType.BFloat16; float16; float32; float64 ] do
        use _ = torch.NewDisposeScope()
        let numbers = torch.arange (1.0.ToScalar(), 5.0.ToScalar(), dtype = float64)

        for singular in [ numbers.outer numbers; torch.full ([| 4L; 4L |], 3.0.ToScalar(), dtype = float64) ] do
            Expect.isError (Parametrization.contains value (singular.``to`` dtype)) $"{dtype}"
            Expect.isError (Parametrization.initialize value (singular.``to`` dtype)) $"{dtype}"

/// Matrices on the edge, of which the parameters are larger than the largest number.
let private cutParameters () : unit =
    for value in [ schurStableBlocks 0.9; schurStable 0.9 ] do
        for seed in 1UL .. 100UL do
            use _ = torch.NewDisposeScope()
            let size = 2L * (1L + int64 seed % 2L)

            let tensor = (Parametrization.project value (normalOf float32 seed [ size; size ])).``to`` float16

            match Parametrization.initialize value tensor with
            | Error _ -> ()
            | Ok parts ->
                let apart = Measures.apart (Parametrization.forward value parts) tensor
                Expect.isLessThan apart (0.1 * Measures.largest tensor) $"{value}, {seed}"

/// Looking for a tensor nearby takes long steps, which overflow from large numbers.
let private hugeBehindMultiples () : unit =
    for first in [ lipschitz 1.0; spectralNorm; lowRank 1L; invertible; spd; orthogonal ] do
        for next in [ scale 3.0; scale -0.5; shift 1.0 ] do
            for dtype, size in [ float32, 1e38; float64, 1e300 ] do
                use _ = torch.NewDisposeScope()
                let value = first >>> next
                let ones = torch.ones ([| 4L; 4L |], dtype = dtype)

                for weight in [ ones; torch.eye (4L, dtype = dtype); ones + normalOf dtype 1UL [ 4L; 4L ] ] do
                    let huge = weight * (0.3 * size).ToScalar()
                    Parametrization.contains value huge |> ignore
                    let nearest = Parametrization.project value huge
                    Expect.isTrue (isFinite nearest) $"{value} of {dtype}"
                    Expect.isOk (Parametrization.contains value nearest) $"{value} of {dtype}"

let tests: Test =
    testList
        "ends of ranges"
        [
            testCase "what 16 bits yield is finite" finite
            testCase "determinants of exponentials that are cut" determinants
            testCase "multiples of subnormal numbers are allowed" subnormal
            testCase "starts of huge numbers in a metric are numbers" hugeInMetric
            testCase "vectors on the edge are undone" undoneAtTheEdge
            testCase "projections behind large ratios are allowed" ratios
            testCase "symplectic matrices of long and short columns" longAndShortColumns
            testCase "symplectic starts of singular weights" singularStarts
            testCase "ratios of parameters far out" ratiosFarOut
            testCase "tiny positive numbers behind views" tinyBehindViews
            testCase "what bijections behind views yield is allowed" bijectionsBehindViews
            testCase "determinants of kernels are those of their matrices" kernels
            testCase "grids of long rows are found soon" longRows
            testCase "huge tensors behind multiples" hugeBehindMultiples
            testCase "what is not defined has no gradient" undefinedGradients
            testCase "pieces that a shift rounds away" roundedPieces
            testCase "matrices behind maps that saturate" saturatedMatrices
            testCase "determinants of large matrices" largeDeterminants
            testCase "determinants of singular matrices" singularDeterminants
            testCase "parameters that 16 bits do not reach" cutParameters
            testCase "nodes behind that read other shapes" otherShapes
            testCase "multiples of what has a sum are infinite beyond the range" multiplesBeyond
        ]
