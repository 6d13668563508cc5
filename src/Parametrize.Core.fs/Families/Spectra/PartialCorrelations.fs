namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal CorrelationSpaces =

    let private belowDiagonal (one: Dimension.Matrices) : int64 = one.Rows * (one.Rows - 1L) / 2L

    let correlation: Space =
        { new Space("correlation matrices",
                    [ PositiveDefiniteSpaces.positiveDefinite ],
                    [ Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices belowDiagonal form
        }

    let factor: Space =
        { new Space("Cholesky factors of correlation matrices",
                    [
                        TriangularSpaces.triangular Triangle.Lower
                        InvertibleSpaces.positiveDeterminant
                        SphereSpaces.sphere 1.0
                    ],
                    [ Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices belowDiagonal form
            override _.IsLeftByRounding = true

            /// No diagonal entry becomes zero.
            override _.Rounded(tensor, dtype) =
                let diagonal = Tensors.diagonal tensor
                let raised = diagonal.clamp_min ((Form.smallest dtype).AsScalar())
                (tensor +. torch.diag_embed (raised - diagonal)).``to`` dtype
        }

/// Partial correlations `z = tanh x` of n variables, row by row: z_ij is that of i with j < i, given the variables before j
/// (Lewandowski, Kurowicka & Joe 2009, section 2). The Cholesky factor of the correlation matrix is
/// `L_ij = z_ij prod_{k<j} sqrt(1 - z_ik^2)` with 1 in place of z_ii.
[<RequireQualifiedAccess>]
module internal PartialCorrelations =

    /// For each entry of an n x n matrix, row by row, its place among the numbers below the diagonal, which are counted row by
    /// row; for the others one place more.
    let private places (size: int64) (device: torch.Device) =
        let all = Tensors.range 0L size torch.ScalarType.Int64 device
        let rows, columns = all.unsqueeze -1L, all.unsqueeze 0L
        let before = (all.cumsum 0L - all).unsqueeze -1L
        let none = torch.full_like (rows +. columns, (size * (size - 1L) / 2L).AsScalar())
        (torch.where (columns.lt rows, before +. columns, none)).flatten()

    let sizeOf (count: int64) : int64 = int64 (round ((1.0 + sqrt (1.0 + 8.0 * float count)) / 2.0))

    /// The numbers below the diagonal, zeros elsewhere.
    let spread (numbers: torch.Tensor) : torch.Tensor =
        let size = sizeOf (Tensors.last numbers)
        let batch = numbers.shape[.. numbers.shape.Length - 2]
        let padded = torch.nn.functional.pad (numbers, [| 0L; 1L |])
        (padded.index_select (-1L, places size numbers.device)).reshape(Array.append batch [| size; size |])

    let private gathered (matrix: torch.Tensor) : torch.Tensor =
        let size = Tensors.last matrix
        let batch = matrix.shape[.. matrix.shape.Length - 3]
        let count = size * (size - 1L) / 2L

        let zeros =
            torch.zeros (Array.append batch [| count + 1L |], dtype = matrix.dtype, device = matrix.device)

        (zeros.index_copy (-1L, places size matrix.device, matrix.flatten -2L)).narrow(-1L, 0L, count)

    /// `log sqrt(1 - tanh^2 x)`, smooth at zero.
    let logSech (x: torch.Tensor) : torch.Tensor = x .+ (log 2.0).AsScalar() - Entrywise.softplus (x * 2.0.AsScalar())

    let factor (numbers: torch.Tensor) : torch.Tensor =
        let x = spread numbers
        let sums = (logSech x).cumsum -1L
        let before = torch.nn.functional.pad (sums.narrow (-1L, 0L, Tensors.last x - 1L), [| 1L; 0L |])
        let lengths = before.clamp_min((log (Form.least x.dtype)).AsScalar()).exp()
        (x.tanh () +. Tensors.eyeLike x) * lengths

    /// Of a lower triangular matrix with a positive diagonal, whose rows may be of any length: `sinh x_ij = L_ij / |L_i,j+1..i|`.
    let ofFactor (factor: torch.Tensor) : torch.Tensor =
        let size = Tensors.last factor
        let squares = (factor.tril ()).Squared()
        let from = (squares.flip -1L).cumsum(-1L).flip -1L
        let behind = torch.nn.functional.pad (from.narrow (-1L, 1L, size - 1L), [| 0L; 1L |])
        // Entries that are not read become 1, so that their derivatives are finite.
        let behind = behind.tril -1L +. torch.ones_like(behind).triu()
        gathered ((factor / behind.sqrt().clamp_min(1e-150.AsScalar())).asinh())

    /// `sum_{i>j} weight(j, i) log sqrt(1 - z_ij^2)` for each matrix, with weights from the places of rows and columns.
    let weighted (numbers: torch.Tensor) (weight: torch.Tensor -> torch.Tensor -> torch.Tensor) : torch.Tensor =
        let size = sizeOf (Tensors.last numbers)
        let all = Tensors.range 0L size numbers.dtype numbers.device
        (spread (logSech numbers) * weight (all.unsqueeze -1L) (all.unsqueeze 0L)).sum [| -2L; -1L |]

/// What correlation matrices and their factors have in common: they read n (n - 1) / 2 numbers.
[<AbstractClass>]
type internal CorrelationNodeBase() =
    inherit Node()

    /// A factor of a random matrix of the uniform distribution: that of the correlation of a Wishart matrix with n + 1 degrees of
    /// freedom.
    member _.SampleFactor(form: Form, generator: torch.Generator | null) : torch.Tensor =
        let shape = Array.copy form.Shape
        let size = Array.last shape
        shape[shape.Length - 1] <- size + 1L

        let normal = Form.normal generator { form with Shape = shape; Dtype = torch.ScalarType.Float64 }

        let squares = normal.Squared()
        let from = (squares.flip -1L).cumsum(-1L).flip -1L
        let rows = (normal.narrow (-1L, 0L, size)).tril -1L
        let diagonal = (Tensors.diagonal from).narrow(-1L, 0L, size).sqrt()
        let norm = (from.narrow (-1L, 0L, 1L)).sqrt()
        (rows +. torch.diag_embed diagonal) / norm

    override this.Inputs form =
        match Form.fault Requirement.realSquares form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let size = Array.last form.Shape

            if size < 2L then
                Node.wrongShape this "matrices of at least 2 rows and columns" form
            else
                let batch = form.Shape[.. form.Shape.Length - 3]
                Ok [ { form with Shape = Array.append batch [| size * (size - 1L) / 2L |] } ]

    override _.Output inputs =
        let shape = inputs.Head.Shape
        let size = PartialCorrelations.sizeOf (Array.last shape)

        { inputs.Head with
            Shape = Array.append shape[.. shape.Length - 2] [| size; size |]
        }
