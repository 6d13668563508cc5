namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// How a matrix with orthonormal columns is computed from the lower triangle X of an unconstrained one.
[<RequireQualifiedAccess>]
type OrthogonalMap =
    /// `(I + A/2)(I - A/2)^-1` of the skew matrix A = X - X^H (Helfrich, Willmott & Ye 2018).
    | Cayley
    /// `exp A` of the skew matrix A = X - X^H (Lezcano-Casado & Martinez-Rubio 2019).
    | MatrixExp
    /// A product of Householder reflections with the columns of X below the diagonal, times the signs of the diagonal (Mhammedi et
    /// al. 2017).
    | Householder
    /// As PyTorch chooses: `MatrixExp` for square and for complex matrices, else `Householder`.
    | Default

/// Each map by itself, without a base, on tall matrices: n x k with n >= k.
[<RequireQualifiedAccess>]
module internal OrthogonalMaps =

    /// The map that stands for `Default`.
    let private chosen (map: OrthogonalMap) (matrix: torch.Tensor) : OrthogonalMap =
        match map with
        | OrthogonalMap.Default when StiefelBase.isSquare matrix || matrix.is_complex () -> OrthogonalMap.MatrixExp
        | OrthogonalMap.Default -> OrthogonalMap.Householder
        | chosen -> chosen

    /// Signs of the diagonal, sign(0) = 1, so that weight decay cannot zero a column.
    let private signs (tall: torch.Tensor) =
        let negative = (Tensors.diagonal tall).detach().lt(0.0.AsScalar()).``to`` tall.dtype
        torch.ones_like negative - negative * 2.0.AsScalar()

    /// The first k columns. Differentiable.
    let forward (map: OrthogonalMap) (tall: torch.Tensor) : torch.Tensor =
        match chosen map tall with
        | OrthogonalMap.Householder -> Reflectors.product tall * (signs tall).unsqueeze -2L
        | OrthogonalMap.Cayley -> ThinMaps.cayley tall
        | _ -> ThinMaps.exponential tall

    /// Whether a closed form is known of how much the map stretches volumes: of the exponential, for square matrices.
    let isMeasured (map: OrthogonalMap) (rows: int64) (columns: int64) (isComplex: bool) : bool =
        match map with
        | OrthogonalMap.Default -> rows = columns || not isComplex
        | OrthogonalMap.MatrixExp -> rows = columns
        | OrthogonalMap.Cayley
        | OrthogonalMap.Householder -> true

    /// The log volume of the map from X to A = X - X^H. A real number b of X off the diagonal gives two entries, `|A|^2 = 2 b^2`;
    /// the imaginary diagonal of a complex matrix is doubled.
    let logVolumeOfSkew (columns: int64) (isComplex: bool) : float =
        let pairs = float (columns * (columns - 1L) / 2L)

        if isComplex then (pairs + float columns) * log 2.0 else pairs * log 2.0 / 2.0

    /// `log |det (I - A/2)|` for the n x n skew matrix A that a tall matrix stands for, by a determinant of size k.
    let private logDeterminant (tall: torch.Tensor) : torch.Tensor =
        let exact = Tensors.inDouble tall
        let columns = Tensors.last exact
        let b = SkewMatrix.ofLower (exact.narrow (-2L, 0L, columns))
        let c = exact.narrow (-2L, columns, Tensors.rows exact - columns)
        let head = Tensors.eyeLike b - b / 2.0.AsScalar() +. Norms.gram c / 4.0.AsScalar()
        let struct (_, logarithm) = torch.linalg.slogdet head
        logarithm

    /// How much the Cayley map stretches volumes, from those of the skew matrix A of a tall matrix: `-(n - 1) log det (I - A/2)`, n
    /// rows; for complex ones `-2 n log |det (I - A/2)|`.
    let logVolumeOfCayley (tall: torch.Tensor) : torch.Tensor =
        let rows = Tensors.rows tall
        let count = if tall.is_complex () then 2L * rows else rows - 1L
        logDeterminant tall * (-(float count)).AsScalar()

    /// `sum_j (n - j) log (2 / (1 + |x_j|^2))`, j from 1, where x_j is what is below the diagonal.
    let private logVolumeOfReflectors (tall: torch.Tensor) : torch.Tensor =
        let exact = Tensors.inDouble tall
        let rows, columns = Tensors.rows exact, Tensors.last exact
        let norms = (exact.tril -1L).Squared().sum [| -2L |]

        let weights = Tensors.range 1L (columns + 1L) exact.dtype exact.device

        (((float rows).AsScalar() .- weights) * ((log 2.0).AsScalar() .- norms.log1p ())).sum [| -1L |]

    /// How much the map stretches volumes, from those of the numbers that it reads to those of the matrices with orthonormal
    /// columns.
    let logVolume (map: OrthogonalMap) (tall: torch.Tensor) : torch.Tensor =
        let ofMap =
            match chosen map tall with
            | OrthogonalMap.Householder -> logVolumeOfReflectors tall
            | OrthogonalMap.Cayley -> logVolumeOfCayley tall
            | _ -> EigenvaluePairs.logSincOfSkew (SkewMatrix.ofLower tall)

        (ofMap .+ (logVolumeOfSkew (Tensors.last tall) (tall.is_complex ())).AsScalar()).``to``(Tensors.realType tall)

    /// In the caller's element type, which may be coarser than that of the computation.
    let private roundedTo (epsilon: float) (tall: torch.Tensor) (x: torch.Tensor) =
        x.``to`` (Form.halfOf epsilon |> Option.defaultValue tall.dtype)

    /// The X of that element type from which the map yields a matrix, which is given in double precision; `Error` is a reason.
    let back (map: OrthogonalMap) (epsilon: float) dtype (exact: torch.Tensor) : Result<torch.Tensor, string> =
        let tall = exact.``to`` (dtype: torch.ScalarType)

        match chosen map tall, StiefelBase.isSquare tall with
        | OrthogonalMap.Householder, _ -> Ok(Reflectors.factor tall)
        | OrthogonalMap.Cayley, _ ->
            let enough = Tensors.limit epsilon (Tensors.rows tall) 1.0 / 2.0
            Ok(InverseCayley.ofMatrix enough (roundedTo epsilon tall) tall)
        | _, true -> Ok(SkewMatrix.toLower (Rotation.logarithm exact))
        | _, false ->
            match StiefelLogarithm.tryOf tall with
            | ValueSome x -> Ok x
            | ValueNone -> Error "its logarithm did not converge; use a base."

    /// Square real matrices are connected to the identity: rotations only.
    let private reachesRotationsOnly (map: OrthogonalMap) (tall: torch.Tensor) =
        StiefelBase.isSquare tall
        && not (tall.is_complex ())
        && chosen map tall <> OrthogonalMap.Householder

    /// The Cayley map reaches matrices near the eigenvalue -1 of the top block in the limit only.
    let private isShortOfInfinity (map: OrthogonalMap) (tall: torch.Tensor) = chosen map tall = OrthogonalMap.Cayley

    /// Whether the map reaches a matrix with orthonormal columns.
    let reaches (map: OrthogonalMap) (epsilon: float) (tall: torch.Tensor) : Result<unit, Violation> =
        if reachesRotationsOnly map tall then
            Violation.unless "det W = 1 (no base)" (1.0 - Tensors.number ((Tensors.determinantSign tall).min())) 0.5
        else
            Ok()
        |> Result.bind (fun () -> if isShortOfInfinity map tall then InverseCayley.reaches epsilon tall else Ok())

    /// Turns the last column where the determinant is negative, and the directions that lie at infinity.
    let turned (map: OrthogonalMap) (epsilon: float) (tall: torch.Tensor) : torch.Tensor =
        let rotation = if reachesRotationsOnly map tall then Orthonormal.asRotation tall else tall

        let isReached () = (InverseCayley.reaches epsilon rotation = Ok())

        if isShortOfInfinity map tall && not (isReached ()) then
            InverseCayley.awayFromInfinity rotation
        else
            rotation
