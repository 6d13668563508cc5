/// Where random cases seldom are: beside a bound, beside a singular matrix, below the numbers of an element type.
module Properties.Core.Values.CornerTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private orFail (result: Result<'a, ParametrizationError>) : 'a =
    match result with
    | Ok value -> value
    | Error error -> failtest $"{error}"

let private normalOf (dtype: torch.ScalarType) (seed: uint64) (shape: int64 list) : torch.Tensor =
    Case.unit
        1UL
        {
            Shape = List.toArray shape
            Dtype = dtype
            Scale = 1.0
            Seed = seed
            Device = torch.CPU
        }

let private normal: uint64 -> int64 list -> torch.Tensor = normalOf float64

/// The same parts with another leaf.
let private withLeaf (position: int) (next: torch.Tensor) (value: Parametrization) (parts: Parts) : Parts =
    let leaves =
        parts.Parameters |> Seq.mapi (fun index old -> if index = position then next else old.detach ())

    Parametrization.ofTensorsLike parts leaves parts.Buffers value

let private largeBesideSmall () : unit =
    for value in [ cayley; orthogonalWithoutBase OrthogonalMap.Cayley; skew >>> cayley ] do
        for dtype in [ float32; float64 ] do
            for size in [ 3L; 4L; 5L ] do
                for large in [ 1e4; 1e8; 1e16 ] do
                    use _ = torch.NewDisposeScope()
                    let eyes = torch.stack ([| torch.eye (size, dtype = dtype); torch.eye (size, dtype = dtype) |])
                    let parts = orFail (Parametrization.initialize value eyes)
                    let sizes = torch.tensor([| 1.0; large |], dtype = dtype).reshape(2L, 1L, 1L)
                    let x = normalOf dtype 1UL [ 2L; size; size ] * sizes
                    let found = Parametrization.forward value (withLeaf 0 x value parts)
                    let allowed = Tensors.limit (Form.epsilon dtype) size 1.0
                    let defect = LinearAlgebra.Orthonormal.defect found
                    Expect.isLessThan defect allowed $"{value}, {dtype}, {size} x {size}, entries of {large}"

/// Of a batch each moves as it does alone.
let private startsAlone () : unit =
    for value in [ spd; spdAbove 0.5; matrixExponential ] do
        use _ = torch.NewDisposeScope()
        let eye = torch.eye (3L, dtype = float64)
        let inside = eye * 2.0.ToScalar()
        let edge = Parametrization.project value (torch.ones_like eye - eye)
        let started (tensor: torch.Tensor) = Parametrization.forward value (orFail (Parametrization.start value tensor))

        for batch, first in [ [| inside; edge |], inside; [| edge; inside |], edge ] do
            let together = started (torch.stack batch)
            Expect.isLessThan (Measures.apart together[0L] (started first)) 1e-12 $"{value}, the first"
            Expect.isLessThan (Measures.apart together[1L] (started batch[1])) 1e-12 $"{value}, the second"

/// In every way in which a matrix can be outside.
let private outsideBesideInside () : unit =
    use _ = torch.NewDisposeScope()
    let diagonal (entries: float list) = torch.diag (torch.tensor (List.toArray entries, dtype = float64))
    let eye = diagonal [ 1.0; 1.0; 1.0 ]

    for value, outside in
        [
            spd, diagonal [ 0.0; 0.0; 0.0 ]
            spd, diagonal [ 1.0; 1.0; -1e-6 ]
            spdAbove 0.5, diagonal [ 1.0; 1.0; 0.2 ]
            matrixExponential, diagonal [ 1.0; 1.0; -1.0 ]
            invertible, diagonal [ 1.0; 1.0; 1e-18 ]
            invertible, diagonal [ 1.0; 1.0; -1.0 ]
            invertible, diagonal [ 0.0; 0.0; 0.0 ]
            orthogonalWithoutBase OrthogonalMap.MatrixExp, diagonal [ 1.0; 1.0; -1.0 ]
            orthogonalWithoutBase OrthogonalMap.Cayley, diagonal [ 1.0; 1.0; -1.0 ]
            orthogonalWithoutBase OrthogonalMap.Default, diagonal [ 1.0; 1.0; -1.0 ]
        ] do
        for batch in [ [| eye; outside |]; [| outside; eye |]; [| eye; outside; eye |] ] do
            Expect.isError (Parametrization.contains value (torch.stack batch)) $"{value}"

let private besideABound () : unit =
    use _ = torch.NewDisposeScope()
    let value = symmetric >>> bounded 1.0 2.0
    let unit = Tensors.roundoff (Form.epsilon float64) 1.0
    let entries = [| 1.5; 1.0 + 1.5 * unit; 1.0 + 0.25 * unit; 1.5 |]
    Expect.isOk (Parametrization.contains value (torch.tensor(entries, dtype = float64).reshape(2L, 2L))) $"{value}"

let private hiddenEntries () : unit =
    let mask = pruned (Pruning.L1(Amount.Share 0.5))

    for value in
        [
            positive >>> mask
            positive >>> onKernel mask
            bounded 1.0 3.0 >>> onKernel mask
            positive >>> transposed mask
        ] do
        use _ = torch.NewDisposeScope()
        let parts = orFail (Parametrization.initializeNearest value ((normal 1UL [ 4L; 4L ]).abs()))
        let tensor = (Parametrization.forward value parts).detach()
        let again = orFail (Parametrization.rightInverse value parts tensor)
        Expect.isLessThan (Measures.apart tensor (Parametrization.forward value again)) 1e-12 $"{value}"

let private besideSingular () : unit =
    let value = product [ unitTriangular Triangle.Lower; identity ]

    for seed in 1UL .. 10UL do
        for size in [ 1.0; 4.0; 16.0; 64.0; 128.0 ] do
            use _ = torch.NewDisposeScope()
            let normal = normalOf float32
            let parts = orFail (Parametrization.start value (normal seed [ 6L; 6L ]))
            let away = withLeaf 0 (normal (seed + 100UL) [ 6L; 6L ] * size.ToScalar()) value parts
            let tensor = normal (seed + 200UL) [ 6L; 6L ]
            let back = Parametrization.forward value (orFail (Parametrization.rightInverse value away tensor))
            let allowed = 2.0 * Tensors.roundoff (Form.epsilon float32) (Tensors.largest tensor)
            Expect.isLessThan (Measures.apart tensor back) allowed $"seed {seed}, factors of {size}"

let private belowTheNumbers () : unit =
    use _ = torch.NewDisposeScope()
    let float16 = torch.ScalarType.Float16
    let value = symmetric >>> positive >>> scale 1e-9

    let parts =
        orFail (Parametrization.start (symmetric >>> positive) (torch.ones (2L, 2L, dtype = float16)))

    let leaf = parts.Parameters[0].detach()
    let tensor = Parametrization.forward value (Parametrization.ofTensors [ leaf ] [] value)
    Expect.isGreaterThan (Tensors.number (tensor.min ())) 0.0 $"{value}"

/// The space of `inverse positive` is that of all tensors, but behind symmetric ones it has fewer dimensions.
let private fewerDimensions () : unit =
    use _ = torch.NewDisposeScope()
    let value = symmetric >>> positive >>> inverse positive >>> skew
    let parts = orFail (Parametrization.start value (normal 1UL [ 3L; 3L ]))

    match Dimension.tryOf value parts with
    | None
    | Some 0L -> ()
    | Some other -> failtest $"{value} has dimension {other}"

let private replacedMasks () : unit =
    let value = pruned (Pruning.L1(Amount.Share 0.5))
    let more = value >>> scale 2.0
    use parts = orFail (Parametrization.start value (normal 1UL [ 4L; 4L ]))
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount
    let before = live ()

    match Growth.tryContinue (value >>> more) more value parts with
    | Some(Ok grown) ->
        let added = live () - before
        let kept = int64 (Seq.length grown.Tensors)
        grown.Dispose()
        Expect.equal added kept "tensors besides those of the parts"
    | other -> failtest $"{other}"

let private amounts () : unit =
    for amount in
        [
            Amount.Share nan
            Amount.UpTo nan
            Amount.Share -0.1
            Amount.UpTo 1.1
            Amount.Share infinity
            Amount.Count -1L
        ] do
        Expect.throwsT<ArgumentException> (fun () -> pruned (Pruning.L1 amount) |> ignore) $"{amount}"

    let value =
        pruned (Pruning.L1(Amount.Count 3L))
        >>> pruned (Pruning.Ln(Amount.Count 1L, 2.0, 0))
        >>> pruned (Pruning.L1(Amount.Count 3L))

    match Parametrization.initializeNearest value (normal 1UL [ 2L; 2L ]) with
    | Error error ->
        Expect.stringContains error.Message "3 entries are to be pruned, but only 0 are left." "the message"
    | Ok _ -> failtest "more were pruned than there are"

let private misspellings () : unit =
    for typed, expected in
        [
            "spb", "(did you mean spd?)"
            "ske", "(did you mean skew?)"
            "orthogonol", "(did you mean orthogonal?)"
        ] do
        match Parametrization.parse typed with
        | Error error -> Expect.stringContains error.Message expected typed
        | Ok value -> failtest $"{typed} is read as {value}"

    for typed in [ "zz"; "nothing" ] do
        match Parametrization.parse typed with
        | Error error -> Expect.isFalse (error.Message.Contains "did you mean") $"{typed}: {error.Message}"
        | Ok value -> failtest $"{typed} is read as {value}"

let tests: Test =
    testList
        "corners"
        [
            testCase "matrices of a batch do not spoil one another" largeBesideSmall
            testCase "what starts in a batch starts as it does alone" startsAlone
            testCase "one that is outside is refused beside others" outsideBesideInside
            testCase "what rounding left of an allowed tensor is allowed beside a bound" besideABound
            testCase "entries under a mask are those that the space before it has" hiddenEntries
            testCase "what takes the rest yields the tensor, or others start anew" besideSingular
            testCase "what is symmetric and positive stays so when it is rounded" belowTheNumbers
            testCase "a dimension is told only where it is known" fewerDimensions
            testCase "a mask that was replaced is let go" replacedMasks
            testCase "amounts that are none" amounts
            testCase "one letter of three is a misspelling" misspellings
        ]
