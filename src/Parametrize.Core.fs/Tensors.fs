namespace Parametrize

open System.Runtime.InteropServices
open TorchSharp

/// Small functions on tensors that all families use. Measured numbers are floats, for every element type.
[<RequireQualifiedAccess>]
module internal Tensors =

    /// Computes a result, and disposes every tensor that was made on the way, except those that `keep` finds in the result. An
    /// iteration calls it at each step.
    let keeping (keep: 'a -> torch.Tensor seq) (compute: unit -> 'a) : 'a =
        use scope = torch.NewDisposeScope()
        let result = compute ()

        for tensor in keep result do
            scope.MoveToOuter tensor |> ignore

        result

    /// Like `keeping`, without gradients.
    let detached (keep: 'a -> torch.Tensor seq) (compute: unit -> 'a) : 'a =
        use _ = torch.no_grad ()
        keeping keep compute

    /// The number in a tensor of one entry.
    let number (scalar: torch.Tensor) : float =
        use number = scalar.ToScalar()
        number.ToDouble()

    /// The whole numbers from `first` to `past - 1`. All arguments are given, because TorchSharp would make numbers for those
    /// that are left out, which are not kept alive.
    let range (first: int64) (past: int64) (dtype: torch.ScalarType) (device: torch.Device) : torch.Tensor =
        torch.arange (first.AsScalar(), past.AsScalar(), 1L.AsScalar(), dtype = dtype, device = device)

    /// The entries of a tensor with the element type 'a, row after row. TorchSharp's accessor is slower: it asks libtorch for the
    /// place of each entry.
    let toArray<'a when 'a: struct and 'a: (new: unit -> 'a) and 'a :> System.ValueType> (tensor: torch.Tensor) : 'a[] =
        if tensor.numel () = 0L then
            [||]
        else
            use here = tensor.detach().cpu()
            use rows = here.contiguous ()
            MemoryMarshal.Cast<byte, 'a>(rows.bytes).ToArray()

    /// A complex tensor as a real one, with real and imaginary parts along a new last dimension; a real tensor as it is.
    let reals (tensor: torch.Tensor) : torch.Tensor =
        if tensor.is_complex () then tensor.resolve_conj().view_as_real() else tensor

    /// The least and the greatest entry of a real tensor that is not empty; NaN when an entry is.
    let ends (tensor: torch.Tensor) : struct (float * float) =
        let struct (least, greatest) = tensor.detach().aminmax()
        use least = least
        use greatest = greatest
        struct (number least, number greatest)

    /// The largest modulus, 0 for an empty tensor and NaN when an entry is.
    let largest (tensor: torch.Tensor) : float =
        if tensor.numel () = 0L then
            0.0
        elif tensor.is_floating_point () then
            // Without a tensor of moduli, which would need as much memory again.
            let struct (least, greatest) = ends tensor
            max (abs least) (abs greatest)
        else
            number (tensor.abs().max())

    /// How far apart two tensors are, entry by entry.
    let distance (left: torch.Tensor) (right: torch.Tensor) : float = largest (left - right)

    /// The number of entries that are NaN or infinite. Complex entries are tested by their moduli, which can overflow for finite
    /// entries.
    let nonFinite (tensor: torch.Tensor) : int64 =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let moduli = if tensor.is_complex () then tensor.abs () else tensor
        // This test is much faster, and most often all entries are finite.
        if moduli.is_floating_point () && System.Double.IsFinite(largest moduli) then
            0L
        else
            moduli.isfinite().logical_not().sum().item<int64>()

    /// The element type of the moduli.
    let realType (tensor: torch.Tensor) : torch.ScalarType =
        if tensor.is_complex () then tensor.real.dtype else tensor.dtype

    /// The sums over all dimensions after the first ones, whose number is given.
    let sumBehind (first: int64) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.dim () <= first then tensor else (tensor.flatten first).sum [| -1L |]

    /// The sums over the last dimensions.
    let sumOfLast (count: int) (tensor: torch.Tensor) : torch.Tensor = sumBehind (tensor.dim () - int64 count) tensor

    /// A tensor with this number for each problem of a tensor. A problem is a subtensor of the last `dimensions` dimensions.
    let forEach (dimensions: int) (number: float) (tensor: torch.Tensor) : torch.Tensor =
        torch.full (
            tensor.shape[.. tensor.shape.Length - dimensions - 1],
            number.AsScalar(),
            dtype = realType tensor,
            device = tensor.device
        )

    /// The number of columns of a matrix, or of entries of a vector.
    let last (tensor: torch.Tensor) : int64 = tensor.size -1

    let rows (tensor: torch.Tensor) : int64 = tensor.size -2

    /// The first rows of a matrix, and the others.
    let splitRows (count: int64) (matrix: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let parts = matrix.split ([| count; rows matrix - count |], -2L)
        struct (parts[0], parts[1])

    /// The tolerance for rounding of a quantity of this scale. It does not grow with the number of entries: if each entry is
    /// rounded by half a unit, a norm changes by half a unit. Computations with 16-bit floats run in single precision.
    let roundoff (epsilon: float) (scale: float) : float =
        let working = min epsilon (Form.epsilon torch.ScalarType.Float32)
        (4.0 * epsilon + 64.0 * working) * scale

    /// The tolerance for the result of a computation in `size` steps, whose rounding errors are independent of one another: they
    /// add up like a random walk.
    let limit (epsilon: float) (size: int64) (scale: float) : float =
        let working = min epsilon (Form.epsilon torch.ScalarType.Float32)
        roundoff epsilon scale + 8.0 * working * sqrt (float size) * scale

    /// Ok if each matrix of a batch equals the expected one, up to rounding relative to its largest entry; else the violation of
    /// the worst matrix.
    let nearEach
        (condition: string)
        (epsilon: float)
        (expected: torch.Tensor)
        (matrices: torch.Tensor)
        : Result<unit, Violation> =
        let largestOf (tensor: torch.Tensor) =
            (tensor.abs().amax [| -2L; -1L |]).flatten().``to`` torch.ScalarType.Float64

        if matrices.numel () = 0L then
            Ok()
        else
            let residuals = largestOf (matrices - expected)
            // Subnormal entries are rounded by up to the smallest number, however small they are.
            let smallest = Form.smallest (Form.callersType epsilon matrices.dtype)
            let limits = (largestOf matrices * (roundoff epsilon 1.0).AsScalar()).clamp_min(smallest.AsScalar())
            let worst = (residuals - limits).argmax()
            Violation.unless condition (number residuals[worst]) (number limits[worst])

    let eyeLike (matrix: torch.Tensor) : torch.Tensor =
        torch.eye (rows matrix, last matrix, dtype = matrix.dtype, device = matrix.device)

    let diagonal (matrix: torch.Tensor) : torch.Tensor = matrix.diagonal (offset = 0L, dim1 = -2L, dim2 = -1L)

    /// The diagonal, without its imaginary part.
    let realDiagonal (matrix: torch.Tensor) : torch.Tensor =
        let diagonal = diagonal matrix
        if diagonal.is_complex () then diagonal.real else diagonal

    /// The tensor in double precision, for computations at assignment, where accuracy matters and speed does not.
    let inDouble (tensor: torch.Tensor) : torch.Tensor =
        if Form.isComplex tensor.dtype then
            tensor.``to`` torch.ScalarType.ComplexFloat64
        else
            tensor.``to`` torch.ScalarType.Float64

    /// The sign of the determinant of each matrix of a batch: 1, -1 or 0; for complex matrices 0 or a number of modulus 1.
    let determinantSign (matrix: torch.Tensor) : torch.Tensor =
        let struct (sign, _) = torch.linalg.slogdet (inDouble matrix)
        sign

    /// The tensor in float32 if it has 16-bit floats, for which libtorch has no factorizations; other tensors as they are.
    let widen (tensor: torch.Tensor) : torch.Tensor =
        if Form.isHalf tensor.dtype then
            tensor.``to`` torch.ScalarType.Float32
        else
            tensor

    /// The tensor rounded to a 16-bit element type, with larger entries clamped to its largest number; for other element types
    /// the tensor as it is.
    let parameter (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        if Form.isHalf dtype then
            let greatest = Form.greatest dtype
            tensor.clamp((-greatest).AsScalar(), greatest.AsScalar()).``to`` dtype
        else
            tensor

    /// The tensor in the caller's element type. A tensor without real floating-point numbers stays as it is.
    let narrow (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.dtype <> dtype && tensor.is_floating_point () then
            tensor.``to`` dtype
        else
            tensor
