/// Thin matrices: n x k with many more rows than columns, for which nothing of n x n may be made.
module Properties.Core.Values.ThinTests

open System
open System.Diagnostics
open System.IO
open Expecto
open Parametrize
open Parametrize.LinearAlgebra
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open Properties.Core.Formulas
open TorchSharp

let private single, double = torch.ScalarType.Float32, torch.ScalarType.Float64

let private normal (seed: uint64) (dtype: torch.ScalarType) (shape: int64 list) : torch.Tensor =
    normalOn Case.device dtype seed shape

let private withBase: Parametrization list = [ cayley; matrixExp; householder; orthogonal ]

let private withoutBase: Parametrization list =
    [ OrthogonalMap.Cayley; OrthogonalMap.MatrixExp; OrthogonalMap.Householder ]
    |> List.map orthogonalWithoutBase

/// Forward and backward; the gradients.
let private passes (value: Parametrization) (parts: Parts) (outer: torch.Tensor) : torch.Tensor list =
    let leaves = [| for parameter in parts.Parameters -> parameter.detach().clone().requires_grad_ true |]

    let parts = Parametrization.ofTensorsLike parts leaves parts.Buffers value
    let loss = (Parametrization.forward value parts * outer).real.sum()
    torch.autograd.grad ([| loss |], leaves) |> Seq.toList

/// The most megabytes that the process has held during an action, beyond those before; none where the system does not tell.
let private peak (action: unit -> unit) : float option =
    let field (name: string) =
        File.ReadLines "/proc/self/status"
        |> Seq.find _.StartsWith(name)
        |> Seq.filter Char.IsDigit
        |> Seq.toArray
        |> String
        |> float

    // Makes the system count anew.
    let restart () = File.WriteAllText("/proc/self/clear_refs", "5")

    try
        restart ()
    with
    | :? IOException
    | :? UnauthorizedAccessException -> ()

    if File.Exists "/proc/self/status" then
        let before = field "VmHWM:"
        action ()
        Some((field "VmHWM:" - before) / 1024.0)
    else
        action ()
        None

/// Processor time, because wall-clock time depends on other processes.
let private processorTime () : float = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds

/// 30,000 x 30,000 numbers are 3,600 MB.
let private everyVerb (value: Parametrization) (shape: int64 list) : Test =
    inScope $"every verb of {value} at {Form.Shown(List.toArray shape)} stays thin" (fun () ->
        use generator = new torch.Generator(7UL, torch.CPU)
        let form = { Shape = List.toArray shape; Dtype = single; Device = Case.device }
        let sample = Parametrization.sample value form (Some generator)
        let parts = Parametrization.initialize value sample |> orFail
        let outside = normal 2UL single shape

        let stepped () =
            let gradient = passes value parts (normal 1UL single shape) |> List.head
            withLeaf 0 (parts.Parameters[0].detach() - gradient * 1e-2.ToScalar()) value parts

        let yields (expected: torch.Tensor) (parts: Parts) (what: string) =
            Expect.isLessThan (Measures.apart expected (Parametrization.forward value parts)) 1e-5 what

        let isAllowed (what: string) (tensor: torch.Tensor) = Expect.isOk (Parametrization.contains value tensor) what

        let inDouble () =
            let wide (tensors: torch.Tensor seq) = [ for tensor in tensors -> tensor.``to`` double ]
            let wide = Parametrization.ofTensorsLike parts (wide parts.Parameters) (wide parts.Buffers) value
            isAllowed "in double precision" (Parametrization.forward value (Parametrization.repair value wide))

        let verbs =
            [
                fun () -> isAllowed "a sample" (Parametrization.sample value form (Some generator))
                fun () -> yields sample (Parametrization.initialize value sample |> orFail) "what is registered"
                fun () -> isAllowed "after a step" (Parametrization.forward value (stepped ()))
                fun () ->
                    let moved = stepped ()
                    let next = Parametrization.forward value moved
                    yields next (Parametrization.rebase value moved |> orFail) "what is moved"
                fun () -> yields sample (Parametrization.rightInverse value (stepped ()) sample |> orFail) "assigned"
                fun () -> Expect.isError (Parametrization.contains value outside) "outside"
                fun () -> isAllowed "what is projected" (Parametrization.project value outside)
                fun () -> Parametrization.start value outside |> orFail |> ignore
                inDouble
            ]

        let all () =
            for verb in verbs do
                use _ = torch.NewDisposeScope()
                verb ()

        for buffer in parts.Buffers do
            Expect.equal (buffer.numel ()) (sample.numel ()) "entries of the base"

        let before = processorTime ()

        match peak all with
        | Some megabytes ->
            let seconds = processorTime () - before
            printfn $"every verb of {value} at {Form.Shown form.Shape}: {megabytes:F0} MB, {seconds:F1} s of one core"
            Expect.isLessThan megabytes 600.0 "megabytes"
            Expect.isLessThan seconds 60.0 "seconds of one core"
        | None -> ())

/// Registering, forward and backward, measured after a first time.
let private step (value: Parametrization) : Test =
    inScope $"a step of {value} at 30,000 x 50" (fun () ->
        let shape = [ 30_000L; 50L ]
        use generator = new torch.Generator(7UL, torch.CPU)
        let form = { Shape = List.toArray shape; Dtype = single; Device = Case.device }
        let sample = Parametrization.sample value form (Some generator)
        let outer = normal 1UL single shape

        let once () =
            use _ = torch.NewDisposeScope()
            let parts = Parametrization.initialize value sample |> orFail
            passes value parts outer |> ignore

        once ()
        let wall, before = Stopwatch.StartNew(), processorTime ()

        match peak once with
        | Some megabytes ->
            let seconds = processorTime () - before
            let times = $"{wall.Elapsed.TotalSeconds:F2} s, {seconds:F2} s of one core"
            printfn $"a step of {value} at 30,000 x 50: {megabytes:F0} MB, {times}"
            Expect.isLessThan megabytes 300.0 "megabytes"
            Expect.isLessThan seconds 2.0 "seconds of one core"
        | None -> ())

let private formulas: (string * Parametrization * Naive.Formula) list =
    [
        "cayley", cayley, Naive.cayleyAtBase
        "matrixExp", matrixExp, Naive.exponentialAtBase
        "householder", householder, Naive.reflectedAtBase
        "cayley, no base", orthogonalWithoutBase OrthogonalMap.Cayley, Naive.cayleyAlone
        "matrixExp, no base", orthogonalWithoutBase OrthogonalMap.MatrixExp, Naive.exponentialAlone
        "householder, no base", orthogonalWithoutBase OrthogonalMap.Householder, Naive.reflectedAlone
    ]

/// The matrices of which only a few columns are needed, whole: both branches of the maps, with their gradients.
let private agreement: Test =
    inScope "thin maps are the first columns of square ones" (fun () ->
        for name, value, formula in formulas do
            for dtype in [ double; torch.ScalarType.ComplexFloat64 ] do
                if not (dtype <> double && name.StartsWith "householder") then
                    for shape in [ [ 40L; 5L ]; [ 5L; 40L ]; [ 61L; 20L ]; [ 7L; 1L ]; [ 30L; 29L ] ] do
                        for scale in [ 0.0; 1e-8; 1e-3; 0.1; 1.0; 10.0 ] do
                            let what = $"{name}, {shape}, {dtype}, {scale}"
                            let x = normal 3UL dtype shape * scale.ToScalar()
                            let sample = Parametrization.project value (normal 4UL dtype shape)
                            let foot = (Parametrization.initialize value sample |> orFail).Buffers |> Seq.toList
                            let outer = normal 5UL dtype shape
                            let parts = Parametrization.ofTensors [ x ] foot value
                            let found = Parametrization.forward value parts
                            let expected = formula [ x ] foot
                            Expect.isLessThan (Measures.apart expected found) (1e-12 * (1.0 + scale)) what

                            if not (name.StartsWith "householder") then
                                let leaf = x.detach().clone().requires_grad_ true
                                let loss = (formula [ leaf ] foot * outer).real.sum()
                                let expected = torch.autograd.grad([| loss |], [| leaf |])[0]
                                let found = passes value parts outer |> List.head
                                let size = 1.0 + Measures.largest expected
                                Expect.isLessThan (Measures.apart expected found) (1e-11 * size) $"gradient of {what}")

/// Second derivatives where C leaves the basis that is a constant to the gradient: by differences of first ones.
let private curvature: Test =
    inScope "second derivatives of thin maps" (fun () ->
        // At zero, signs of the reflections jump.
        for value, scales in List.zip withoutBase [ [ 0.0; 0.1; 2.0 ]; [ 0.0; 0.1; 2.0 ]; [ 0.1; 2.0 ] ] do
            for shape in [ [ 9L; 2L ]; [ 12L; 3L ] ] do
                for scale in scales do
                    let point, way = normal 6UL double shape * scale.ToScalar(), normal 7UL double shape
                    let outer = normal 8UL double shape

                    let slope (x: torch.Tensor) =
                        let parts = Parametrization.ofTensors [ x ] [] value
                        let loss = (Parametrization.forward value parts * outer).sum()
                        (torch.autograd.grad ([| loss |], [| x |], retain_graph = true, create_graph = true))[0]

                    let at (x: torch.Tensor) = (slope (x.detach().clone().requires_grad_ true)).detach()
                    let leaf = point.clone().requires_grad_ true
                    let found = (torch.autograd.grad ([| (slope leaf * way).sum() |], [| leaf |]))[0]
                    let h = 1e-5.ToScalar()
                    let expected = (at (point + way * h) - at (point - way * h)) / 2e-5.ToScalar()
                    let size = 1.0 + Measures.largest expected
                    Expect.isLessThan (Measures.apart expected found) (1e-7 * size) $"{value}, {shape}, {scale}")

/// Norms at which rounding alone could destroy all digits: in single precision, and beyond every meaningful angle.
let private hugeOnes: Test =
    inScope "thin maps of matrices of any norm stay orthonormal" (fun () ->
        for value in withBase @ withoutBase do
            for dtype in [ single; double ] do
                for shape in [ [ 300L; 20L ]; [ 20L; 300L ] ] do
                    for scale in [ 0.3; 1.0; 10.0; 1e2; 1e6; 1e12; 1e30 ] do
                        let sample = Parametrization.project value (normal 4UL dtype shape)
                        let foot = (Parametrization.initialize value sample |> orFail).Buffers

                        for x in [ normal 9UL dtype shape; torch.ones_like sample; Tensors.eyeLike(sample).flip 0L ] do
                            let parts = Parametrization.ofTensors [ x * scale.ToScalar() ] foot value
                            let what = $"{value}, {shape}, {dtype}, {scale}"
                            let w = (Parametrization.forward value parts).detach()
                            let tall = if w.shape[0] < w.shape[1] then w.mT else w
                            let defect = LinearAlgebra.Orthonormal.defect tall
                            Expect.isLessThan defect (32.0 * Form.epsilon dtype * sqrt 300.0) what
                            let gradient = passes value parts (normal 5UL dtype shape) |> List.head
                            Expect.equal (Tensors.nonFinite gradient) 0L $"gradient of {what}")

/// Beside a member that is computed in double precision.
let private unread: Test =
    inScope "what stands above the diagonal of a thin matrix changes nothing" (fun () ->
        for value in withoutBase do
            for shape in [ [ 2L; 40L; 5L ]; [ 2L; 5L; 40L ] ] do
                let x = normal 3UL double shape
                (x.select (0L, 1L)).mul_(1e3.ToScalar()) |> ignore
                let outer = normal 5UL double shape

                let ofX (x: torch.Tensor) =
                    let parts = Parametrization.ofTensors [ x ] [] value
                    (Parametrization.forward value parts).detach(), passes value parts outer |> List.head

                let row, column = if shape[1] > shape[2] then 0L, 1L else 1L, 0L
                let before = ofX x
                x[0L, row, column] <- torch.tensor nan
                let after = ofX x

                for what, part in [ "value", fst; "gradient", snd ] do
                    Expect.equal (Measures.apart (part before) (part after)) 0.0 $"{what} of {value}, {shape}")

/// Bases from permutations, half turns and reflections, in which pivots are zero.
let private bases: Test =
    inScope "every thin base yields the matrix of which it was made" (fun () ->
        for dtype in [ single; double; torch.ScalarType.ComplexFloat64 ] do
            let eye = torch.eye (6L, dtype = dtype, device = Case.device)

            let squares =
                [ eye; -eye; eye.roll (1L, 0L); eye.flip 0L; eye.flip(0L).roll(2L, 1L) ]
                @ [ Parametrization.project cayley (normal 4UL dtype [ 6L; 6L ]) ]

            for square in squares do
                for columns in 1L .. 5L do
                    for value in [ cayley; matrixExp ] do
                        let tall = square.narrow (1L, 0L, columns)

                        for matrix in [ tall; tall.mT ] do
                            let parts = Parametrization.initialize value matrix |> orFail
                            let allowed = 16.0 * Form.epsilon dtype
                            let found = Parametrization.forward value parts
                            Expect.isLessThan (Measures.apart matrix found) allowed $"{value}, {columns}, {dtype}")

/// Where products are summed by blocks of rows, and norms along real and imaginary parts.
let private longColumns: Test =
    inScope "columns beyond a block, of every element type" (fun () ->
        for dtype in [ single; double; torch.ScalarType.ComplexFloat32; torch.ScalarType.ComplexFloat64 ] do
            for shape in [ [ 16385L; 1L ]; [ 2L; 16385L; 1L ]; [ 18432L; 4L ]; [ 3L; 16390L ]; [ 2L; 20001L; 2L ] ] do
                for value in [ cayley; matrixExp; orthogonal ] do
                    let what = $"{value}, {shape}, {dtype}"
                    let tensor = Parametrization.project value (normal 4UL dtype shape)
                    let parts = Parametrization.initialize value tensor |> orFail
                    let found = Parametrization.forward value parts
                    Expect.equal found.shape tensor.shape what

                    Expect.isLessThan
                        (Measures.apart tensor found)
                        (Tensors.limit (Form.epsilon dtype) (List.max shape) 1.0)
                        what

                    let moved = withLeaf 0 (normal 5UL dtype shape * 0.01.ToScalar()) value parts
                    Expect.isOk (Parametrization.contains value (Parametrization.forward value moved)) $"moved: {what}")

/// Columns that are nearly dependent, dependent, of very different lengths, or not numbers.
let private factors: Test =
    inScope "the QR factor of slender matrices, however its columns lie" (fun () ->
        for dtype in [ double; torch.ScalarType.ComplexFloat64 ] do
            for shape in [ [ 16L; 2L ]; [ 400L; 50L ]; [ 2L; 300L; 20L ]; [ 4096L; 8L ]; [ 400L; 60L ] ] do
                let w = normal 6UL dtype shape
                let columns = List.last shape
                let mixing = Orthonormal.retract (normal 7UL dtype [ columns; columns ])

                let spread (digits: float) =
                    let exponents = torch.linspace (0.0, -digits, columns, dtype = double, device = Case.device)
                    w * (exponents * log 10.0).exp()

                let first, others = w.narrow (-1L, 0L, 1L), w.narrow (-1L, 1L, columns - 1L)

                let given =
                    [
                        for digits in [ 0.0; 3.0; 6.0; 7.5; 9.0; 14.0 ] do
                            $"spread by {digits} digits", spread digits
                            $"mixed, by {digits} digits", (spread digits).matmul mixing
                        "a column twice", torch.cat ([| others; others.narrow (-1L, 0L, 1L) |], -1L)
                        "a column of zeros", torch.cat ([| torch.zeros_like first; others |], -1L)
                        "huge and tiny columns",
                        torch.cat ([| first * 1e200.ToScalar(); others * 1e-200.ToScalar() |], -1L)
                    ]

                for what, w in given do
                    let q = Orthonormal.retract w
                    let lengths = w.abs().amax([| -2L |], keepdim = true).clamp_min(1e-300.ToScalar())
                    let unit = w / lengths
                    let r = q.mH.matmul unit
                    let allowed = 1e-14 * sqrt (float (Tensors.rows w))
                    let what = $"{what}, {shape}, {dtype}"
                    Expect.isLessThan (Orthonormal.defect q) (10.0 * allowed) $"orthonormal: {what}"
                    Expect.isLessThan (Measures.largest (r.tril -1L)) (100.0 * allowed) $"triangular: {what}"
                    Expect.isLessThan (Measures.apart unit (q.matmul r)) (100.0 * allowed) $"its factor: {what}"
                    let diagonal = Tensors.diagonal r
                    let isPositive = diagonal.real.gt ((-allowed).ToScalar())
                    Expect.isTrue (isPositive.all().item<bool>()) $"positive: {what}"

        let withNothing = normal 6UL double [ 40L; 4L ]
        withNothing.select(0L, 3L).fill_(nan.ToScalar()) |> ignore
        Expect.isTrue ((Orthonormal.retract withNothing).isnan().any().item<bool>()) "what is not a number stays")

/// What PyTorch carries: the tensor, and all others that the parameters yield, are the same.
let private pyTorch: Test =
    inScope "the base of PyTorch stands for the same" (fun () ->
        for value in withBase do
            for shape in [ [ 7L; 3L ]; [ 3L; 7L ]; [ 2L; 7L; 3L ]; [ 4L; 4L ] ] do
                for dtype in [ double; single; torch.ScalarType.BFloat16 ] do
                    let parts = Parametrization.initializeNearest value (normal 4UL dtype shape) |> orFail
                    let parts = withLeaf 0 (normal 5UL dtype shape) value parts
                    let whole = Parametrization.toPyTorch value parts
                    let size = shape |> List.skip (shape.Length - 2) |> List.max
                    let foot = whole.Buffers[0]
                    Expect.equal foot.shape[foot.shape.Length - 2 ..] [| size; size |] "its shape"
                    Expect.equal foot.dtype dtype "its element type"
                    Expect.isEmpty (Parametrization.misfits value (Form.epsilon dtype) whole) "is carried"

                    let expected, found = Parametrization.forward value parts, Parametrization.forward value whole
                    let allowed = 16.0 * Form.epsilon dtype
                    Expect.isLessThan (Measures.apart expected found) allowed $"{value}, {shape}, {dtype}"
                    let again = Parametrization.toPyTorch value whole
                    Expect.equal (Measures.apart again.Buffers[0] foot) 0.0 "as it is there"
                    let moved = Parametrization.rebase value whole |> orFail
                    Expect.equal moved.Buffers[0].shape parts.Buffers[0].shape "thin again")

let tests: Test =
    testList
        "thin"
        [
            for value in withBase do
                everyVerb value [ 30_000L; 50L ]
            everyVerb orthogonal [ 50L; 30_000L ]
            for value in withoutBase do
                everyVerb value [ 30_000L; 50L ]
            for value in [ toeplitz; hankel ] do
                everyVerb value [ 30_000L; 8L ]
                everyVerb value [ 8L; 30_000L ]
            for value in withBase do
                step value
            agreement
            curvature
            hugeOnes
            unread
            bases
            longColumns
            factors
            pyTorch
        ]
