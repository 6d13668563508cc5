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
    /// A product of Householder reflections with the columns of X below the diagonal (Mhammedi et al. 2017).
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
        let negative = (Tensors.diagonal tall).detach().lt(0.0.AsScalar())
        1.0.AsScalar() - negative.``to`` tall.dtype * 2.0.AsScalar()

    /// The first k columns. Differentiable.
    let forward (map: OrthogonalMap) (tall: torch.Tensor) : torch.Tensor =
        match chosen map tall with
        | OrthogonalMap.Householder -> Reflectors.product tall * (signs tall).unsqueeze -2L
        | OrthogonalMap.Cayley -> ThinMaps.cayley tall
        | _ -> ThinMaps.exponential tall

    /// In the caller's element type, which may be coarser than that of the computation.
    let private roundedTo (epsilon: float) (tall: torch.Tensor) (x: torch.Tensor) =
        x.``to`` (Form.halfOf epsilon |> Option.defaultValue tall.dtype)

    /// What the map yields the matrix from; `Error` is a reason.
    let back (map: OrthogonalMap) (epsilon: float) (tall: torch.Tensor) : Result<torch.Tensor, string> =
        match chosen map tall, StiefelBase.isSquare tall with
        | OrthogonalMap.Householder, _ -> Ok(Reflectors.factor tall)
        | OrthogonalMap.Cayley, _ -> Ok(InverseCayley.ofMatrix (roundedTo epsilon tall) tall)
        | _, true -> Ok(SkewMatrix.toLower (Rotation.logarithm tall))
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
        let rotation =
            if reachesRotationsOnly map tall then
                let sign = (Tensors.determinantSign tall).``to``(tall.dtype).unsqueeze(-1L).unsqueeze -1L
                let columns = Tensors.last tall
                torch.cat ([| tall.narrow (-1L, 0L, columns - 1L); tall.narrow (-1L, columns - 1L, 1L) * sign |], -1L)
            else
                tall

        let isReached () = (InverseCayley.reaches epsilon rotation = Ok())

        if isShortOfInfinity map tall && not (isReached ()) then
            InverseCayley.awayFromInfinity rotation
        else
            rotation
