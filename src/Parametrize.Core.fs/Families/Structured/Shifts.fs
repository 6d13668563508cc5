namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal ShiftSpaces =

    let private linear =
        [ Closure.Scaling; Closure.Negation; Closure.Sum; Closure.Transposition; Closure.EntrywiseMaps ]

    let private ofEachDiagonal (one: Dimension.Matrices) : int64 = one.Reals * (one.Rows + one.Columns - 1L)

    let toeplitz: Space =
        { new Space("Toeplitz matrices", [], linear) with
            override _.Dimension form = Dimension.ofMatrices ofEachDiagonal form
        }

    let hankel: Space =
        { new Space("Hankel matrices", [], linear) with
            override _.Dimension form = Dimension.ofMatrices ofEachDiagonal form
        }

    let circulant: Space =
        { new Space("circulant matrices", [ toeplitz ], linear) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> one.Reals * one.Rows) form
        }

    /// A part of a space, behind vectors that are not free.
    let made (whole: Space) (before: Space list) : Space =
        match before |> List.filter (fun space -> not (space.IsClosedUnder Closure.Everything)) with
        | [] -> whole
        | several ->
            let names = several |> List.map _.Name |> List.distinct |> String.concat " and "
            let kept = [ Closure.Scaling; Closure.Negation; Closure.Sum; Closure.EntrywiseMaps ]
            Space($"{whole.Name} made from {names}", [ whole ], Space.common kept (whole :: several))

/// What matrices have in common whose entries are those of one sequence: `W_ij = x_(i + j)`, counted from 0.
[<RequireQualifiedAccess>]
module internal Shifts =

    /// Row i is the sequence from its i-th number on: a view.
    let rows (columns: int64) (sequence: torch.Tensor) : torch.Tensor = sequence.unfold (-1L, columns, 1L)

    /// How many entries of a matrix are the m-th number of its sequence.
    let counts (rows: int64) (columns: int64) : float[] =
        [|
            for m in 0L .. rows + columns - 2L ->
                float (min (min (m + 1L) (rows + columns - 1L - m)) (min rows columns))
        |]

    /// The sums of the antidiagonals. With zeros behind its rows, the matrix reads as one with a column less of them, in which
    /// each row lies one place further right.
    let sums (matrix: torch.Tensor) : torch.Tensor =
        // Those of the transpose are the same; there are as many zeros to a row as rows.
        let matrix = if Tensors.rows matrix > Tensors.last matrix then matrix.mT else matrix
        let rows, columns = Tensors.rows matrix, Tensors.last matrix
        let batch = matrix.shape[.. matrix.shape.Length - 3]
        let sized (columns: int64) = Array.append batch [| rows; columns |]
        let zeros = torch.zeros (sized rows, dtype = matrix.dtype, device = matrix.device)
        let flat = torch.cat([| matrix; zeros |], -1L).flatten(-2L)
        let length = rows + columns - 1L
        flat.narrow(-1L, 0L, rows * length).reshape(sized length).sum([| -2L |])

    /// The means of the antidiagonals, in double precision. No partial sum is beyond the largest entry.
    let means (matrix: torch.Tensor) : torch.Tensor =
        let height, width = Tensors.rows matrix, Tensors.last matrix
        let shares = counts height width |> Array.map (fun count -> 1.0 / count)
        let weights = rows width (torch.tensor(shares, device = torch.CPU).``to`` matrix.device)
        sums (Tensors.inDouble matrix * weights)

    /// Half the sum of the logarithms of how often each real number of a sequence is an entry, for each sequence.
    let logVolume (counts: float seq) (sequence: torch.Tensor) : torch.Tensor =
        let reals = if sequence.is_complex () then 2.0 else 1.0
        Tensors.forEach 1 (reals * Seq.sumBy log counts / 2.0) sequence

/// Matrices with equal entries on each diagonal (Toeplitz: `W_ij = t_(i - j)`) or antidiagonal (Hankel: `W_ij = h_(i + j)`), n x k with
/// k >= 2. They read n numbers, the first column, and k - 1 more: the rest of the first row of a Toeplitz matrix, of the last row
/// of a Hankel matrix, as scipy.linalg has them.
type internal DiagonalsNode(isHankel: bool) =
    inherit PiecesNode()

    /// A Toeplitz matrix read from right to left is a Hankel matrix. A copy, because equal entries of the view share their
    /// memory.
    let turned (matrix: torch.Tensor) = if isHankel then matrix.contiguous () else matrix.flip [| -1L |]

    let sequence (column: torch.Tensor) (row: torch.Tensor) =
        if isHankel then
            torch.cat ([| column; row |], -1L)
        else
            torch.cat ([| row.flip [| -1L |]; column |], -1L)

    let filled (columns: int64) (sequence: torch.Tensor) = turned (Shifts.rows columns sequence)

    /// The first column and the rest of the row that a sequence makes.
    let pieces (rows: int64) (columns: int64) (sequence: torch.Tensor) =
        let part (first: int64) (count: int64) = sequence.narrow (-1L, first, count)

        if isHankel then
            [| part 0L rows; part rows (columns - 1L) |]
        else
            [| part (columns - 1L) rows; (part 0L (columns - 1L)).flip [| -1L |] |]

    let sized (size: int64) (form: Form) =
        { form with
            Shape = Array.append form.Shape[.. form.Shape.Length - 3] [| size |]
        }

    let space = if isHankel then ShiftSpaces.hankel else ShiftSpaces.toeplitz

    override _.Code = Code.name (if isHankel then "hankel" else "toeplitz")

    override this.Inputs form =
        match Form.fault Requirement.matrices form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let rows, columns = form.Shape[form.Shape.Length - 2], Array.last form.Shape

            if columns >= 2L then
                Ok [ sized rows form; sized (columns - 1L) form ]
            else
                Node.wrongShape this "matrices of at least 2 columns" form

    override _.Output inputs =
        let rows, columns = Array.last inputs[0].Shape, Array.last inputs[1].Shape + 1L

        { inputs[0] with
            Shape = Array.append inputs[0].Shape[.. inputs[0].Shape.Length - 2] [| rows; columns |]
        }

    override _.Domains = List.replicate 2 Domain.AnySpace
    override _.Codomain before = ShiftSpaces.made space before
    override _.Forward(inputs, _) = filled (Tensors.last inputs[1] + 1L) (sequence inputs[0] inputs[1])

    /// The entries themselves: of equal ones, a mean could be rounded.
    override _.Cut tensor =
        let last = Tensors.rows tensor - 1L

        [|
            tensor.select (-1L, 0L)
            tensor.select(-2L, (if isHankel then last else 0L)).narrow(-1L, 1L, Tensors.last tensor - 1L)
        |]

    override _.Contains(_, tensor, epsilon) =
        let means = (Shifts.means (turned tensor)).``to`` tensor.dtype
        let sum = if isHankel then "i + j" else "i - j"
        Tensors.nearEach $"W_ij depends on {sum} only" epsilon (filled (Tensors.last tensor) means) tensor

    override this.Invert(present, tensor, epsilon, want) =
        if want = Want.Exact then
            base.Invert(present, tensor, epsilon, want)
        else
            let means = (Shifts.means (turned tensor)).``to`` tensor.dtype

            Ok
                {
                    Inputs = pieces (Tensors.rows tensor) (Tensors.last tensor) means
                    Buffers = [||]
                }

    interface IVolume with
        member _.LogVolume(inputs, _) =
            let rows, columns = Tensors.last inputs[0], Tensors.last inputs[1] + 1L
            Shifts.logVolume (Shifts.counts rows columns) (sequence inputs[0] inputs[1])

/// Circulant n x n matrices from their first column: `W_ij = c_(i - j mod n)`.
type internal CirculantNode() =
    inherit PiecesNode()

    let filled (column: torch.Tensor) =
        let count = Tensors.last column
        let sequence = torch.cat ([| column.narrow (-1L, 1L, count - 1L); column |], -1L)
        (Shifts.rows count sequence).flip [| -1L |]

    /// Each number of the column lies on two diagonals, the first one on one.
    let means (matrix: torch.Tensor) =
        let count = Tensors.last matrix
        let shares = Array.init (int (2L * count - 1L)) (fun _ -> 1.0 / float count)
        let weights = Shifts.rows count (torch.tensor(shares, device = torch.CPU).``to`` matrix.device)
        let sums = Shifts.sums ((Tensors.inDouble matrix).flip [| -1L |] * weights)
        let below, above = sums.narrow (-1L, count - 1L, count), sums.narrow (-1L, 0L, count - 1L)
        let first = torch.zeros_like (below.narrow (-1L, 0L, 1L))
        (below +. torch.cat ([| first; above |], -1L)).``to`` matrix.dtype

    override _.Code = Code.name "circulant"

    override this.Inputs form =
        match Form.fault Requirement.squares form with
        | Some error -> Error(error (Node.text this))
        | None -> Ok [ { form with Shape = form.Shape[.. form.Shape.Length - 2] } ]

    override _.Output inputs =
        let column = inputs.Head
        { column with Shape = Array.append column.Shape [| Array.last column.Shape |] }

    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain before = ShiftSpaces.made ShiftSpaces.circulant before
    override _.Forward(inputs, _) = filled inputs[0]
    override _.Cut tensor = [| tensor.select (-1L, 0L) |]

    override _.Contains(_, tensor, epsilon) =
        Tensors.nearEach "W_ij depends on i - j mod n only" epsilon (filled (means tensor)) tensor

    override this.Invert(present, tensor, epsilon, want) =
        if want = Want.Exact then
            base.Invert(present, tensor, epsilon, want)
        else
            NodeParts.ofInput (means tensor)

    interface IVolume with
        member _.LogVolume(inputs, _) =
            let count = Tensors.last inputs[0]
            Shifts.logVolume (Seq.replicate (int count) (float count)) inputs[0]

    interface IOneToOne with
        member _.Undo tensor = tensor.select (-1L, 0L)

    interface IDeterminant with
        /// The discrete Fourier transform of the column has the eigenvalues.
        member _.LogAbsDet(inputs, _, _) = (torch.fft.fft_ inputs[0]).abs().log().sum [| -1L |]

namespace Parametrize.Values

open Parametrize

/// The values `toeplitz`, `hankel` and `circulant`.
[<AutoOpen>]
module ShiftValues =

    /// Toeplitz n x k matrices, k >= 2: `W_ij` depends on i - j only. From n + k - 1 numbers in two parameters: the first column, and
    /// the rest of the first row, as `scipy.linalg.toeplitz` has them. O(n k). Projects to the nearest one, the means of the
    /// diagonals.
    let toeplitz: Parametrization = Parametrization.ofNode (DiagonalsNode false)

    /// Hankel n x k matrices, k >= 2: `W_ij` depends on i + j only. From n + k - 1 numbers in two parameters: the first column, and
    /// the rest of the last row, as `scipy.linalg.hankel` has them. O(n k). Projects to the nearest one, the means of the
    /// antidiagonals.
    let hankel: Parametrization = Parametrization.ofNode (DiagonalsNode true)

    /// Circulant n x n matrices: `W_ij` depends on i - j modulo n only. From n numbers, the first column. O(n^2). Projects to the
    /// nearest one, the means of the cyclic diagonals.
    let circulant: Parametrization = Parametrization.ofNode (CirculantNode())
