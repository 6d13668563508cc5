/// Tensors that miss a space by their size alone, or by that of their rows: what they are projected to is no farther than other members.
module Properties.Core.Values.ScaledNearnessTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private wide = torch.ScalarType.Float64

/// Values whose projection is the nearest, with a shape.
let private cases: (Parametrization * int64 list) list =
    [
        correlation, [ 2L; 2L ]
        correlation, [ 4L; 4L ]
        correlationCholesky, [ 4L; 4L ]
        simplex, [ 5L ]
        doublyStochastic, [ 3L; 3L ]
        sphere 2.0, [ 5L ]
        polar, [ 4L; 3L ]
        specialOrthogonal, [ 3L; 3L ]
        lipschitz 2.0, [ 3L; 4L ]
        spdWithTrace 3.0, [ 3L; 3L ]
        spd, [ 3L; 3L ]
        boundedRatio 4.0, [ 5L ]
        almostOrthogonal 0.5 AlmostOrthogonalMap.Tanh, [ 3L; 4L ]
        conditioned 4.0, [ 3L; 3L ]
        sumToZero, [ 4L ]
        linearlyConstrained [ [ 1.0; 2.0; 3.0 ] ] [ 6.0 ], [ 3L ]
        unitTriangular Triangle.Lower, [ 3L; 3L ]
        weightStandardized 0, [ 3L; 4L ]
        ordered, [ 5L ]
        positiveOrdered, [ 5L ]
        bounded -0.5 1.5, [ 5L ]
    ]

let private distance (left: torch.Tensor) (right: torch.Tensor) : float = (left - right).norm().item<double>()

/// A member made larger or smaller, as a whole or at both sides of its entries.
let private missing (tensor: torch.Tensor) : (string * torch.Tensor) list =
    let count = tensor.shape[tensor.shape.Length - 1]
    let sizes = torch.linspace (0.5, 2.5, count, dtype = wide, device = tensor.device)

    [
        for factor in [ 0.3; 2.0; 5.0; -1.0 ] do
            $"{factor} times", tensor * factor.ToScalar()
        "columns of other sizes", tensor * sizes
        if tensor.dim () = 2L && tensor.shape[0] = count then
            "rows and columns of other sizes", tensor * sizes * sizes.unsqueeze -1L
            "and on the diagonal", tensor + torch.diag sizes
    ]

let private isNearest (value: Parametrization, shape: int64 list) : Test =
    testCase $"{value} of {shape}" (fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(3UL, torch.CPU)
        let form = { Shape = List.toArray shape; Dtype = wide; Device = Case.device }
        let members = [ for _ in 1..6 -> Parametrization.sample value form (Some generator) ]

        for one in List.truncate 3 members do
            for what, tensor in missing one do
                let found = Parametrization.project value tensor
                Expect.isOk (Parametrization.contains value found) $"{what}: it is allowed"
                // Members near the one that was found, too.
                let around =
                    [
                        for step in [ 0.01; 0.1 ] do
                            for other in members -> found + (other - found) * step.ToScalar()
                    ]

                let near = around |> List.map (Parametrization.project value)

                for other in members @ near do
                    let limit = distance other tensor * (1.0 + 1e-6) + 1e-9
                    Expect.isLessThan (distance found tensor) limit $"{what}: another member is nearer")

let tests: Test = testList "nearness of what was scaled" (List.map isNearest cases)
