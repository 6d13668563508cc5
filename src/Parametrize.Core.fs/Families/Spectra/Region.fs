namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Where eigenvalues of stable matrices are.
[<RequireQualifiedAccess>]
type internal Region =
    /// Real parts below `-alpha`: `dx/dt = W x` decays.
    | HalfPlane of alpha: float
    /// Moduli below the radius: `x <- W x` decays.
    | Disc of radius: float

[<RequireQualifiedAccess>]
module internal Region =

    let text (region: Region) : string =
        match region with
        | Region.HalfPlane alpha -> invariant $"real parts below {-alpha}"
        | Region.Disc radius -> invariant $"moduli below {radius}"

    /// The least unit for rounding errors: the larger of this and the entries of a matrix counts.
    let unit (region: Region) : float =
        match region with
        | Region.HalfPlane alpha -> abs alpha
        | Region.Disc radius -> radius

    /// The complex numbers by which eigenvalues exceed the edge: 0 inside.
    let beyond (region: Region) (values: torch.Tensor) : torch.Tensor =
        match region with
        | Region.HalfPlane alpha -> (values.real .+ alpha.AsScalar()).relu().``to`` values.dtype
        | Region.Disc radius ->
            let moduli = values.abs ()
            values * ((moduli - radius.AsScalar()).relu() / Norms.oneWhereZero moduli)

    /// Matrices with all eigenvalues taken inside, by this much: moved to the left, or scaled.
    let inside (region: Region) (margin: float) (scale: torch.Tensor) (matrices: torch.Tensor) : torch.Tensor =
        let values = Eigenvalues.values matrices

        let greatest (numbers: torch.Tensor) = numbers.amax([| -1L |], keepdim = true).unsqueeze -1L

        match region with
        | Region.HalfPlane alpha ->
            let shift = greatest values.real .+ alpha.AsScalar() +. scale * margin.AsScalar()
            matrices - Tensors.eyeLike matrices * shift.relu ()
        | Region.Disc radius ->
            let most = radius * (1.0 - margin)
            matrices * (most.AsScalar() / (greatest (values.abs ())).clamp_min(most.AsScalar()))

[<RequireQualifiedAccess>]
module internal BlockTriangularSpaces =

    /// Blocks have two rows; the last has one if the number of rows is odd.
    let blockTriangular: Space =
        Space("block triangular matrices", [], [ Closure.Scaling; Closure.Negation ])

/// Matrices whose eigenvalues are in a region, all of them or those that are block triangular.
type internal StableSpace(region: Region, isTriangular: bool) =
    inherit
        Space(
            (if isTriangular then "block triangular matrices" else "matrices")
            + $" whose eigenvalues have {Region.text region}",
            (if isTriangular then
                 [ StableSpace(region, false); BlockTriangularSpaces.blockTriangular ]
             else
                 []),
            (if isTriangular then [] else [ Closure.Transposition; Closure.DirectSum ])
        )

    member _.Region: Region = region

    override _.Dimension form =
        if isTriangular then
            Dimension.ofMatrices (fun one -> one.Rows * (one.Rows + 1L) / 2L + one.Rows / 2L) form
        else
            System.Nullable(Form.reals form)
