/// What lies on an edge, or so near to it that it counts as on it, starts inside.
module Properties.Core.Values.EdgeStartTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// The answer of the last node; None if it sees the tensor through a view, or has no edge.
let private isOnEdge (value: Parametrization) (tensor: torch.Tensor) : bool option =
    match Array.last value.Program.Steps with
    | Step.Compute(node, _, _, _) ->
        match box node with
        | :? IHasEdge as edged -> Some(edged.TouchesEdge(tensor, Form.epsilon tensor.dtype))
        | _ -> None
    | _ -> None

let private startsInside (value: Parametrization) (tensor: torch.Tensor) (what: string) : unit =
    match isOnEdge value tensor with
    | Some true when Result.isOk (Parametrization.contains value tensor) ->
        let started = Parametrization.forward value (orFail (Parametrization.start value tensor))
        Expect.equal (isOnEdge value started) (Some false) $"{value} of {what}"
    | _ -> ()

let private orthonormal (seed: uint64) : torch.Tensor =
    let struct (q, _) = torch.linalg.qr (normalOn Case.device torch.float64 seed [ 3L; 3L ])
    q

/// Singular values this far from the edge, in units of what rounding may do.
let private nearOrthogonal: Test =
    testCase "singular values near the ends" (fun () ->
        for dtype in [ torch.float64; torch.float32 ] do
            for map in [ AlmostOrthogonalMap.Sine; AlmostOrthogonalMap.Tanh; AlmostOrthogonalMap.Sigmoid ] do
                for radius in [ 1e-3; 0.03; 0.5; 1.0 ] do
                    for sign in [ 1.0; -1.0 ] do
                        for share in [ 0.0; 0.3; 0.9; 1.1 ] do
                            use _ = torch.NewDisposeScope()
                            let limit = Tensors.limit (Form.epsilon dtype) 3L (1.0 + radius)
                            let values = [| 1.0; 1.0 + radius / 3.0; 1.0 + sign * (radius - share * limit) |]
                            let scaled = torch.diag (torch.tensor (values, device = Case.device))
                            let tensor = ((orthonormal 1UL).matmul(scaled).matmul(orthonormal 2UL)).``to`` dtype
                            startsInside (almostOrthogonal radius map) tensor $"{dtype}, {radius}, {sign}, {share}")

/// Projections of what is far away are on the edge.
let private projected (subject: Subject) : Test =
    testCase subject.Name (fun () ->
        for dtype in subject.Dtypes do
            if dtype = torch.float64 || dtype = torch.float32 then
                for size in [ 1.0; 30.0 ] do
                    use _ = torch.NewDisposeScope()

                    let x =
                        (normalOn Case.device torch.float64 6UL (List.ofArray (Generators.Subjects.smallShape subject)))
                        * size.ToScalar()

                    let tensor = Parametrization.project subject.Value (x.``to`` dtype)
                    startsInside subject.Value tensor $"{dtype}, {size}")

/// With floors, bounds and ratios of several sizes, near the edge as well.
let private stays (value: Parametrization, shape: int64 list) : Test =
    testCase $"{value} of {shape} inside" (fun () ->
        for dtype, allowed in [ torch.float64, 1e-8; torch.float32, 1e-3 ] do
            for size in [ 0.1; 0.5; 1.0; 3.0 ] do
                for seed in 1UL .. 3UL do
                    use _ = torch.NewDisposeScope()
                    let form = { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }
                    let parameters = orFail (Parametrization.parameterForms value form)

                    let drawn =
                        [
                            for form in parameters ->
                                normalOn form.Device dtype seed (List.ofArray form.Shape) * size.ToScalar()
                        ]

                    let tensor =
                        Parametrization.forward value (Parametrization.ofTensorsOfShape form.Shape drawn [] value)

                    // Numbers of this size are far from all edges.
                    if (dtype = torch.float64 && size <= 1.0) || isOnEdge value tensor = Some false then
                        let started = Parametrization.forward value (orFail (Parametrization.start value tensor))
                        let limit = allowed * max 1.0 (Measures.largest tensor)
                        Expect.isLessThan (Measures.apart started tensor) limit $"{dtype}, {size}, seed {seed}")

let private inside: (Parametrization * int64 list) list =
    [
        for floor in [ 0.0; 0.1; 0.5; 2.0; 10.0 ] do
            spdAbove floor, [ 3L; 3L ]
            spdAbove floor, [ 2L; 4L; 4L ]
        for bound in [ 0.1; 2.0; 30.0 ] do
            lipschitz bound, [ 3L; 4L ]
            bounded -bound (2.0 * bound), [ 4L ]
        for ratio in [ 1.5; 20.0 ] do
            boundedRatio ratio, [ 4L ]
        for determinant in [ 0.1; 30.0 ] do
            spdWithDeterminant determinant, [ 3L; 3L ]
        for alpha in [ 0.0; 2.0 ] do
            hurwitzBlocks alpha, [ 4L; 4L ]
        for radius in [ 0.5; 3.0 ] do
            schurStableBlocks radius, [ 4L; 4L ]
        correlation, [ 4L; 4L ]
        matrixExponential, [ 3L; 3L ]
        ordered, [ 4L ]
    ]

let tests: Test =
    testList
        "starts at edges"
        [
            nearOrthogonal
            for one in inside do
                stays one
            for subject in Generators.Subjects.all do
                if
                    Parametrization.hasRightInverse subject.Value
                    && subject.Value.Nodes |> Seq.exists (fun node -> box node :? IHasEdge)
                then
                    projected subject
        ]
