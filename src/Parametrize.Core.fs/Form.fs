namespace Parametrize

open TorchSharp

/// Shape, element type and device of a tensor, without its data.
[<CustomEquality; NoComparison>]
type Form =
    {
        /// The size of each dimension.
        Shape: int64[]
        /// The element type.
        Dtype: torch.ScalarType
        /// Where the tensor is.
        Device: torch.Device
    }

    override this.Equals(other: obj) : bool =
        match other with
        | :? Form as form ->
            this.Shape = form.Shape
            && this.Dtype = form.Dtype
            && this.Device.``type`` = form.Device.``type``
            && this.Device.index = form.Device.index
        | _ -> false

    override this.GetHashCode() : int = hash (this.Shape, int this.Dtype)

    override this.ToString() : string = $"{Form.Shown this.Shape} {this.Dtype} on {this.Device}"

    /// A shape as PyTorch and TorchSharp print it: `[3, 4]`.
    static member Shown(shape: int64[]) : string = shape |> Seq.map string |> String.concat ", " |> sprintf "[%s]"

/// The requirements of a node on the form of a tensor.
type Requirement =
    {
        /// The least number of dimensions.
        Dimensions: int
        /// Whether the last two dimensions have to be equal.
        Square: bool
        /// Whether complex numbers are accepted as well as real ones.
        Complex: bool
    }

[<RequireQualifiedAccess>]
module internal Requirement =

    let private of' (dimensions: int) (square: bool) (complex: bool) : Requirement =
        { Dimensions = dimensions; Square = square; Complex = complex }

    let entries: Requirement = of' 0 false true
    let realEntries: Requirement = of' 0 false false
    let vectors: Requirement = of' 1 false true
    let matrices: Requirement = of' 2 false true
    let squares: Requirement = of' 2 true true
    let realSquares: Requirement = of' 2 true false

/// Functions on forms and element types.
[<RequireQualifiedAccess>]
module Form =

    /// Checks that an argument of this name is a tensor that has not been disposed.
    let internal requireAlive (name: string) (tensor: torch.Tensor) : unit =
        if isNull (box tensor) then
            nullArg name

        if tensor.IsInvalid then
            invalidArg name "The tensor has been disposed. Give one that lives, or a copy of it made before."

    /// Throws ArgumentNullException for null, and ArgumentException for a tensor that has been disposed.
    let ofTensor (tensor: torch.Tensor) : Form =
        requireAlive (nameof tensor) tensor
        { Shape = tensor.shape; Dtype = tensor.dtype; Device = tensor.device }

    /// Draws a tensor. With a generator it is drawn on the CPU and then moved, because TorchSharp has generators for the CPU
    /// only; a seed therefore gives the same tensor on every device.
    let internal drawn
        (draw: Form -> (torch.Generator | null) -> torch.Tensor)
        (generator: torch.Generator | null)
        (form: Form)
        : torch.Tensor =
        let isThere = form.Device.``type`` = DeviceType.CPU || form.Device.``type`` = DeviceType.META

        if isNull generator || isThere then
            draw form generator
        else
            use there = draw { form with Device = torch.CPU } generator
            there.``to`` form.Device

    /// A tensor of independent standard normal entries.
    let normal (generator: torch.Generator | null) (form: Form) : torch.Tensor =
        let draw (form: Form) generator =
            torch.randn (form.Shape, dtype = form.Dtype, device = form.Device, generator = generator)

        drawn draw generator form

    /// A tensor of independent entries, uniform in [0, 1).
    let uniform (generator: torch.Generator | null) (form: Form) : torch.Tensor =
        let draw (form: Form) generator =
            torch.rand (form.Shape, dtype = form.Dtype, device = form.Device, generator = generator)

        drawn draw generator form

    /// Whether an element type is float16 or bfloat16.
    let isHalf (dtype: torch.ScalarType) : bool = dtype = torch.ScalarType.Float16 || dtype = torch.ScalarType.BFloat16

    /// Whether an element type is complex64 or complex128.
    let isComplex (dtype: torch.ScalarType) : bool =
        dtype = torch.ScalarType.ComplexFloat32 || dtype = torch.ScalarType.ComplexFloat64

    let private isReal (dtype: torch.ScalarType) : bool =
        dtype = torch.ScalarType.Float32 || dtype = torch.ScalarType.Float64 || isHalf dtype

    /// The form in which values compute: float32 for 16-bit floats, for which libtorch has no factorizations; otherwise the same
    /// form.
    let internal widened (form: Form) : Form =
        if isHalf form.Dtype then
            { form with Dtype = torch.ScalarType.Float32 }
        else
            form

    /// The number of entries.
    let internal entries (form: Form) : int64 = Array.fold (*) 1L form.Shape

    /// The number of real numbers: complex entries count twice.
    let internal reals (form: Form) : int64 = (if isComplex form.Dtype then 2L else 1L) * entries form

    /// The distance from 1 to the next number of the element type: twice its unit roundoff.
    let epsilon (dtype: torch.ScalarType) : float =
        match dtype with
        | torch.ScalarType.Float64
        | torch.ScalarType.ComplexFloat64 -> 2.220446049250313e-16
        | torch.ScalarType.Float16 -> 9.765625e-4
        | torch.ScalarType.BFloat16 -> 7.8125e-3
        | _ -> 1.1920928955078125e-7

    /// The smallest and largest positive normal numbers.
    let private range (dtype: torch.ScalarType) : struct (float * float) =
        match dtype with
        | torch.ScalarType.Float64
        | torch.ScalarType.ComplexFloat64 -> struct (2.2250738585072014e-308, 1.7976931348623157e308)
        | torch.ScalarType.Float16 -> struct (6.103515625e-5, 65504.0)
        | torch.ScalarType.BFloat16 -> struct (1.17549435e-38, 3.3895313892515355e38)
        | _ -> struct (1.17549435e-38, 3.4028234e38)

    let internal least (dtype: torch.ScalarType) : float =
        let struct (least, _) = range dtype
        least

    let internal greatest (dtype: torch.ScalarType) : float =
        let struct (_, greatest) = range dtype
        greatest

    /// The smallest positive number, a subnormal one. Subnormal numbers are not flushed to zero.
    let internal smallest (dtype: torch.ScalarType) : float =
        match dtype with
        | torch.ScalarType.Float64
        | torch.ScalarType.ComplexFloat64 -> 4.9406564584124654e-324
        | torch.ScalarType.Float16 -> 5.9604644775390625e-8
        | torch.ScalarType.BFloat16 -> 9.183549615799121e-41
        | _ -> 1.401298464324817e-45

    /// The 16-bit element type with that distance from 1 to the next number; None if no 16-bit type has it.
    let internal halfOf (distance: float) : torch.ScalarType option =
        [ torch.ScalarType.Float16; torch.ScalarType.BFloat16 ]
        |> List.tryFind (fun dtype -> epsilon dtype = distance)

    /// The caller's element type, given its roundoff and the element type of the computation.
    let internal callersType (epsilon: float) (computed: torch.ScalarType) : torch.ScalarType =
        halfOf epsilon |> Option.defaultValue computed

    /// What errors expect of a form that lacks this dimension; None if the form has it. A negative dimension counts from the end.
    let internal withoutDimension (dimension: int) (form: Form) : string option =
        let count = form.Shape.Length

        if dimension >= -count && dimension < count then
            None
        else
            Some(invariant $"a tensor with dimension {dimension}")

    /// The largest number of dimensions that libtorch's operations on entries accept.
    let private mostDimensions = 64

    /// The expected and the found layout of a tensor that is not dense and strided (a sparse or quantized one); None for a dense
    /// tensor.
    let internal layoutFault (tensor: torch.Tensor) : (string * string) option =
        let dense = "a dense tensor"

        if tensor.is_sparse then
            Some(dense, "sparse")
        elif (string tensor.dtype).StartsWith 'Q' then
            Some(dense, "quantized")
        else
            // Compressed rows and MKL's blocks have no strides; TorchSharp does not report these layouts.
            try
                use _ = torch.no_grad ()
                use _part = tensor.as_strided ([| 0L |], [| 1L |])
                None
            with :? System.Runtime.InteropServices.ExternalException ->
                Some(dense, "in a layout without strides (compressed rows or blocks)")

    let private shapeFault (requirement: Requirement) (shape: int64[]) : string option =
        let squareNow = shape.Length >= 2 && shape[shape.Length - 1] = shape[shape.Length - 2]

        if shape.Length > mostDimensions then
            Some $"a tensor of at most {mostDimensions} dimensions"
        elif shape.Length < requirement.Dimensions then
            Some(
                if requirement.Dimensions = 1 then
                    "a tensor of at least 1 dimension"
                else
                    "a matrix or a batch of matrices (at least 2 dimensions)"
            )
        elif requirement.Square && not squareNow then
            Some "square matrices (the last two dimensions equal)"
        elif Array.contains 0L shape then
            Some "a tensor with entries"
        else
            None

    /// The error, for a given value, when tensors of that form do not meet the requirement; None when they do.
    let internal fault (requirement: Requirement) (form: Form) : (string -> ParametrizationError) option =
        if form.Device.``type`` = DeviceType.META then
            Some(fun value -> ParametrizationError.WrongDevice(value, "a device with data", "meta"))
        elif not (isReal form.Dtype || requirement.Complex && isComplex form.Dtype) then
            let expected =
                if requirement.Complex then
                    "a floating-point or complex tensor"
                else
                    "a real floating-point tensor"

            Some(fun value -> ParametrizationError.WrongDtype(value, expected, string form.Dtype))
        else
            shapeFault requirement form.Shape
            |> Option.map (fun expected value ->
                ParametrizationError.WrongShape(value, expected, Form.Shown form.Shape))

    /// Ok if a node with that requirement can yield a tensor of that form; else the error, which names `value`.
    let check (value: string) (requirement: Requirement) (form: Form) : Result<unit, ParametrizationError> =
        match fault requirement form with
        | Some error -> Error(error value)
        | None -> Ok()
