/// The golden numbers: what every value makes of the same tensors, as it was when somebody last looked. The laws say what has to
/// be true of any values; this list shows every change of the numbers themselves, meant or not.
module Properties.Core.Golden.NumberList

open System
open System.Globalization
open System.IO
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

type private Dtype = torch.ScalarType

let private shapes: int64[] list =
    [
        [| 4L; 4L |]
        [| 6L; 4L |]
        [| 3L; 4L |]
        [| 2L; 4L; 4L |]
        [| 2L; 3L; 4L |]
        [| 4L; 1L; 2L; 2L |]
        [| 2L; 3L; 4L; 2L |]
        [| 3L; 3L |]
        [| 6L; 6L |]
        [| 6L; 3L |]
        [| 2L; 6L |]
        [| 2L; 3L |]
        [| 6L; 2L |]
        [| 2L; 3L; 2L |]
    ]

/// With options that the catalogue does not show.
let private others: (string * Parametrization) list =
    [
        for value in
            [
                spectralNormWith { SpectralNorm.defaults with Epsilon = 0.5 }
                spectralNormWith { SpectralNorm.defaults with Bound = 0.25; Epsilon = 2.0; Iterations = 3 }
                sphere 1e-3
                sphereExp 50.0
                bounded 0.0 2.0
                bounded -infinity 1e3
                spdAbove 3.0
                positive >>> transposed (pruned (Pruning.L1(Amount.Share 0.4)))
                bounded 1.0 3.0 >>> onKernel (pruned (Pruning.L1(Amount.Share 0.4)))
                orthogonal >>> scale -2.0
                skew >>> spectralNorm >>> cayley
                symmetric >>> positive >>> inverse positive
                sum [ orthogonal; cayley; identity ]
                product [ identity; matrixExp; unitTriangular Triangle.Upper ]
                slices -1 [ 1L, sphere 2.0; 3L, sphere 2.0 ]
            ] do
            string value, value
    ]

let private values: (string * Parametrization) list =
    [
        for entry in Catalogue.entries do
            entry.Name, entry.Value
        for subject in Further.subjects do
            subject.Name, subject.Value
        yield! others
    ]

let private dtypes: Dtype list = [ Dtype.Float64; Dtype.ComplexFloat64; Dtype.BFloat16 ]

let private wide (tensor: torch.Tensor) : torch.Tensor =
    let numbers = tensor.detach().resolve_conj()
    (if numbers.is_complex () then numbers.view_as_real () else numbers).flatten().``to`` Dtype.Float64

/// Sums that no exchange, sign or factor leaves alike.
let private checksums (tensor: torch.Tensor) : float list =
    let entries = wide tensor
    let places = torch.arange (entries.numel (), dtype = Dtype.Float64)
    let sum (numbers: torch.Tensor) = if numbers.numel () = 0L then 0.0 else numbers.sum().item<float>()
    [ sum (entries.abs ()); sum (entries * (places + 1.0.ToScalar()).sqrt().sin()) ]

/// Signs of vectors may be chosen otherwise elsewhere.
let private sizes (tensors: torch.Tensor seq) : float list =
    [ for tensor in tensors -> (wide tensor).abs().sum().item<float>() ]

type private Entry =
    | Numbers of float list
    | Words of string

let private caught (compute: unit -> Entry) : Entry =
    try
        compute ()
    with error ->
        Words $"{error.GetType().Name}"

let private membership (value: Parametrization) (tensor: torch.Tensor) : Entry =
    match Parametrization.contains value tensor with
    | Ok() -> Words "allowed"
    | Error(ParametrizationError.NotAllowed(_, violation)) -> Words violation.Condition
    | Error error -> Words(error.GetType().Name)

/// What is said about one value and one form, a line each.
let private entries
    (value: Parametrization)
    (case: Case)
    (change: torch.Tensor -> torch.Tensor)
    : (string * Entry) list =
    let x = change (Case.unit 1UL case)
    let rows, columns = case.Shape[case.Shape.Length - 2], Array.last case.Shape
    let eye = torch.eye(rows, columns, dtype = case.Dtype).expand case.Shape

    let numbers (result: Result<'a, ParametrizationError>) (show: 'a -> float list) =
        match result with
        | Ok found -> Numbers(show found)
        | Error error -> Words(error.GetType().Name)

    [
        for name, tensor in [ "x", x; "30 x", x * 30.0.ToScalar(); "x / 1000", x * 1e-3.ToScalar() ] do
            $"project {name}", caught (fun () -> Numbers(checksums (Parametrization.project value tensor)))

            $"start {name}",
            caught (fun () ->
                numbers (Parametrization.start value tensor) (fun parts ->
                    checksums (Parametrization.forward value parts)))

        for name, tensor in [ "x", x; "zeros", torch.zeros_like x; "ones", torch.ones_like x; "-eye", -eye ] do
            $"contains {name}", caught (fun () -> membership value (change tensor))

        "contains a little more",
        caught (fun () -> membership value (Parametrization.project value x * 1.02.ToScalar()))

        match Parametrization.initializeNearest value x with
        | Error error -> "parts", Words(error.GetType().Name)
        | Ok parts ->
            "parts", Numbers(sizes parts.Tensors)

            let redrawn =
                parts.Parameters
                |> Seq.mapi (fun index leaf ->
                    (change ((Case.normalOf leaf.shape 1.0 (10UL + uint64 index) case).``to`` leaf.dtype))
                        .requires_grad_
                        true)
                |> Array.ofSeq

            let moved = Parametrization.ofTensorsLike parts redrawn parts.Buffers value
            let made = Parametrization.forward value moved
            "forward", Numbers(checksums made)

            "gradients",
            caught (fun () ->
                let weights = (torch.arange (made.numel (), dtype = Dtype.Float64) + 1.0.ToScalar()).sqrt().cos()
                let real = if made.is_complex () then made.view_as_real().sum -1L else made
                let loss = (real.flatten().``to`` Dtype.Float64 * weights).sum()
                Numbers(sizes (torch.autograd.grad ([| loss |], redrawn))))


            if Parametrization.learns value then
                "advance", Numbers(sizes (Parametrization.advance value moved).Buffers)

                "refresh",
                caught (fun () -> numbers (Parametrization.refresh value moved) (fun parts -> sizes parts.Buffers))

            "rebase", caught (fun () -> numbers (Parametrization.rebase value moved) (fun parts -> sizes parts.Tensors))

            "assign",
            caught (fun () ->
                numbers (Parametrization.rightInverse value moved (Parametrization.project value x)) (fun parts ->
                    sizes parts.Tensors))

            "dimension",
            Words(
                match Dimension.tryOf value parts with
                | Some dimension -> string dimension
                | None -> "unknown"
            )

            match Parametrization.logVolume value moved with
            | Some volume -> "volume", Numbers(checksums volume)
            | None -> ()

            match Parametrization.saturation value moved with
            | Some share -> "saturation", Numbers [ share ]
            | None -> ()

        "sample",
        caught (fun () ->
            use generator = Case.generator 5UL case
            Numbers(checksums (Parametrization.sample value (Case.form case) (Some generator))))
    ]

let private shown (entry: Entry) : string =
    match entry with
    | Words words -> words
    | Numbers numbers ->
        numbers
        |> List.map (fun number -> number.ToString("0.#####e+0", CultureInfo.InvariantCulture))
        |> String.concat " "

let private formsOf (value: Parametrization) : Case list =
    [
        for dtype in dtypes do
            let suits (shape: int64[]) =
                Parametrization.parameterForms value { Shape = shape; Dtype = dtype; Device = torch.CPU }
                |> Result.isOk

            // One shape shows what other element types do.
            let most = if dtype = Dtype.Float64 then 3 else 1

            for shape in shapes |> List.filter suits |> List.truncate most do
                { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = 3UL; Device = torch.CPU }
    ]

/// The name and the form as a line, and what is said about them below it.
let private describe change (name: string, value: Parametrization) : (string * (string * string) list) list =
    [
        for case in formsOf value do
            use _ = torch.NewDisposeScope()

            let said = [ for what, entry in entries value case change -> what, shown entry ]
            $"{name} {Form.Shown case.Shape} {case.Dtype}", said
    ]

/// The list of today.
let lines () : string list =
    [
        for form, said in List.collect (describe id) values do
            form

            for what, text in said do
                $"  {what}: {text}"
    ]

let private file: string = Path.Combine(AppContext.BaseDirectory, "golden", "numbers.txt")

/// What was said, by form and by what it is about.
let private kept: Lazy<Map<string, string>> =
    lazy
        (((Map.empty, ""), File.ReadAllLines file |> Array.map _.TrimEnd())
         ||> Array.fold (fun (known, form) line ->
             if line.StartsWith "  " then
                 let place = line.IndexOf ": "
                 known.Add($"{form}, {line.Substring(2, place - 2)}", line.Substring(place + 2)), form
             else
                 known, line)
         |> fst)

let private numbersIn (text: string) : float list option =
    let read (word: string) = Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture)
    let words = text.Split ' ' |> Array.map read

    if Array.forall fst words then
        Some [ for _, number in words -> number ]
    else
        None

/// Whether the numbers of two lines are near each other.
let private isNear (tolerance: float) (expected: string) (found: string) : bool =
    match numbersIn expected, numbersIn found with
    | _ when expected = found -> true
    | Some left, Some right when left.Length = right.Length ->
        // Sums of entries of both signs have the rounding of the sum of their sizes.
        let scale = left |> List.map abs |> List.fold max 1e-3
        List.forall2 (fun (x: float) y -> x = y || abs (x - y) <= tolerance * scale) left right
    | _ -> false

/// Results that rounding alone decides: whether the inverses of two factors have lost a remainder, and whether singular values
/// that are zero count as zero.
let private isBorderline (key: string) : bool =
    key = "product, triangular [4, 4] ComplexFloat64, rebase"
    || key.StartsWith "conditioned " && key.EndsWith ", contains ones"

let private agrees (name: string, value: Parametrization) : unit =
    let linesOf (change: torch.Tensor -> torch.Tensor) =
        [
            for form, said in describe change (name, value) do
                for what, text in said -> $"{form}, {what}", text
        ]

    let tolerance (key: string) = if key.Contains "BFloat16" then 0.05 else 2e-5

    KeptLines.require
        "numbers"
        kept.Value
        linesOf
        (fun key expected found -> isBorderline key || isNear (tolerance key) expected found)
        (fun key -> isNear (tolerance key / 10.0))

let tests: Test =
    testList
        "numbers as they were"
        [
            for value in values do
                testCase (fst value) (fun () -> agrees value)
        ]
