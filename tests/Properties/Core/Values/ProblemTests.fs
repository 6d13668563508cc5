/// Numbers for each of several independent problems: one for each tensor of a batch; numbers for fewer dimensions only if the
/// parts share nothing.
module Properties.Core.Values.ProblemTests

open System
open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

/// A small shape of a value, of several sizes where it has such.
let private shapeOf (subject: Subject) : int64[] =
    let shapes = subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(5UL, 1UL)) 10 60
    let size (shape: int64[]) = Array.fold (*) 1L shape

    let sizes =
        shapes
        |> Array.filter (fun shape -> size shape <= 30L && Array.forall (fun length -> length > 1L) shape)

    if Array.isEmpty sizes then Array.minBy size shapes else Array.maxBy size sizes

let private caseOf (dtype: torch.ScalarType) (shape: int64[]) : Case =
    { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = 3UL; Device = Case.device }

let private doubles: torch.ScalarType list =
    [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ]

let private partsOf (subject: Subject) (dtype: torch.ScalarType) (shape: int64[]) : Parts =
    orFail (Subject.parts 1UL subject (caseOf dtype shape))

let private isOfBatch (subject: Subject) : Test =
    inScope $"{subject.Name}: a batch has the dimensions of its tensors" (fun () ->
        for dtype in List.filter (fun dtype -> List.contains dtype subject.Dtypes) doubles do
            let value, shape = subject.Value, shapeOf subject
            let space = Tree.space value.Tree
            let ofSpace shape = space.Dimension(Case.form (caseOf dtype shape)) |> Option.ofNullable
            let one = Dimension.tryOf value (partsOf subject dtype shape)

            for batch in [ [| 3L |]; [| 2L; 2L |] ] do
                let whole = Array.append batch shape
                let many (dimension: int64) = dimension * Array.fold (*) 1L batch
                let found = Dimension.tryOf value (partsOf subject dtype whole)
                Expect.equal found (Option.map many one) $"{dtype}, {Form.Shown whole}"
                Expect.equal (ofSpace whole) (Option.map many (ofSpace shape)) $"{space}: {dtype}, {Form.Shown whole}")

/// The parameters that a number depends on.
let private reads (parameters: torch.Tensor[]) (number: torch.Tensor) : bool[] =
    [|
        for gradient in Measures.gradients number parameters do
            let sizes = (Tensors.reals gradient).abs()
            yield! Tensors.toArray<bool>((sizes.flatten ()).gt(0.0.ToScalar()))
    |]

let private isApart (value: Parametrization) (parts: Parts) (dimensions: int) : unit =
    let shape = (Parametrization.form value parts).Shape
    let parameters = [| for leaf in parts.Parameters -> leaf.detach().clone().requires_grad_ true |]
    let parts = Parametrization.ofTensorsLike parts parameters parts.Buffers value
    let problems = shape[.. shape.Length - dimensions - 1]

    match Parametrization.logVolumes dimensions value parts, Parametrization.logVolume value parts with
    | Some volumes, Some sum ->
        let what = $"the last {dimensions} of {Form.Shown shape}"
        Expect.equal volumes.shape problems what
        let off = Measures.apart (volumes.sum ()) sum
        Expect.isLessThanOrEqual off (1e-10 * (1.0 + Measures.largest sum)) $"{what}: their sum"
        let count = int (Array.fold (*) 1L problems)
        let tensors = (Parametrization.forward value parts).reshape(int64 count, -1L)
        let weights = normalOn Case.device torch.ScalarType.Float64 8UL [ tensors.shape[1] ]
        let numbers = volumes.flatten ()
        let picked = [ 0 .. max 1 (count / 4) .. count - 1 ]
        let ofTensors = [| for at in picked -> reads parameters (((tensors[int64 at]) * weights).sum()) |]
        let ofVolumes = [| for at in picked -> reads parameters (numbers[int64 at]) |]

        for i in 0 .. picked.Length - 1 do
            for j in 0 .. picked.Length - 1 do
                if i <> j then
                    let shared = Array.map2 (&&) ofVolumes[i] ofTensors[j]
                    Expect.isFalse (Array.contains true shared) $"{what}: {picked[i]} and {picked[j]} share parameters"
    | _ -> ()

let private areApart (subject: Subject) : Test =
    inScope $"{subject.Name}: volumes of few dimensions are apart, or refused" (fun () ->
        for dtype in List.filter (fun dtype -> List.contains dtype subject.Dtypes) doubles do
            let shape = shapeOf subject
            let shape = if Subject.isBatched subject then Array.append [| 2L |] shape else shape
            let parts = partsOf subject dtype shape
            let mutable isRefused = false

            for dimensions in shape.Length .. -1 .. 0 do
                try
                    isApart subject.Value parts dimensions
                    Expect.isFalse isRefused $"{dimensions} of {Form.Shown shape}: more of them are refused"
                with :? ArgumentException ->
                    isRefused <- true)

/// Pieces whose entries, or rows, are problems of their own.
let private ofPieces: Subject list =
    let positive, ordered =
        Parametrize.Values.PositiveValues.positive, Parametrize.Values.OrderedValues.ordered

    let pieces =
        [ 1L, positive; 2L, Parametrization.andThen positive (Parametrize.Values.AffineValues.scale 2.0) ]

    [
        for dimension in [ 0; 1; -1; -2 ] do
            Parametrize.Values.SlicesValues.slices dimension pieces, [| 3L; 3L |]
        Parametrize.Values.SlicesValues.slices 0 [ 1L, ordered; 2L, ordered ], [| 3L; 2L |]
        Parametrize.Values.SlicesValues.slices -2 [ 1L, ordered; 2L, positive ], [| 3L; 2L |]
        Parametrize.Values.SlicesValues.slices -1 [ 2L, ordered; 2L, ordered ], [| 2L; 4L |]
        Parametrize.Values.BlockDiagonalValues.blockDiagonal [ positive; ordered ], [| 4L; 4L |]
        Parametrization.transposed ordered, [| 3L; 4L |]
        Parametrization.onKernel ordered, [| 3L; 2L; 2L |]
    ]
    |> List.map (fun (value, shape) ->
        let shapes, scales = Gen.constant shape, [ 1.0 ]

        { Generators.Line.line (string value) shapes [ torch.ScalarType.Float64 ] scales with
            Value = value
        })

let private subjects: Subject list =
    Generators.Subjects.all @ Further.subjects @ ofPieces
    |> List.filter (fun subject -> Subject.hasDoubles subject && not (Subject.learns subject))

let tests: Test =
    testList
        "problems"
        [
            for subject in subjects do
                if Subject.isBatched subject then
                    isOfBatch subject

                if Volumes.isKnown subject then
                    areApart subject
        ]
