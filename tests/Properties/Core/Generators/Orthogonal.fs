/// Matrices with orthonormal columns or rows.
module internal Properties.Core.Generators.Orthogonal

open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open TorchSharp
open Properties.Core.Ingredients

let private complexes = [ torch.ScalarType.ComplexFloat32; torch.ScalarType.ComplexFloat64 ]

/// Turned by a hundredth: unitary still.
let private turned =
    Some(fun (w: torch.Tensor) ->
        let angle = torch.tensor (0.01, dtype = torch.ScalarType.Float64, device = w.device)
        w * (torch.complex (angle.cos (), angle.sin ())).``to`` w.dtype)

/// A little longer than that.
let private beyond (norm: float) =
    Some(fun (w: torch.Tensor) ->
        let wide = if Form.isHalf w.dtype then w.``to`` torch.ScalarType.Float32 else w
        let norms = (torch.linalg.svdvals wide).amax([| -1L |], keepdim = true).unsqueeze -1L
        (wide / norms * (norm + coarse 1e-2 w)).``to`` w.dtype)

let private threeRows: Gen<int64[]> =
    Gen.choose64 (1L, 3L) |> Gen.map (fun columns -> [| 3L; columns |])

let lines: Subject list =
    [
        line "cayley" matrix all everySize |> missedBy stretched
        line "matrixExp" matrix all everySize |> missedBy stretched |> exponential 1.0
        line "householder" matrix reals everySize |> missedBy stretched |> roughAtZero
        line "orthogonal" matrix all everySize |> missedBy stretched |> roughAtZero |> exponential 1.0
        line "cayley, no base" smallMatrix all shortOfLimit |> missedBy stretched |> within 1e3
        line "matrixExp, no base" smallMatrix all everySize |> missedBy stretched |> exponential 1e3
        line "householder, no base" matrix reals everySize |> missedBy stretched |> roughAtZero
        line "orthogonal, no base" smallMatrix all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1e3
        line "specialOrthogonal" square reals everySize |> missedBy reflected |> exponential 1.0
        line "unitary" square complexes everySize |> missedBy stretched |> exponential 1.0
        line "specialUnitary" square complexes everySize |> missedBy turned |> exponential 1.0
        line "polar" matrix all everySize |> missedBy stretched |> roughAtZero
        line "bjorck" matrix all everySize |> missedBy (beyond 1.0)
        line "almostOrthogonal" matrix reals everySize
        |> missedBy (beyond 1.5)
        |> roughAtZero
        |> exponential 1.0
        line "almostOrthogonal, tanh" matrix reals everySize
        |> missedBy (beyond 1.1)
        |> roughAtZero
        |> exponential 1.0
        line "grassmann" matrix all everySize |> missedBy stretched |> exponential 1.0
        line "orthogonal on kernels" atLeastMatrices all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1.0
        line "inMetric" threeRows all everySize |> bijection everything
        line "generalizedStiefel" threeRows all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 10.0
    ]
