namespace Parametrize

open TorchSharp

/// The largest singular value of a matrix whose entries are neither tiny nor huge, with its vectors, by the method of Lanczos
/// (Golub & Van Loan, Matrix Computations, section 10.1): a hundred products of the matrix and a vector where a
/// decomposition takes as many as it has columns.
[<RequireQualifiedAccess>]
module internal LeadingSingular =

    /// Up to this size, a decomposition takes no longer.
    let private small = 64L

    /// Close singular values take more steps: then a decomposition is faster.
    let private mostSteps = 320L

    /// Of a tall matrix, the leading right vector.
    let private byDecomposition (tall: torch.Tensor) =
        let exact = Tensors.inDouble tall
        // Squares of the smaller ones lose digits; the largest does not.
        let struct (_, vectors) = torch.linalg.eigh (exact.mH.matmul exact)
        vectors.select (1L, vectors.size 1 - 1L)

    /// The largest eigenvalue of a symmetric tridiagonal matrix, and its vector.
    let private ofTridiagonal (diagonal: ResizeArray<float>) (beside: ResizeArray<float>) =
        let size = diagonal.Count
        let matrix = torch.diag (torch.tensor (diagonal.ToArray(), device = torch.CPU))

        let matrix =
            if size = 1 then
                matrix
            else
                let beside = torch.tensor (beside.GetRange(0, size - 1).ToArray(), device = torch.CPU)
                matrix +. torch.diag (beside, 1L) +. torch.diag (beside, -1L)

        let struct (values, vectors) = torch.linalg.eigh matrix
        struct (Tensors.number values[int64 (size - 1)], vectors.select (1L, int64 (size - 1)))

    /// The leading right vector by Lanczos, once the relative residual is below the tolerance, which bounds the relative error of the
    /// square.
    let private byLanczos (tall: torch.Tensor) (tolerance: float) : torch.Tensor voption =
        let size = tall.size 1
        let steps = int (min size mostSteps)
        let adjoint = tall.mH.resolve_conj ()
        // A vector in each row, so that those known lie side by side.
        let basis = torch.zeros ([| int64 steps; size |], dtype = tall.dtype, device = tall.device)
        let diagonal, beside = ResizeArray<float>(), ResizeArray<float>()
        let rounding = 4.0 * Form.epsilon (Tensors.realType tall)
        let mutable found = ValueNone
        let mutable isDone = false
        let mutable step = 0
        let mutable check = 16

        let mutable vector =
            // The same for the same matrix, whatever was drawn before.
            use generator = new torch.Generator(1UL, torch.CPU)

            let start =
                Form.normal generator { Shape = [| size |]; Dtype = torch.ScalarType.Float64; Device = torch.CPU }

            (start / start.norm ()).``to``(tall.dtype).``to`` tall.device

        while not isDone do
            use _ = torch.NewDisposeScope()
            basis.select(0L, int64 step).copy_ vector |> ignore
            let image = torch.mv (tall, vector)
            let known = basis.narrow (0L, 0L, int64 step + 1L)
            let without (next: torch.Tensor) = next - torch.mv (known.mT, torch.mv (known.conj (), next))
            // Twice keeps the vectors orthogonal, which the recurrence alone does not.
            let next = torch.mv (adjoint, image) |> without |> without
            let length = Norms.ofVector next
            diagonal.Add(Norms.ofVector image ** 2.0)
            beside.Add length
            step <- step + 1
            // If only rounding is left, the vectors span every space that this start can reach.
            let isAll = int64 step = size || length <= rounding * Seq.max diagonal

            if isAll || step = check || step = steps then
                let struct (value, weights) = ofTridiagonal diagonal beside
                let residual = length * abs (Tensors.number weights[int64 (step - 1)])

                if isAll || residual <= tolerance * value then
                    let weights = weights.``to``(tall.dtype).``to`` tall.device
                    found <- ValueSome(torch.mv(known.mT, weights).MoveToOuterDisposeScope())

                isDone <- found.IsSome || step = steps
                check <- step + max 8 (step / 4)

            if not isDone then
                vector <- (next / length.AsScalar()).MoveToOuterDisposeScope()

        found

    let private unitVector (matrix: torch.Tensor) (size: int64) =
        let unit = torch.zeros ([| size |], dtype = matrix.dtype, device = matrix.device)
        unit.narrow(0L, 0L, 1L).fill_(1.0.AsScalar()) |> ignore
        unit

    /// Of a matrix with at least as many rows as columns.
    let private ofTall (tall: torch.Tensor) (tolerance: float) =
        let right =
            if tall.size 1 <= small then
                byDecomposition tall
            else
                byLanczos tall tolerance |> ValueOption.defaultWith (fun () -> byDecomposition tall)

        let right = Tensors.inDouble right
        let right = right / right.norm ()
        let image = torch.mv (Tensors.inDouble tall, right)
        let norm = Norms.ofVector image

        if norm = 0.0 then
            // Any vectors will do for zeros.
            struct (unitVector right (tall.size 0), 0.0, unitVector right (tall.size 1))
        else
            struct (image / norm.AsScalar(), norm, right)

    /// The left vector, the value and the right vector, in double precision. `tolerance` is the relative error that the value may
    /// have. It must be at least the roundoff of the matrix's element type, in which the vectors are computed.
    let triple (matrix: torch.Tensor) (tolerance: float) : struct (torch.Tensor * float * torch.Tensor) =
        if matrix.size 0 >= matrix.size 1 then
            ofTall (matrix.contiguous ()) tolerance
        else
            let struct (right, norm, left) = ofTall (matrix.mH.resolve_conj().contiguous()) tolerance
            struct (left, norm, right)
