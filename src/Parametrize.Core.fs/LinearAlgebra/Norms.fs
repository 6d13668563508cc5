namespace Parametrize

open System
open System.Runtime.InteropServices
open TorchSharp

/// Euclidean norms, exact for tiny and huge numbers as well. The vectors lie along the given dimensions of a tensor (counted from
/// the front), which keep size 1. Without dimensions, each entry is a vector.
[<RequireQualifiedAccess>]
module internal Norms =

    /// Products over more entries than this are added up block by block: libtorch adds one entry after another, and its rounding
    /// error grows with their number.
    let private longest = 4096L

    let isLong (count: int64) : bool = count > longest

    /// Rows whose products are added up before they are added to others.
    let private block = 2048L

    /// `V^H W`; of long columns as the sum of those of blocks of rows, in double precision. Differentiable.
    let inner (v: torch.Tensor) (w: torch.Tensor) : torch.Tensor =
        let rows = Tensors.rows v

        if isLong rows then
            let rest = rows % block

            let blocks (tall: torch.Tensor) =
                let batch = tall.shape[.. tall.shape.Length - 3]
                let shape = Array.append batch [| rows / block; block; Tensors.last tall |]
                tall.narrow(-2L, 0L, rows - rest).reshape shape

            let after (tall: torch.Tensor) = tall.narrow (-2L, rows - rest, rest)
            let ofBlocks = Tensors.inDouble ((blocks v).mH.matmul(blocks w))
            (ofBlocks.sum -3L +. Tensors.inDouble ((after v).mH.matmul(after w))).``to`` w.dtype
        else
            v.mH.matmul w

    /// `W^H W`.
    let gram (tall: torch.Tensor) : torch.Tensor = inner tall tall

    /// The dimensions of `Tensors.reals` along which the vectors lie: those of complex tensors have one more.
    let private along (tensor: torch.Tensor) (dimensions: int64[]) =
        if tensor.is_complex () then
            Array.append dimensions [| tensor.dim () |]
        else
            dimensions

    let private ended (isComplex: bool) (reduced: torch.Tensor) = if isComplex then reduced.squeeze -1L else reduced

    /// The dimensions of a tensor but one.
    let others (tensor: torch.Tensor) (dimension: int64) : int64[] =
        [|
            for other in 0L .. tensor.dim () - 1L do
                if other <> dimension then
                    other
        |]

    /// The largest real or imaginary parts, 0 for zeros. Constants to the gradient, as any unit is.
    let largest (vectors: torch.Tensor) (dimensions: int64[]) : torch.Tensor =
        let sizes = (Tensors.reals (vectors.detach ())).abs()

        match along vectors dimensions with
        | [||] -> sizes
        | dimensions -> sizes.amax (dimensions, keepdim = true) |> ended (vectors.is_complex ())

    let oneWhereZero (unit: torch.Tensor) : torch.Tensor = unit +. unit.logical_not ()

    /// The tensor divided by real numbers. The division of complex numbers fails if they are tiny or huge.
    let dividedBy (unit: torch.Tensor) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.is_complex () then
            (Tensors.reals tensor / unit.unsqueeze -1L).contiguous().view_as_complex()
        else
            tensor / unit

    /// The vectors in units of their largest parts, so that squares neither overflow nor vanish; zeros as they are.
    let inUnits (vectors: torch.Tensor) (largest: torch.Tensor) : torch.Tensor =
        dividedBy (oneWhereZero largest) vectors

    /// Matrices in double precision divided by a unit, and the units: the largest part of each matrix, but at least `least`.
    /// Without units, eigenvalues and norms of huge matrices would leave the range, as would the numbers that tiny ones are
    /// compared with.
    let matricesInUnits (least: float) (matrices: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let wide = Tensors.inDouble matrices
        let largest = largest wide [| wide.dim () - 2L; wide.dim () - 1L |]
        let unit = (oneWhereZero largest).clamp_min(least.AsScalar())
        struct (dividedBy unit wide, unit)

    /// The norms of vectors in units of their largest parts: at least 1, and 1 for zeros.
    let ofUnits (vectors: torch.Tensor) (dimensions: int64[]) : torch.Tensor =
        let squares = (Tensors.reals vectors).Squared()

        match along vectors dimensions with
        | [||] -> squares.clamp_min(1.0.AsScalar()).sqrt()
        | dimensions ->
            squares.sum(dimensions, keepdim = true).clamp_min(1.0.AsScalar()).sqrt()
            |> ended (vectors.is_complex ())

    /// The logarithm of the Frobenius norm of each matrix.
    let logOfMatrix (matrices: torch.Tensor) : torch.Tensor =
        let unit = oneWhereZero (largest matrices [| matrices.dim () - 2L; matrices.dim () - 1L |])
        let squares = ((dividedBy unit matrices).Squared()).sum [| -2L; -1L |]
        squares.log () / 2.0.AsScalar() +. (unit.squeeze(-1L).squeeze -1L).log()

    let private areBetween (least: float) (greatest: float) (numbers: torch.Tensor) =
        if numbers.dtype = torch.ScalarType.Float64 then
            let mutable all = true

            for number in MemoryMarshal.Cast<byte, float> numbers.bytes do
                all <- all && abs number >= least && abs number <= greatest

            all
        else
            let mutable all = true

            for number in MemoryMarshal.Cast<byte, float32> numbers.bytes do
                all <- all && abs (float number) >= least && abs (float number) <= greatest

            all

    /// The power of ten up to which squares and cubes of numbers and of their inverses are numbers of the element type.
    let private moderate (dtype: torch.ScalarType) =
        match dtype with
        | torch.ScalarType.Float64
        | torch.ScalarType.ComplexFloat64 -> 1e100
        | _ -> 1e12

    let isModerate (dtype: torch.ScalarType) (number: float) : bool =
        let most = moderate dtype
        abs number >= 1.0 / most && abs number <= most

    /// Whether all these numbers are known to be neither tiny nor huge. Never waits for a device.
    let areModerate (numbers: torch.Tensor) : bool =
        let most = moderate numbers.dtype

        numbers.device_type = DeviceType.CPU
        && (numbers.dtype = torch.ScalarType.Float32 || numbers.dtype = torch.ScalarType.Float64)
        && numbers.is_contiguous ()
        && areBetween (1.0 / most) most numbers

    /// The number of entries from which libtorch's norm, which adds one square after another, loses those that are small beside
    /// one of them: of `[1; x; x; ...]` with x^2 below the roundoff it keeps the 1.
    let private longestOfNorms = 128L

    /// The same where entries lie apart in memory, and libtorch's norm takes five times as long as squares and their sum.
    let private longestOfNormsApart = 32L

    /// libtorch's norm. `vector_norm` takes any number of dimensions, but TorchSharp makes a number for it; `norm` takes two at most.
    let private ofLibtorch (vectors: torch.Tensor) (dimensions: int64[]) (keep: bool) =
        if dimensions.Length <= 2 then
            torch.linalg.norm (vectors, dimensions, keep)
        else
            let count = vectors.dim ()
            let along = dimensions |> Array.map (fun dimension -> (dimension + count) % count)
            let others = [| 0L .. count - 1L |] |> Array.except along
            let side = vectors.permute(Array.append others along).flatten others.LongLength
            let norms = torch.linalg.norm (side, [| -1L |])

            if keep then
                norms.reshape (
                    vectors.shape |> Array.mapi (fun at size -> if Array.contains (int64 at) along then 1L else size)
                )
            else
                norms

    /// By the formula. Its numbers must be neither tiny nor huge.
    let formula (vectors: torch.Tensor) (dimensions: int64[]) (keep: bool) =
        let count = dimensions |> Array.fold (fun count dimension -> count * vectors.size (int dimension)) 1L
        let areTogether = Array.contains (vectors.dim () - 1L) dimensions

        if count > (if areTogether then longestOfNorms else longestOfNormsApart) then
            let parts = Tensors.reals vectors
            let norms = parts.Squared().sum(along vectors dimensions, keepdim = keep).sqrt()
            if keep then ended (vectors.is_complex ()) norms else norms
        else
            ofLibtorch vectors dimensions keep

    /// The norms by the formula, where it is known to be exact: ValueNone for complex vectors, for tiny, huge or zero vectors,
    /// and on devices other than the CPU, where the check would have to wait.
    let byFormula (vectors: torch.Tensor) (dimensions: int64[]) : torch.Tensor voption =
        if vectors.device_type <> DeviceType.CPU || vectors.is_complex () || Array.isEmpty dimensions then
            ValueNone
        else
            let norms = formula vectors dimensions true
            if areModerate norms then ValueSome norms else ValueNone

    /// The norm of one vector that is neither tiny nor huge.
    let ofVector (vector: torch.Tensor) : float = Tensors.number (formula vector [| 0L |] false)

    /// The direction of one vector, where its norm by the formula is known to be right.
    let directionByFormula (vector: torch.Tensor) : torch.Tensor voption =
        if vector.device_type <> DeviceType.CPU then
            ValueNone
        else
            let norm = formula vector [| 0L |] false

            if isModerate norm.dtype (Tensors.number norm) then
                ValueSome(vector / norm)
            else
                ValueNone

    /// The direction of one vector; NaN where it has none.
    let direction (vector: torch.Tensor) : torch.Tensor =
        let scaled = dividedBy (largest vector [| 0L |]) vector
        scaled / ofUnits scaled [| 0L |]
