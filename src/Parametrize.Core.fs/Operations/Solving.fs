namespace Parametrize

open TorchSharp

/// Solves linear equations by the factors of a value.
[<RequireQualifiedAccess>]
module internal Solving =

    let private byStructure (matrix: torch.Tensor) (right: torch.Tensor) (isTransposed: bool) (structure: Structure) =
        let triangular (isUpper: bool) =
            let seen = if isTransposed then matrix.mT else matrix
            torch.linalg.solve_triangular (seen, right, upper = (isUpper <> isTransposed))

        match structure with
        | Structure.Orthonormal when isTransposed -> matrix.conj().matmul right
        | Structure.Orthonormal -> matrix.mH.matmul right
        | Structure.LowerTriangular -> triangular false
        | Structure.UpperTriangular -> triangular true

    let private byFactorization (matrix: torch.Tensor) (right: torch.Tensor) (isTransposed: bool) =
        // With n matrices of n x n, libtorch would read one right-hand side of n x n as n vectors, so its batch dimensions are
        // added.
        let missing = Array.create (max 0 (int (matrix.dim () - right.dim ()))) 1L
        let right = right.reshape (Array.append missing right.shape)
        torch.linalg.solve ((if isTransposed then matrix.mT else matrix), right)

    let rec private ofRegister (value: SquareValue) (register: int) (right: torch.Tensor) (isTransposed: bool) =
        let otherwise () =
            let matrix = value.Register register

            match SquareValue.bySpace value register Space.structure with
            | Some structure -> byStructure matrix right isTransposed structure
            | None -> byFactorization matrix right isTransposed

        if register < value.Program.LeafCount then
            otherwise ()
        else
            match value.Program.Steps[register - value.Program.LeafCount] with
            | Step.OutOf(View.Transpose, source)
            | Step.Into(View.Transpose, source, _) -> ofRegister value source right (not isTransposed)
            | Step.Compute(node, sources, position, _) ->
                match box node with
                | :? ISolves as solving ->
                    let solveInput =
                        SolveInput(fun input right isTransposed -> ofRegister value sources[input] right isTransposed)

                    let read = sources |> Array.map value.Register

                    match solving.Solve(read, value.Buffers[position], right, isTransposed, solveInput) with
                    | null -> otherwise ()
                    | solution -> solution
                | _ -> otherwise ()
            | _ -> otherwise ()

    /// Whether shapes of batches fit, counted from the end.
    let private areBroadcastable (left: int64[]) (right: int64[]) : bool =
        Seq.forall2 (fun l r -> l = r || l = 1L || r = 1L) (Seq.rev left) (Seq.rev right)

    let private requireFit (name: string Lazy) (matrices: Form) (right: torch.Tensor) : unit =
        let shape = if right.dim () = 1L then [| right.numel (); 1L |] else right.shape
        let batch (shape: int64[]) = shape[.. shape.Length - 3]

        let isFit =
            shape.Length >= 2
            && shape[shape.Length - 2] = Array.last matrices.Shape
            && areBroadcastable (batch shape) (batch matrices.Shape)

        if not isFit then
            invalidArg
                (nameof right)
                $"{name.Value} yields the shape {Form.Shown matrices.Shape}, so that columns of {Array.last matrices.Shape} numbers are needed, but the shape is {Form.Shown right.shape}."

        if right.dtype <> matrices.Dtype then
            invalidArg (nameof right) $"{name.Value} yields {matrices.Dtype}, but the right-hand side is {right.dtype}."

    /// `W^-1 b`. Differentiable with respect to the parts and b; the caller disposes it. Throws ArgumentException if the matrices
    /// are not square or the columns do not fit.
    let ofParts
        (name: string Lazy)
        (program: Program)
        (parts: Parts)
        (known: torch.Tensor | null)
        (right: torch.Tensor)
        =
        use scope = torch.NewDisposeScope()
        let value = SquareValue.ofParts name program parts known
        let register = SquareValue.result value
        requireFit name value.Forms[register] right
        let isVector = right.dim () = 1L
        let columns = if isVector then right.unsqueeze -1L else right
        let found = ofRegister value register (Tensors.widen columns) false
        let found = if isVector then found.squeeze -1L else found
        scope.MoveToOuter(Tensors.narrow right.dtype found)
