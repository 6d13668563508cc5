/// Groups, polar factors and subspaces at points that random cases miss, and how their samples are distributed.
module Properties.Core.Values.OrthogonalFamilyTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private double = torch.ScalarType.Float64
let private complex = torch.ScalarType.ComplexFloat64

let private normal (shape: int64 list) (dtype: torch.ScalarType) (seed: uint64) : torch.Tensor =
    Case.unit
        1UL
        {
            Shape = List.toArray shape
            Dtype = dtype
            Scale = 1.0
            Seed = seed
            Device = Case.device
        }

let private drawn (value: Parametrization) (shape: int64 list) (dtype: torch.ScalarType) : torch.Tensor =
    use generator = new torch.Generator(5UL, torch.CPU)
    Parametrization.sample value { Shape = List.toArray shape; Dtype = dtype; Device = Case.device } (Some generator)

let private forward (value: Parametrization) (x: torch.Tensor) (buffers: torch.Tensor list) : torch.Tensor =
    Parametrization.forward value (Parametrization.ofTensors [ x ] buffers value)

let private frobenius (x: torch.Tensor) : float = sqrt (Tensors.number (x.abs().square().sum()))

let private leaf (x: torch.Tensor) : torch.Tensor = x.detach().clone().requires_grad_ true

/// The derivative in a direction of a weighted sum, by the graph.
let private slope
    (map: torch.Tensor -> torch.Tensor)
    (x: torch.Tensor)
    (direction: torch.Tensor)
    (weights: torch.Tensor)
    =
    let x = leaf x

    let gradient =
        (torch.autograd.grad ([| (map x * weights).sum() |], [| x |], retain_graph = true, create_graph = true))[0]

    x, (gradient * direction).sum()

/// Rotations, near the matrices that have none near.
let private rotations: Test =
    inScope "specialOrthogonal projects reflections, and matrices of low rank, to the nearest rotation" (fun () ->
        for seed in 1UL .. 20UL do
            let x = normal [ 4L; 4L ] double seed
            let values = torch.linalg.svdvals x
            let sign = Tensors.number (Tensors.determinantSign x)
            let expected = values - 1.0.ToScalar()
            expected[-1] <- values[-1] - sign
            let found = Parametrization.project specialOrthogonal x
            Expect.isLessThan (abs (frobenius (x - found) - frobenius expected)) 1e-12 $"{seed}"

        let eye = torch.eye (4L, dtype = double)
        let reflection = eye.clone ()
        reflection[0, 0] <- torch.tensor -1.0

        for x in [ eye * 0.0; torch.ones_like eye; reflection; -eye; eye * 1e300; eye * 1e-300; reflection * 3.0 ] do
            let found = Parametrization.project specialOrthogonal x
            Expect.isOk (Parametrization.contains specialOrthogonal found) "a rotation"

        Expect.isError (Parametrization.contains specialOrthogonal reflection) "a reflection"
        Expect.isOk (Parametrization.contains orthogonal reflection) "a reflection is orthogonal")

let private realTensors: Test =
    inScope "unitary and specialUnitary refuse real tensors" (fun () ->
        for value in [ unitary; specialUnitary ] do
            match Parametrization.start value (torch.eye 3L) with
            | Ok _ -> failtest $"{value}"
            | Error error -> Expect.stringContains error.Message "a complex tensor" $"{value}")

/// Rounding of eigenvalues that are millions adds up to whole turns of the determinant.
let private determinants: Test =
    inScope "specialUnitary has determinant 1 with parameters of any size" (fun () ->
        for dtype in [ torch.ScalarType.ComplexFloat32; complex ] do
            for size in [ 1.0; 1e3; 1e6; 1e9 ] do
                let foot = drawn specialUnitary [ 6L; 6L ] dtype
                let w = forward specialUnitary (normal [ 6L; 6L ] dtype 3UL * size) [ foot ]
                Expect.isOk (Parametrization.contains specialUnitary w) $"{size} in {dtype}"

            let large = drawn specialUnitary [ 200L; 200L ] dtype
            let w = forward specialUnitary (normal [ 200L; 200L ] dtype 3UL) [ large ]
            Expect.isOk (Parametrization.contains specialUnitary w) $"200 x 200 in {dtype}")

let private measures: Test =
    inScope "unitary and specialUnitary are drawn uniformly" (fun () ->
        let many = 4000L

        for value in [ unitary; specialUnitary ] do
            let sample = drawn value [ many; 3L; 3L ] complex
            Expect.isLessThan (Measures.largest (sample.mean [| 0L |])) 0.05 "the mean"
            Expect.isLessThan (Measures.largest ((sample * sample).mean [| 0L |])) 0.05 "the mean of squares"
            let squares = sample.abs().square().mean [| 0L |]
            Expect.isLessThan (Measures.largest (squares - (1.0 / 3.0).ToScalar())) 0.03 "the mean of squared moduli"
            // The trace of a uniform one has mean square 1.
            let traces = (Tensors.diagonal sample).sum(-1L).abs().square().mean()
            Expect.isLessThan (abs (Tensors.number traces - 1.0)) 0.1 "the trace"

        let determinants = Tensors.determinantSign (drawn unitary [ many; 3L; 3L ] complex)
        Expect.isLessThan (Measures.largest (determinants.mean ())) 0.08 "determinants of unitary ones"
        let rotations = drawn specialOrthogonal [ many; 3L; 3L ] double
        let traces = (Tensors.diagonal rotations).sum(-1L).square().mean()
        Expect.isLessThan (abs (Tensors.number traces - 1.0)) 0.1 "the trace of a rotation")

/// Where singular vectors have no derivative: equal singular values.
let private derivatives: Test =
    inScope "polar has first and second derivatives where singular values are equal" (fun () ->
        let map (x: torch.Tensor) = forward polar x []

        for x in
            [
                torch.eye (4L, dtype = double) * 2.0
                drawn orthogonal [ 5L; 3L ] double
                drawn orthogonal [ 3L; 5L ] double
            ] do
            let weights, direction =
                normal (List.ofArray x.shape) double 2UL, normal (List.ofArray x.shape) double 3UL

            let at (step: float) = x + direction * step.ToScalar()
            let value (step: float) = Tensors.number ((map (at step) * weights).sum())
            let point, first = slope map x direction weights
            let second = (torch.autograd.grad ([| first |], [| point |]))[0]
            let step = 1e-4
            let expected = (value step - value -step) / (2.0 * step)
            Expect.isLessThan (abs (Tensors.number first - expected)) 1e-6 "the first"
            let bend = (value step - 2.0 * value 0.0 + value -step) / (step * step)
            Expect.isLessThan (abs (Tensors.number ((second * direction).sum()) - bend)) 1e-5 "the second")

let private lowRank: Test =
    inScope "polar yields orthonormal matrices, and finite gradients, of any matrix" (fun () ->
        for dtype in [ torch.ScalarType.Float32; double; complex ] do
            for shape in [ [ 4L; 4L ]; [ 6L; 3L ]; [ 3L; 6L ] ] do
                let sample = normal shape dtype 1UL
                let ones = torch.ones_like sample
                let huge = Form.greatest dtype / 4.0

                for x in [ ones; ones * 0.0; ones + sample * 1e-6; sample * 1e-30; ones * huge; sample / 8.0 * huge ] do
                    let x = leaf x
                    let w = forward polar x []
                    Expect.isOk (Parametrization.contains polar w) $"{dtype}, {shape}"
                    let sum = if w.is_complex () then w.real.sum () else w.sum ()
                    sum.backward ()
                    Expect.equal (Tensors.nonFinite (nonNull x.grad)) 0L $"the gradient in {dtype}, {shape}")

let private bjorckSteps: Test =
    inScope "bjorck reaches the whole ball, keeps orthonormal matrices, and draws others to them" (fun () ->
        for shape in [ [ 5L; 5L ]; [ 8L; 3L ]; [ 3L; 8L ] ] do
            for iterations in [ 1; 3; 12 ] do
                let value = bjorck iterations
                let w = drawn orthogonal shape double
                Expect.isLessThan (Measures.apart w (forward value w [])) 1e-14 "orthonormal ones"

                for tensor in [ w; w * 0.3; w * 0.0; Parametrization.project value (normal shape double 1UL) ] do
                    match Parametrization.initialize value tensor with
                    | Error error -> failtest $"{error}"
                    | Ok parts ->
                        let distance = Measures.apart tensor (Parametrization.forward value parts)
                        Expect.isLessThan distance 1e-13 $"{value} yields members"

                for size in [ 1e-3; 1.0; 1e3; 1e150 ] do
                    let long = forward value (normal shape double 2UL * size) []
                    Expect.isOk (Parametrization.contains value long) $"{value} of {size}"

                // Those on the edge up to rounding start where the map is not flat.
                for share in [ 1.0; 1.0 - 1e-15 ] do
                    match Parametrization.start value (w * share) with
                    | Error error -> failtest $"{error}"
                    | Ok parts ->
                        Expect.isLessThan
                            (Measures.largest (torch.linalg.svdvals parts.Parameters[0]))
                            0.95
                            $"{value} starts {share} inside"

            let drawnTo = forward (bjorck 40) (normal shape double 2UL) []
            Expect.isOk (Parametrization.contains orthogonal drawnTo) "the limit")

/// Principal angles are the singular values of the tangent, and what turns the basis alone is not seen.
let private subspaces: Test =
    inScope "grassmann goes along geodesics, with a base no larger than the tensor" (fun () ->
        let foot = drawn grassmann [ 7L; 3L ] double
        let tangent = normal [ 7L; 3L ] double 2UL * 0.3
        let horizontal = tangent - foot.matmul (foot.mT.matmul tangent)
        let w = forward grassmann tangent [ foot ]
        let cosines = torch.linalg.svdvals (foot.mT.matmul w)
        let expected = (torch.linalg.svdvals horizontal).cos().flip(0L)
        Expect.isLessThan (Measures.apart expected cosines) 1e-14 "principal angles"
        let turned = tangent + foot.matmul (normal [ 3L; 3L ] double 3UL)
        Expect.isLessThan (Measures.apart w (forward grassmann turned [ foot ])) 1e-14 "a part along the base"

        for size in [ 1e2; 1e5; 1e8; 1e20 ] do
            for dtype in [ torch.ScalarType.Float32; double; complex ] do
                let foot = drawn grassmann [ 7L; 3L ] dtype
                let far = forward grassmann (normal [ 7L; 3L ] dtype 2UL * size) [ foot ]
                Expect.isOk (Parametrization.contains grassmann far) $"{size} in {dtype}"

        let tall = drawn grassmann [ 200_000L; 4L ] torch.ScalarType.Float32
        Expect.isOk (Parametrization.contains grassmann tall) "a tall one"

        match Parametrization.start grassmann tall with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            Expect.equal parts.Buffers[0].shape tall.shape "its base"
            parts.Dispose())

/// Orthonormal matrices, and those at the radius, which the sigmoid comes to at infinity only.
let private almost: Test =
    inScope "almostOrthogonal takes singular values to the radius and no farther" (fun () ->
        for map in [ AlmostOrthogonalMap.Sine; AlmostOrthogonalMap.Tanh; AlmostOrthogonalMap.Sigmoid ] do
            for radius in [ 1e-3; 0.3; 1.0 ] do
                let value = almostOrthogonal radius map

                for shape in [ [ 4L; 4L ]; [ 6L; 3L ]; [ 3L; 6L ]; [ 2L; 5L; 5L ] ] do
                    let w = drawn orthogonal shape double
                    let random = drawn value shape double
                    let far = Parametrization.project value (normal shape double 2UL * 100.0)
                    let short = Parametrization.project value (normal shape double 2UL * 0.0)

                    for tensor in [ w; w * (1.0 + radius); w * (1.0 - radius); random; far; short ] do
                        match Parametrization.initialize value tensor with
                        | Error error -> failtest $"{value}, {shape}: {error}"
                        | Ok parts ->
                            let distance = Measures.apart tensor (Parametrization.forward value parts)
                            Expect.isLessThan distance 1e-13 $"{value}, {shape}"

                    let values = torch.linalg.svdvals (drawn value (400L :: shape) double)
                    let offset = (values - 1.0) / radius
                    Expect.isLessThan (abs (Tensors.number (offset.mean ()))) 0.1 "the mean of singular values"

                    let square = Tensors.number (offset.square().mean())
                    Expect.isLessThan (abs (square - 1.0 / 3.0)) 0.05 "their mean square"

                    for factor in [ 1.0 + radius * 1.01; 1.0 - radius * 1.01 ] do
                        if factor > 0.0 then
                            Expect.isError (Parametrization.contains value (w * factor)) "a little beyond"

        for radius in [ 0.0; 1.5; nan ] do
            Expect.throwsT<System.ArgumentException>
                (fun () -> almostOrthogonal radius AlmostOrthogonalMap.Sine |> ignore)
                $"{radius}")

/// Eigenvalues on the circle, at the angles that were drawn.
let private tori: Test =
    inScope "rotations of planes are orthogonal, with angles as they are meant" (fun () ->
        let form (shape: int64 list) (dtype: torch.ScalarType) : Form =
            { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }

        for dtype in [ torch.ScalarType.Float32; double; torch.ScalarType.BFloat16 ] do
            for shape in [ [ 6L; 6L ]; [ 5L; 5L ]; [ 1L; 1L ]; [ 7L; 3L ]; [ 3L; 7L ]; [ 2L; 4L; 4L ] ] do
                for draw in [ Rotations.henaff; Rotations.helfrich ] do
                    let w = draw (form shape dtype) None
                    Expect.equal (Form.ofTensor w) (form shape dtype) "the form"
                    Expect.isOk (Parametrization.contains orthogonal w) $"{shape} of {dtype}"

                    if shape[shape.Length - 1] = shape[shape.Length - 2] then
                        Expect.isOk (Parametrization.contains specialOrthogonal w) $"{shape} of {dtype}"

        let angles (draw: Form -> torch.Generator option -> torch.Tensor) =
            use generator = new torch.Generator(3UL, torch.CPU)
            let w = draw (form [ 1000L; 1000L ] double) (Some generator)
            let diagonal, below = w.diagonal (), w.diagonal -1L
            let even (tensor: torch.Tensor) = tensor.[torch.TensorIndex.Slice(0L, System.Nullable(), 2L)]
            (even below).atan2(even diagonal)

        for draw, least, greatest in
            [ Rotations.henaff, -System.Math.PI, System.Math.PI; Rotations.helfrich, 0.0, System.Math.PI / 2.0 ] do
            let drawn = angles draw
            Expect.equal (drawn.numel ()) 500L "planes"
            let share = (drawn - least) / (greatest - least)
            Expect.isLessThan (abs (Tensors.number (share.mean ()) - 0.5)) 0.06 "the mean angle"
            Expect.isLessThan (abs (Tensors.number (share.var ()) - 1.0 / 12.0)) 0.015 "the variance"
            Expect.isGreaterThanOrEqual (Tensors.number (share.min ())) 0.0 "the least"
            Expect.isLessThanOrEqual (Tensors.number (share.max ())) 1.0 "the greatest"

        use one = new torch.Generator(3UL, torch.CPU)
        use other = new torch.Generator(3UL, torch.CPU)
        let pair = form [ 4L; 4L ] double

        Expect.equal
            (Measures.apart (Rotations.henaff pair (Some one)) (Rotations.henaff pair (Some other)))
            0.0
            "a seed"

        for wrong in [ form [ 4L ] double; form [ 4L; 4L ] complex ] do
            Expect.throwsT<System.ArgumentException> (fun () -> Rotations.henaff wrong None |> ignore) $"{wrong}")

let tests: Test =
    testList
        "orthogonal family"
        [
            rotations
            realTensors
            determinants
            measures
            derivatives
            lowRank
            bjorckSteps
            subspaces
            almost
            tori
        ]
