namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal KroneckerSpaces =

    let products (rows: int64) (columns: int64) (before: Space list) : Space =
        let kept =
            [
                Closure.Scaling
                Closure.Negation
                if rows = columns then
                    Closure.Transposition
            ]

        let isFree = before |> List.forall _.IsClosedUnder(Closure.Everything)
        let whole = Space($"Kronecker products of {rows} x {columns} matrices with others", [], kept)

        if isFree then
            whole
        else
            let names = before |> List.map _.Name |> String.concat " and "

            let larger =
                [
                    SymmetricSpaces.symmetric
                    // A square one beside a tall one or a wide one.
                    if rows = columns then
                        StiefelSpaces.stiefel
                ]
                |> List.filter (fun space -> before |> List.forall _.IsWithin(space))

            Space(
                $"Kronecker products of {rows} x {columns} matrices with others, of {names}",
                whole :: larger,
                Space.common kept before
            )

/// `W = A (x) B` with A of r x c and B of n/r x k/c. The right inverse is the nearest such product: with the blocks of W as rows,
/// that of rank 1 (Van Loan & Pitsianis 1993), `W -> sigma u v^T`, `A = sqrt(sigma) u`, `B = sqrt(sigma) v`. A factor with orthonormal
/// columns or rows has a norm of its own; the other one takes the rest.
type internal KroneckerNode
    (rows: int64, columns: int64, isBatched: bool, isFirstOrthonormal: bool, isSecondOrthonormal: bool) =
    inherit Node()

    let withLast (sizes: int64[]) (shape: int64[]) = Array.append shape[.. shape.Length - 3] sizes

    let sides (form: Form) = struct (form.Shape[form.Shape.Length - 2], Array.last form.Shape)

    let product (a: torch.Tensor) (b: torch.Tensor) =
        let cells = a.unsqueeze(-2L).unsqueeze -1L * b.unsqueeze(-2L).unsqueeze -4L
        cells.reshape (withLast [| rows * Tensors.rows b; columns * Tensors.last b |] a.shape)

    /// The matrix whose rows are the blocks of a matrix.
    let rearranged (matrix: torch.Tensor) =
        let high, wide = Tensors.rows matrix / rows, Tensors.last matrix / columns
        let cells = matrix.reshape (withLast [| rows; high; columns; wide |] matrix.shape)
        cells.transpose(-3L, -2L).reshape(withLast [| rows * columns; high * wide |] matrix.shape)

    let leading (matrix: torch.Tensor) (index: int64) = matrix.narrow (-1L, index, 1L)

    let isZero (matrix: torch.Tensor) = matrix.abs().amax([| -2L; -1L |], keepdim = true).eq(0.0.AsScalar())

    /// The factors in double precision, of equal norms unless one is fixed.
    let factors (matrix: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let high, wide = Tensors.rows matrix / rows, Tensors.last matrix / columns
        let struct (unit, size) = Norms.matricesInUnits 0.0 matrix
        let blocks = rearranged unit
        let struct (left, values, right) = torch.linalg.svd (blocks, fullMatrices = false)
        let first = values.narrow(-1L, 0L, 1L).unsqueeze -1L
        // Computed from the blocks again, so that zeros of a factor are exact zeros.
        let u = blocks.matmul (right.narrow(-2L, 0L, 1L).mT)
        let v = left.narrow(-1L, 0L, 1L).mT.matmul blocks
        let shaped (sizes: int64[]) (direction: torch.Tensor) = direction.reshape (withLast sizes matrix.shape)

        // Both factors may change signs together. An orthonormal factor of odd size gets the sign that makes it a rotation,
        // because some values need that; otherwise the largest entry of the first factor becomes positive.
        let sign =
            let isRotation (isOrthonormal: bool) (high: int64) (wide: int64) =
                isOrthonormal && high = wide && high % 2L = 1L

            let ofDeterminant (factor: torch.Tensor) =
                let determinant =
                    torch.linalg.det(factor).reshape(Array.append matrix.shape[.. matrix.shape.Length - 3] [| 1L; 1L |])

                determinant.ge(0.0.AsScalar()).``to`` factor.dtype * 2.0.AsScalar() - 1.0.AsScalar()

            if isRotation isSecondOrthonormal high wide then
                ofDeterminant (shaped [| high; wide |] v)
            elif isRotation isFirstOrthonormal rows columns then
                ofDeterminant (shaped [| rows; columns |] u)
            else
                u.gather(-2L, u.abs().argmax(-2L, keepdim = true)).sign()

        let norm = Norms.oneWhereZero first
        let root = norm.sqrt () * size.sqrt ()
        let ofOrthonormal (rows: int64) (columns: int64) = (sqrt (float (min rows columns))).AsScalar()
        let own, others = ofOrthonormal rows columns, ofOrthonormal high wide
        let one = torch.ones_like norm

        let struct (firstNorm, secondNorm) =
            match isFirstOrthonormal, isSecondOrthonormal with
            | false, false -> struct (root, root)
            | true, false -> struct (one * own, norm * size / own)
            | false, true -> struct (norm * size / others, one * others)
            | true, true -> struct (one * own, one * others)

        // A zero matrix has any orthonormal factor.
        let sized isOrthonormal (sizes: int64[]) (direction: torch.Tensor) (norm: torch.Tensor) =
            let factor = shaped sizes (direction * (norm * sign))

            if isOrthonormal then
                torch.where (isZero matrix, Tensors.eyeLike factor, factor)
            else
                factor

        struct (sized isFirstOrthonormal [| rows; columns |] (u / norm) firstNorm,
                sized isSecondOrthonormal [| high; wide |] (v / norm) secondNorm)

    /// With both factors zero nothing would train. Any matrix will do that is neither symmetric nor skew.
    let started (a: torch.Tensor) =
        let count = rows * columns
        let numbers = torch.linspace (1.0, 2.0, count, dtype = a.dtype, device = a.device)
        (numbers / (sqrt (float count)).AsScalar()).reshape(rows, columns).expand_as a

    override _.Code =
        Code.call
            "kronecker"
            [ Code.Tuple [ Code.Long rows; Code.Long columns ]; Code.name "identity"; Code.name "identity" ]

    override this.Inputs form =
        match Form.fault { Requirement.matrices with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        // The factors of each matrix of a batch are found by themselves.
        | None when form.Shape.Length > 2 && not isBatched ->
            Node.wrongShape this "one matrix, since a factor is computed from all matrices of a batch together" form
        | None ->
            let struct (high, wide) = sides form

            if high % rows = 0L && wide % columns = 0L then
                let sized (sizes: int64[]) = { form with Shape = withLast sizes form.Shape }
                Ok [ sized [| rows; columns |]; sized [| high / rows; wide / columns |] ]
            else
                Node.wrongShape this $"matrices whose rows and columns are multiples of {rows} and {columns}" form

    override _.Output inputs =
        let struct (high, wide) = sides inputs[1]

        { inputs[0] with
            Shape = withLast [| rows * high; columns * wide |] inputs[0].Shape
        }

    override _.Domains =
        List.replicate
            2
            (Domain.OneOf [ Domain.Needs [ Closure.Scaling; Closure.Negation ]; Domain.Within StiefelSpaces.stiefel ])

    override _.Codomain before = KroneckerSpaces.products rows columns before

    override _.Forward(inputs, _) =
        let matrix = product inputs[0] inputs[1]
        Entrywise.keepFinite matrix
        matrix

    override _.Contains(_, tensor, epsilon) =
        let struct (a, b) = factors tensor
        let wide, found = Tensors.inDouble tensor, product a b
        // Products of small numbers are rounded to the smallest of the element type.
        let dtype = Form.callersType epsilon tensor.dtype
        let isSmallest = (found - wide).abs().le((Form.smallest dtype).AsScalar())
        Tensors.nearEach "W = A (x) B" epsilon (torch.where (isSmallest, wide, found)) wide

    override _.Invert(_, tensor, _, want) =
        let struct (a, b) = factors tensor
        let trains = isFirstOrthonormal || isSecondOrthonormal

        let a =
            if want = Want.Start && not trains then
                torch.where (isZero tensor, started a, a)
            else
                a

        Ok { Inputs = [| a.``to`` tensor.dtype; b.``to`` tensor.dtype |]; Buffers = [||] }

    interface ICombines with
        member _.CodeWith inputs = Code.call "kronecker" (Code.Tuple [ Code.Long rows; Code.Long columns ] :: inputs)

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IHasEdge with
        member _.TouchesEdge(tensor, _) =
            not isFirstOrthonormal && not isSecondOrthonormal && (isZero tensor).any().item<bool>()

    interface IDeterminant with
        /// `p log |det A| + m log |det B|` for A of m x m and B of p x p. Others make products that are not invertible.
        member _.LogAbsDet(inputs, _, ofInput) : torch.Tensor | null =
            if rows = columns then
                let second = float (Tensors.rows inputs[1])
                ofInput.Invoke 0 * second.AsScalar() +. ofInput.Invoke 1 * (float rows).AsScalar()
            else
                null

    interface IDimension with
        /// A factor can be scaled at the expense of the other, so that one number counts twice, unless a factor has a fixed norm.
        member this.Dimension(form, before, _) =
            match this.Inputs form, before with
            | Ok forms, _ when List.exists2 Dimension.fallsShort forms before -> None
            // Always zero.
            | _, [ _, Some 0L; _ ] when not isFirstOrthonormal -> Some 0L
            | _, [ _; _, Some 0L ] when not isSecondOrthonormal -> Some 0L
            | _, [ _, Some first; _, Some second ] ->
                let shared = if isFirstOrthonormal || isSecondOrthonormal then 0L else 1L
                Dimension.matrices form |> Option.map (fun one -> first + second - shared * one.Count)
            | _ -> None

    interface ISpecialized with
        member _.Behind before =
            KroneckerNode(
                rows,
                columns,
                isBatched,
                before[0].IsWithin StiefelSpaces.stiefel,
                before[1].IsWithin StiefelSpaces.stiefel
            )

namespace Parametrize.Values

open Parametrize

/// The value `kronecker`.
[<AutoOpen>]
module KroneckerValues =

    /// Kronecker products `A (x) B` of real matrices: A of r x c from the first value, B of n/r x k/c from the second, for n x k
    /// matrices whose rows and columns are multiples of r and c: `kronecker (4L, 4L) identity identity`. O(n k). Projects to the
    /// nearest product, by a singular value decomposition of r c x (n k / r c) (Van Loan & Pitsianis 1993); factors are then
    /// projected each by its value. Throws ArgumentException for sizes below 1, and for values that are not orthogonal and whose
    /// spaces are not closed under multiples and changes of sign.
    let kronecker (rows: int64, columns: int64) (first: Parametrization) (second: Parametrization) : Parametrization =
        let require (name: string) (size: int64) =
            if size < 1L then
                invalidArg name $"A factor has at least size 1, but its {name} are {size}."

        require (nameof rows) rows
        require (nameof columns) columns
        let isBatched = Parametrization.isBatched first && Parametrization.isBatched second
        Parametrization.join (KroneckerNode(rows, columns, isBatched, false, false)) [ first; second ]
