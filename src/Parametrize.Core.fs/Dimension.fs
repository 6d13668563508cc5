namespace Parametrize

open TorchSharp

/// How many real numbers it takes to say which tensor of its space a tensor is: the dimension of the manifold. Complex
/// entries count twice.
[<RequireQualifiedAccess>]
module Dimension =

    /// Matrices of one form: how many, their sides, and the real numbers of an entry.
    type private Matrices = { Count: int64; Rows: int64; Columns: int64; Reals: int64 }

    let private product (sizes: int64[]) : int64 = Array.fold (*) 1L sizes

    let private reals (form: Form) : int64 = if Form.isComplex form.Dtype then 2L else 1L

    let private entries (form: Form) : int64 = reals form * product form.Shape

    let private matrices (form: Form) : Matrices =
        let count = form.Shape.Length

        {
            Count = product form.Shape[.. count - 3]
            Rows = form.Shape[count - 2]
            Columns = form.Shape[count - 1]
            Reals = reals form
        }

    /// The entries on and to one side of the diagonal: of the lower triangle, row i has i + 1 of them.
    let private ofTriangle (triangle: Triangle) (one: Matrices) : int64 =
        let high, wide =
            match triangle with
            | Triangle.Lower -> one.Rows, one.Columns
            | Triangle.Upper -> one.Columns, one.Rows

        Seq.sumBy (fun row -> min (row + 1L) wide) (seq { 0L .. high - 1L })

    let private onDiagonal (one: Matrices) : int64 = min one.Rows one.Columns

    /// n k minus the equations of W^H W = I: k of them are real, the others are in pairs that count once.
    let private ofStiefel (one: Matrices) : int64 =
        let n, k = max one.Rows one.Columns, onDiagonal one
        one.Reals * (n * k - k * (k - 1L) / 2L) - k

    /// Half of what is off the diagonal, and so many reals for each entry on it.
    let private ofHalf (onDiagonal: int64) (one: Matrices) : int64 =
        one.Reals * (one.Rows * (one.Rows - 1L) / 2L) + onDiagonal * one.Rows

    let private ofMatrices (space: Space) (one: Matrices) : int64 option =
        match space with
        | Space.Symmetric -> Some(ofHalf one.Reals one)
        | Space.Hermitian
        | Space.PositiveDefinite -> Some(ofHalf 1L one)
        | Space.Skew -> Some(ofHalf 0L one)
        | Space.SkewHermitian -> Some(ofHalf (one.Reals - 1L) one)
        | Space.Triangular triangle -> Some(one.Reals * ofTriangle triangle one)
        | Space.UnitTriangular triangle -> Some(one.Reals * (ofTriangle triangle one - onDiagonal one))
        | Space.Diagonal -> Some(one.Reals * onDiagonal one)
        | Space.Stiefel -> Some(ofStiefel one)
        | _ -> None

    /// The entries that a mask keeps, of those that a space has at all.
    let private kept (before: Space) (form: Form) (mask: torch.Tensor) : int64 option =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let stays = mask.ne(0.0.ToScalar()).``to`` torch.ScalarType.Int64

        match before with
        | Space.All -> Some stays
        | Space.Triangular Triangle.Lower -> Some(stays.tril 0L)
        | Space.Triangular Triangle.Upper -> Some(stays.triu 0L)
        | Space.Diagonal -> Some(stays.tril(0L).triu 0L)
        | _ -> None
        |> Option.map (fun stays -> reals form * stays.sum().item<int64>())

    let private asMatrix (form: Form) : Form = { form with Shape = [| form.Shape[0]; product form.Shape[1..] |] }

    /// The space by itself, of tensors of that form.
    let rec private ofSpace (space: Space) (form: Form) : int64 option =
        match space with
        // A link of a user's own may say anything of its space.
        | Space.OfKernel _
        | Space.Sphere _ when form.Shape.Length = 0 -> None
        | Space.OfKernel inner -> ofSpace inner (asMatrix form)
        | Space.All
        | Space.Positive
        | Space.NonNegative
        | Space.Interval _
        | Space.PositiveDeterminant -> Some(entries form)
        | Space.SpectralSphere _ -> Some(entries form - 1L)
        | Space.Sphere _ -> Some(entries form - entries form / (reals form * Array.last form.Shape))
        | Space.Masked
        | Space.Named _ -> None
        | _ when form.Shape.Length < 2 -> None
        | matrix ->
            let all = matrices form
            ofMatrices matrix all |> Option.map ((*) all.Count)

    let rec private bare (space: Space) : Space =
        match space with
        | Space.OfKernel inner -> bare inner
        | space -> space

    /// What is left of a space of known dimension behind one more link.
    let private behind (form: Form) (before: Space, dimension: int64 option) (link: Link, buffers: torch.Tensor[]) =
        let left =
            match link.Codomain, bare before, bare link.Codomain with
            // A bijection on entries.
            | _ when dimension.IsNone || link.Domain = Domain.Anything -> dimension
            | _, before, Space.Masked when link.BufferNames = [ "mask" ] -> kept before form buffers[0]
            | codomain, Space.All, _ when dimension = Some(entries form) -> ofSpace codomain form
            // Every ray of a cone meets the sphere once.
            | _, _, Space.SpectralSphere _ -> dimension |> Option.map (fun cone -> max 0L (cone - 1L))
            // A chart of the rotations.
            | _, (Space.Skew | Space.SkewHermitian), Space.Stiefel -> dimension
            | _ -> None

        link.Codomain, left

    let internal ofForm (form: Form) (value: Parametrization) (parts: Parts) : int64 option =
        List.zip value.Links (List.ofArray parts.BufferArrays)
        |> List.fold (behind form) (Space.All, Some(entries form))
        |> snd

    /// The dimension of the space in which these parts yield a tensor. None for a space of a user's own, and for what
    /// such a link makes of another.
    let tryOf (value: Parametrization) (parts: Parts) : int64 option =
        ofForm (Parametrization.form value parts) value parts
