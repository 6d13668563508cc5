namespace Parametrize

open TorchSharp

/// The square matrix of a value, register by register, and the determinants that are known without a factorization.
[<NoComparison; NoEquality>]
type internal SquareValue =
    {
        Program: Program
        Forms: Form[]
        Register: int -> torch.Tensor
        Buffers: torch.Tensor[][]
    }

[<RequireQualifiedAccess>]
module internal SquareValue =

    /// The form of the matrices. A kernel counts as its matrix, which is square if the kernel is 1 x 1, for example.
    let private matrices (program: Program) (form: Form) : Form =
        match Array.tryLast program.Steps with
        | Some(Step.OutOf(View.Kernel, _)) -> View.formInto View.Kernel form
        | _ -> form

    /// `known` is the tensor of the parts, if it was computed already. Throws ArgumentException when the value does not yield
    /// square matrices.
    let ofParts (name: string Lazy) (program: Program) (parts: Parts) (known: torch.Tensor | null) : SquareValue =
        let form = Evaluation.outputForm parts
        let shape = (matrices program form).Shape

        if shape.Length < 2 || shape[shape.Length - 1] <> shape[shape.Length - 2] then
            invalidArg "value" $"Square matrices are needed, but {name.Value} yields the shape {Form.Shown form.Shape}."

        match Program.forms program form with
        | Error error -> invalidArg "parts" error.Message
        | Ok forms ->
            let buffers = parts.BufferArrays |> Array.map (Array.map Tensors.widen)

            let computed =
                Evaluation.onDemand program parts (parts.ParameterArray |> Array.map Tensors.widen) buffers

            {
                Program = program
                Forms = forms
                Register =
                    match known with
                    | null -> computed
                    | known ->
                        let wide = Tensors.widen known
                        fun register -> if register = program.Result then wide else computed register
                Buffers = buffers
            }

    /// The register of the matrix.
    let result (value: SquareValue) : int =
        match Array.tryLast value.Program.Steps with
        | Some(Step.OutOf(View.Kernel, source)) -> source
        | _ -> value.Program.Result

    let size (value: SquareValue) (register: int) : int64 = Array.last value.Forms[register].Shape

    /// The answer of a space for its members, used only where spaces were found to fit.
    let bySpace (value: SquareValue) (register: int) (tell: Space -> 'a option) : 'a option =
        if value.Program.HasRightInverse then
            tell value.Program.Spaces.Value[register]
        else
            None

/// Determinants from the factors of a value.
[<RequireQualifiedAccess>]
module internal LogDeterminant =

    let private byFactorization (matrix: torch.Tensor) : torch.Tensor =
        let struct (_, logarithm) = torch.linalg.slogdet matrix
        logarithm

    let rec private ofRegister (value: SquareValue) (register: int) : torch.Tensor =
        let size = SquareValue.size value register

        match SquareValue.bySpace value register (Space.logAbsDet size) with
        | Some number ->
            let form = Form.widened value.Forms[register]
            let real = (torch.empty ([||], dtype = form.Dtype, device = form.Device) |> Tensors.realType)
            torch.full (form.Shape[.. form.Shape.Length - 3], number.AsScalar(), dtype = real, device = form.Device)
        | None when register < value.Program.LeafCount -> byFactorization (value.Register register)
        | None ->
            match value.Program.Steps[register - value.Program.LeafCount] with
            | Step.OutOf(View.Transpose, source)
            | Step.Into(View.Transpose, source, _) -> ofRegister value source
            | Step.Compute(node, sources, position, _) ->
                match box node with
                | :? IDeterminant as known ->
                    let read = sources |> Array.map value.Register
                    let ofInput = System.Func<int, torch.Tensor>(fun input -> ofRegister value sources[input])
                    let shape = value.Forms[register].Shape

                    let found =
                        Contract.logAbsDet node shape[.. shape.Length - 3] (fun () ->
                            known.LogAbsDet(read, value.Buffers[position], ofInput))

                    match found with
                    | null -> byFactorization (value.Register register)
                    | number -> number
                | _ -> byFactorization (value.Register register)
            | _ -> byFactorization (value.Register register)

    /// `log |det W|` of each matrix. Differentiable; the caller disposes it. Throws ArgumentException if the matrices are not
    /// square.
    let ofParts (name: string Lazy) (program: Program) (parts: Parts) (known: torch.Tensor | null) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let value = SquareValue.ofParts name program parts known
        scope.MoveToOuter(ofRegister value (SquareValue.result value))
