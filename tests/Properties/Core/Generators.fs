/// One line for each entry of the catalogue: which tensors it is tried with.
module internal Properties.Core.Generators

open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open TorchSharp
open Properties.Core.Ingredients

let private line name shapes dtypes scales : Subject =
    {
        Name = name
        Value = Parametrization.identity
        Rebuilt = fun () -> Parametrization.identity
        Shapes = shapes
        Dtypes = dtypes
        Scales = scales
        Devices = [ Case.device ]
        Reads = None
        Miss = None
        SmoothAtZero = true
        HalfLimit = infinity
        Accuracy = fun _ -> 1.0
        Ground = 0.0
    }

let private bijection reads (subject: Subject) = { subject with Reads = reads }
let private missedBy miss (subject: Subject) = { subject with Miss = miss }
let private roughAtZero (subject: Subject) = { subject with SmoothAtZero = false }
let private onGround ground (subject: Subject) = { subject with Ground = ground }
let private within accuracy (subject: Subject) = { subject with Accuracy = fun _ -> accuracy }
let private halvesTo limit (subject: Subject) = { subject with HalfLimit = limit }

/// The rounding errors of an exponential grow with its argument.
let private exponential accuracy (subject: Subject) =
    { subject with Accuracy = fun scale -> accuracy * max 1.0 (10.0 * scale) }

let private lines: Subject list =
    [
        line "identity" entries all everySize |> bijection everything
        line "symmetric" square all everySize |> bijection (upper 0L) |> missedBy offDiagonal
        line "symmetric, lower" square all everySize |> bijection (lower 0L) |> missedBy offDiagonal
        line "hermitian" square all everySize |> bijection (realDiagonal _.triu(1L)) |> missedBy offDiagonal
        line "hermitian, lower" square all everySize
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        line "skew" square all everySize |> bijection (upper 1L) |> missedBy skewed
        line "skew, lower" square all everySize |> bijection (lower -1L) |> missedBy skewed
        line "skewHermitian" square all everySize |> missedBy skewed
        line "skewHermitian, lower" square all everySize |> missedBy skewed
        line "triangular, lower" matrix all everySize |> bijection (lower 0L) |> missedBy offDiagonal
        line "triangular, upper" matrix all everySize |> bijection (upper 0L) |> missedBy belowDiagonal
        line "unitTriangular, lower" matrix all everySize |> bijection (lower -1L) |> missedBy skewed
        line "unitTriangular, upper" matrix all everySize |> bijection (upper 1L) |> missedBy skewed
        line "diagonal" matrix all everySize |> bijection onDiagonal |> missedBy offDiagonal
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
        line "orthogonal on kernels" atLeastMatrices all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1.0
        line "weightNorm 0" atLeastVectors all everySize |> roughAtZero
        line "weightNorm 1" atLeastMatrices all everySize |> roughAtZero
        line "weightNorm -1" atLeastVectors all everySize |> roughAtZero
        line "weightNorm, whole" entries all everySize |> roughAtZero
        line "spectralNorm" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "spectralNorm, bound" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "spectralNorm, dimension" atLeastMatrices all everySize |> missedBy stretched |> roughAtZero
        line "spectralNorm, iterations" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "sphere" vector all everySize |> missedBy stretched |> roughAtZero
        line "sphere, radius" vector all everySize |> missedBy stretched |> roughAtZero
        line "sphereExp" vector all everySize |> missedBy stretched |> exponential 1.0
        line "sphereExp, radius" vector all everySize |> missedBy stretched |> exponential 1.0
        line "positive" entries reals everySize |> bijection everything |> missedBy (shifted -1e-3)
        line "positive, exp" entries reals everySize |> bijection everything |> missedBy (shifted -1e-3)
        line "positive, square" entries reals everySize |> missedBy (shifted -1e-3)
        line "simplex" (shape 2 |> Gen.map (Array.map (max 2L))) reals everySize
        |> bijection everything
        |> missedBy (Some(fun w -> w * 1.1))
        |> onGround 1.0
        line "bounded" entries reals everySize
        |> bijection everything
        |> missedBy (shifted -1.1)
        |> onGround 4.0
        line "bounded below" entries reals everySize
        |> bijection everything
        |> missedBy (shifted 0.09)
        |> onGround 1.0
        line "bounded above" entries reals everySize
        |> bijection everything
        |> missedBy (shifted -0.4)
        |> onGround 1.0
        line "spd" smallSquare all moderate
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        |> within 100.0
        line "spd, floor" smallSquare all moderate
        |> halvesTo 0.01
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        |> within 100.0
        line "invertible" square reals moderate |> halvesTo 0.01 |> missedBy reflected |> within 10.0
        line "pruned, Bernoulli" entries all everySize
        line "pruned, share" entries all everySize
        line "pruned, count" (shape 2 |> Gen.map (Array.map (max 2L))) all everySize
        line "pruned, mask" (Gen.constant [| 3L; 4L |]) all everySize |> missedBy (shifted 1e-3)
        line "pruned, nothing" entries all everySize
        line "pruned, random share" entries all everySize
        line "pruned, random count" (shape 2 |> Gen.map (Array.map (max 2L))) all everySize
        |> missedBy (shifted 1e-3)
        line "pruned, random channels" atLeastMatrices all everySize
        line "pruned, L1 channels" atLeastMatrices all everySize
        line "pruned, L2 channels" atLeastMatrices all everySize
        line "pruned, L0.5 channels" atLeastMatrices all everySize |> missedBy (shifted 1e-3)
        line "pruned, largest entries of channels" atLeastMatrices all everySize
        line "pruned, up to" entries all everySize |> missedBy (shifted 1e-3)
        line "pruned, random up to" entries all everySize
        line "pruned, channels up to" atLeastMatrices all everySize
        line "pruned, random channels up to" atLeastMatrices all everySize
        line "pruned, 2 of 4" fours all everySize |> missedBy (shifted 1e-3)
        line "pruned twice" entries all everySize
        line "pruned, channels twice" atLeastMatrices all everySize
        line "pruned, entries, then channels" atLeastMatrices all everySize
        line "pruned, several ways" fours all everySize |> missedBy (shifted 1e-3)
        line "pruned on kernels" (fours |> Gen.map (fun shape -> Array.append [| 3L |] shape)) all everySize
        |> missedBy (shifted 1e-3)
        line "skew >>> cayley" square reals everySize |> missedBy stretched
        line "skew >>> matrixExp" square reals everySize |> missedBy stretched |> exponential 1.0
        line "skewHermitian >>> cayley" square all everySize |> missedBy stretched
        line "skew >>> cayley on kernels" squareKernel reals everySize |> missedBy stretched
        line "symmetric >>> spectralNorm" square all everySize |> missedBy stretched |> roughAtZero
        line "scale" entries all everySize |> bijection everything
        line "shift" entries all everySize |> bijection everything |> onGround 1.0
        line "lowRank" rankTwo reals everySize |> halvesTo 1.0 |> roughAtZero |> exponential 10.0
        // Rounding to 16 bits can raise or lower a rank.
        line "fixedRank" rankTwo [ Dtype.Float32; Dtype.Float64 ] moderate
        |> roughAtZero
        |> exponential 10.0
        line "triangular, transposed" matrix all everySize |> bijection (upper 0L) |> missedBy belowDiagonal
        line "sphere, transposed" matrix all everySize |> missedBy stretched |> roughAtZero
        line "transposed >>> sphere" matrix reals everySize |> missedBy stretched |> roughAtZero
        line "matrixExponential" smallSquare all moderate
        |> bijection hermitianPart
        |> missedBy offDiagonal
        |> within 10.0
        line "symmetric >>> matrixExponential" smallSquare reals moderate
        |> bijection (upper 0L)
        |> missedBy offDiagonal
        |> within 10.0
        line "hermitian >>> matrixExponential" smallSquare all moderate
        |> bijection (realDiagonal _.triu(1L))
        |> missedBy offDiagonal
        |> within 10.0
        line "positive >>> inverse" entries reals moderate |> bijection everything |> onGround 1.0
        line "sum, low rank" rankTwo reals everySize |> roughAtZero |> exponential 10.0
        line "sum, orthogonal" square reals everySize |> roughAtZero |> exponential 1.0 |> onGround 1.0
        line "sum >>> scale" rankTwo reals everySize |> roughAtZero |> exponential 10.0
        line "product, orthogonal" matrix all everySize |> halvesTo 1.0 |> roughAtZero |> exponential 1.0
        line "product, triangular" smallMatrix reals moderate |> halvesTo 0.01 |> within 100.0
        line "blockDiagonal, orthogonal" (matrix |> Gen.map (Array.map ((*) 2L))) all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1.0
        line "blockDiagonal, mixed" (smallSquare |> Gen.map (Array.map ((*) 3L))) all everySize
        |> missedBy offDiagonal
        line "slices, gates" (Gen.constant [| 6L; 2L |]) all everySize |> roughAtZero |> exponential 1.0
        line "slices, rows" (size |> Gen.map (fun columns -> [| 3L; columns |])) reals everySize
        |> missedBy (shifted -1.1)
        |> roughAtZero
        line "where" (Gen.constant [| 3L; 4L |]) reals everySize |> missedBy (shifted -3.1) |> onGround 4.0
        line "joined" atLeastVectors all everySize |> roughAtZero |> onGround 1.0
        line "triangular >>> pruned" matrix all everySize |> missedBy offDiagonal
        line "weightNorm >>> spectralNorm" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "weightNorm >>> sphere" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "symmetric >>> positive" square reals notTiny |> bijection (upper 0L) |> missedBy offDiagonal
        line "skewHermitian >>> orthogonal, no base" smallSquare all everySize
        |> missedBy stretched
        |> exponential 1e3
    ]

/// Entries of the catalogue without a line here.
let missing: string list =
    Catalogue.entries
    |> List.map _.Name
    |> List.filter (fun name -> lines |> List.forall (fun line -> line.Name <> name))

/// Lines without an entry in the catalogue.
let superfluous: string list =
    lines |> List.map _.Name |> List.filter (fun name -> (Catalogue.tryFind name).IsNone)

/// The catalogue with its lines.
let subjects: Subject list =
    let rebuilt (name: string) () =
        Catalogue.build () |> List.pick (fun entry -> if entry.Name = name then Some entry.Value else None)

    [
        for line in lines do
            match Catalogue.tryFind line.Name with
            | Some entry -> { line with Value = entry.Value; Rebuilt = rebuilt line.Name }
            | None -> ()
    ]
