namespace Parametrize

open System
open TorchSharp

/// `exp(f . w)` of vectors f and w, w of norm 1.
[<RequireQualifiedAccess>]
module internal MisesFisher =

    /// The norm of f, and f over it.
    let concentration (parameter: float[]) : struct (float * float[]) =
        let largest = parameter |> Array.fold (fun most number -> max most (abs number)) 0.0

        if largest = 0.0 then
            struct (0.0, parameter)
        else
            let scaled = parameter |> Array.map (fun number -> number / largest)
            let norm = scaled |> Array.sumBy (fun number -> number * number) |> sqrt
            struct (largest * norm, scaled |> Array.map (fun number -> number / norm))

    /// `f . w - |f|`, which is `-|f| |w - f/|f||^2 / 2`: where |f| is large, their difference would be lost to rounding.
    let logDensity (concentration: float) (direction: torch.Tensor) (dimensions: int64[]) (tensor: torch.Tensor) =
        (tensor - direction).Squared().sum dimensions * (-concentration / 2.0).AsScalar()

    let numbers (count: int64) : Form = { Shape = [| count |]; Dtype = torch.ScalarType.Float64; Device = torch.CPU }

    /// One minus the cosine of the angle to f, by Wood's rejection (1994) on the CPU, in numbers that keep their digits where |f| is
    /// large: with r = first / (second + b first) of two gamma numbers his cosine is 1 - 2 b r.
    let versedSines (size: int64) (concentration: float) (count: int64) (generator: torch.Generator | null) =
        let n = float (size - 1L)
        let ratio = concentration / (n / 2.0)
        let sum = ratio + Double.Hypot(1.0, ratio)
        let b = 1.0 / sum

        let halves =
            torch.full ([| count |], (n / 2.0).AsScalar(), dtype = torch.ScalarType.Float64, device = torch.CPU)

        let proposed () =
            let first, second = torch._standard_gamma (halves, generator), torch._standard_gamma (halves, generator)
            let quotient = first / (second +. first * b.AsScalar())

            let uniform = Form.uniform generator (numbers count)

            let accepted =
                (((1.0 / (1.0 + b)).AsScalar() .- quotient) * (n * (ratio / sum)).AsScalar()
                 +. ((quotient * (1.0 - b).AsScalar()).log1p() - (log (2.0 / (1.0 + b))).AsScalar()) * n.AsScalar())
                    .ge(uniform.log ())

            struct (quotient * (2.0 * b).AsScalar(), accepted)

        let rec go (found: torch.Tensor) (isFound: torch.Tensor) =
            if isFound.all().item<bool>() then
                found
            else
                let struct (versed, accepted) = proposed ()
                go (torch.where (isFound, found, versed)) (isFound.logical_or accepted)

        go (torch.zeros_like halves) (torch.zeros_like (halves, dtype = torch.ScalarType.Bool))

/// `exp(f . w) / (area 0F1(; n/2; |f|^2/4))` for vectors of norm 1 (von Mises 1918; Fisher 1953).
type internal MisesFisherDensity(parameter: float[]) =
    inherit Density()

    let size = int64 parameter.Length
    let struct (concentration, direction) = MisesFisher.concentration parameter
    let logConstant = lazy Special.logHypergeometric size concentration

    let unit (vectors: torch.Tensor) = vectors / vectors.Squared().sum([| -1L |], keepdim = true).sqrt()

    override _.Code = Code.call "Prior.vonMisesFisher" [ Numbers.code parameter ]
    override _.Support = Values.SphereValues.sphere 1.0

    override _.Fault form =
        if Form.isComplex form.Dtype then Some "real vectors"
        elif Array.last form.Shape <> size then Some $"vectors of {size} entries"
        else None

    override _.LogDensity tensor =
        MisesFisher.logDensity concentration (Numbers.vector tensor direction) [| -1L |] tensor
        - (Special.logArea size + logConstant.Value).AsScalar()

    override _.Correction tensor = ValueSome(Tensors.forEach 1 (Special.logArea size) tensor)

    override _.Sampler =
        Some(fun form generator ->
            let wide = { form with Dtype = torch.ScalarType.Float64; Device = torch.CPU }
            let normal = Form.normal generator wide

            if concentration = 0.0 then
                unit normal
            else
                let direction = Numbers.vector normal direction
                let count = Form.entries form / size

                let versed =
                    if size = 1L then
                        let uniform = Form.uniform generator (MisesFisher.numbers count)

                        let likely = (1.0 / (1.0 + exp (-2.0 * concentration))).AsScalar()

                        torch.where (
                            uniform.lt likely,
                            torch.zeros_like uniform,
                            torch.full_like (uniform, 2.0.AsScalar())
                        )
                    else
                        MisesFisher.versedSines size concentration count generator

                let versed = versed.reshape (Array.append form.Shape[.. form.Shape.Length - 2] [| 1L |])
                let along = direction * (1.0.AsScalar() .- versed)

                if size = 1L then
                    along
                else
                    let across = unit (normal - direction * (normal * direction).sum([| -1L |], keepdim = true))
                    along +. across * (versed * (2.0.AsScalar() .- versed)).clamp_min(0.0.AsScalar()).sqrt()
            |> _.``to``(form.Device))

/// `exp(tr(F^T W)) / (volume 0F1(; n/2; F^T F/4))` for n x k matrices with orthonormal columns (Downs 1972; Jupp & Mardia 1979),
/// without `0F1` where k > 1.
type internal LangevinDensity(parameter: float[,]) =
    inherit Density()

    let rows, columns = int64 (Array2D.length1 parameter), int64 (Array2D.length2 parameter)

    let struct (concentration, direction) =
        MisesFisher.concentration (Seq.toArray (Seq.cast<float> parameter))

    let isOne = min rows columns = 1L
    let logVolume = UniformMeasure.ofOrthonormal false rows columns
    let logConstant = lazy Special.logHypergeometric (max rows columns) concentration

    override _.Code = Code.call "Prior.langevin" [ Numbers.matrixCode parameter ]
    override _.Support = Values.OrthogonalValues.orthogonal
    override this.IsOn space = base.IsOn space || space.IsWithin GroupSpaces.square
    override _.IsNormalized _ = isOne || concentration = 0.0

    override _.Fault form =
        let count = form.Shape.Length

        if Form.isComplex form.Dtype then
            Some "real matrices"
        elif (form.Shape[count - 2], form.Shape[count - 1]) <> (rows, columns) then
            Some $"{rows} x {columns} matrices"
        else
            None

    override _.LogDensity tensor =
        if isOne then
            let direction = (Numbers.vector tensor direction).reshape [| rows; columns |]

            MisesFisher.logDensity concentration direction [| -2L; -1L |] tensor
            - (logVolume + logConstant.Value).AsScalar()
        else
            (tensor * Numbers.matrix tensor parameter).sum [| -2L; -1L |] - logVolume.AsScalar()

    override _.Correction tensor = ValueSome(Tensors.forEach 2 logVolume tensor)
