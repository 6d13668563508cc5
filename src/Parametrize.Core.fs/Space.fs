namespace Parametrize

/// Which half of a matrix carries the free entries.
[<RequireQualifiedAccess>]
type Triangle =
    | Lower
    | Upper

/// The set of tensors that a link yields, as data, so that chains are checked when they are built.
[<RequireQualifiedAccess>]
type Space =
    /// Every finite tensor.
    | All
    | Symmetric
    | Hermitian
    | Skew
    | SkewHermitian
    | Triangular of Triangle
    | UnitTriangular of Triangle
    | Diagonal
    /// Matrices with orthonormal columns (tall), rows (wide) or both (square).
    | Stiefel
    /// Spectral norm fixed; zero counts as allowed.
    | SpectralSphere of norm: float
    | Sphere of radius: float
    | Positive
    | NonNegative
    | Interval of lo: float * hi: float
    | PositiveDefinite
    /// Square matrices with a positive determinant.
    | PositiveDeterminant
    /// Tensors with zeros at given places.
    | Masked
    /// Convolution kernels whose matrices lie in a space.
    | OfKernel of Space
    /// A space of a user's own, equal to itself only.
    | Named of string

    override this.ToString() : string =
        match this with
        | All -> "any tensor"
        | Symmetric -> "symmetric matrices"
        | Hermitian -> "Hermitian matrices"
        | Skew -> "skew-symmetric matrices"
        | SkewHermitian -> "skew-Hermitian matrices"
        | Triangular Triangle.Lower -> "lower triangular matrices"
        | Triangular Triangle.Upper -> "upper triangular matrices"
        | UnitTriangular Triangle.Lower -> "lower triangular matrices with unit diagonal"
        | UnitTriangular Triangle.Upper -> "upper triangular matrices with unit diagonal"
        | Diagonal -> "diagonal matrices"
        | Stiefel -> "matrices with orthonormal columns or rows"
        | SpectralSphere norm -> $"tensors of spectral norm {norm}"
        | Sphere radius -> $"vectors of norm {radius}"
        | Positive -> "positive tensors"
        | NonNegative -> "non-negative tensors"
        | Interval(lo, hi) -> $"tensors between {lo} and {hi}"
        | PositiveDefinite -> "positive definite matrices"
        | PositiveDeterminant -> "matrices with positive determinant"
        | Masked -> "tensors with a pattern of zeros"
        | OfKernel space -> $"kernels whose matrices are {space}"
        | Named name -> name

[<RequireQualifiedAccess>]
module internal Space =

    let ofKernel (space: Space) : Space = if space = Space.All then Space.All else Space.OfKernel space

/// Behind which spaces a link can stand: those in which its right inverse lands.
[<RequireQualifiedAccess>]
type Domain =
    /// Behind all: a bijection on entries has one right inverse, and the link before tells whether it is in its space.
    | Anything
    | OneOf of Space list

    override this.ToString() : string =
        match this with
        | Anything -> "any tensor"
        | OneOf spaces ->
            spaces
            |> List.map (fun space -> if space = Space.All then "unconstrained tensors" else string space)
            |> String.concat " or "

[<RequireQualifiedAccess>]
module Domain =

    /// Behind nothing but tensors that are free: the usual domain of a first link.
    let free: Domain = Domain.OneOf [ Space.All ]

    /// Spaces that multiplication by a positive number does not leave.
    let cones: Domain =
        Domain.OneOf
            [
                Space.All
                Space.Symmetric
                Space.Hermitian
                Space.Skew
                Space.SkewHermitian
                Space.Triangular Triangle.Lower
                Space.Triangular Triangle.Upper
                Space.Diagonal
                Space.Positive
                Space.NonNegative
                Space.PositiveDefinite
                Space.PositiveDeterminant
                Space.Masked
            ]

    let internal including (space: Space) (domain: Domain) : Domain =
        match domain with
        | Domain.Anything -> domain
        | Domain.OneOf spaces -> Domain.OneOf(space :: spaces)

    let accepts (space: Space) (domain: Domain) : bool =
        match domain with
        | Domain.Anything -> true
        | Domain.OneOf spaces -> List.contains space spaces
