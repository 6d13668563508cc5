namespace Parametrize

open System
open TorchSharp

/// `exp(f . w) / (area 0F1(; n/2; |f|^2/4))` for vectors of norm 1 (von Mises 1918; Fisher 1953).
type internal MisesFisherDensity(parameter: float[]) =
    inherit Density()

    let size = int64 parameter.Length
    let concentration = parameter |> Array.sumBy (fun number -> number * number) |> sqrt

    let logConstant =
        lazy Special.logHypergeometric (float size / 2.0) (concentration * concentration / 4.0)

    /// The cosine of the angle to the direction, by Wood's rejection (1994) on the CPU, the rest uniform across.
    let cosines (count: int64) (generator: torch.Generator | null) : torch.Tensor =
        let n = float (size - 1L)
        let b = n / (2.0 * concentration + sqrt (4.0 * concentration * concentration + n * n))
        let x = (1.0 - b) / (1.0 + b)
        let c = concentration * x + n * log (1.0 - x * x)
        let halves = torch.full ([| count |], (n / 2.0).AsScalar(), dtype = torch.ScalarType.Float64)

        let proposed () =
            let first, second = torch._standard_gamma (halves, generator), torch._standard_gamma (halves, generator)
            let beta = first / (first + second)

            let cosine =
                (1.0.AsScalar() - beta * (1.0 + b).AsScalar()) / (1.0.AsScalar() - beta * (1.0 - b).AsScalar())

            let uniform = torch.rand (count, dtype = torch.ScalarType.Float64, generator = generator)

            let accepted =
                (cosine * concentration.AsScalar() + (1.0.AsScalar() - cosine * x.AsScalar()).log() * n.AsScalar()
                 - c.AsScalar())
                    .ge(uniform.log ())

            struct (cosine, accepted)

        let rec go (found: torch.Tensor) (isFound: torch.Tensor) =
            if isFound.all().item<bool>() then
                found
            else
                let struct (cosine, accepted) = proposed ()
                go (torch.where (isFound, found, cosine)) (isFound.logical_or accepted)

        go (torch.zeros_like halves) (torch.zeros_like (halves, dtype = torch.ScalarType.Bool))

    let unit (vectors: torch.Tensor) = vectors / vectors.square().sum([| -1L |], keepdim = true).sqrt()

    override _.Code = Code.call "Prior.vonMisesFisher" [ Numbers.code parameter ]
    override _.Support = Values.SphereValues.sphere 1.0

    override _.Fault form =
        if Form.isComplex form.Dtype then Some "real vectors"
        elif Array.last form.Shape <> size then Some $"vectors of {size} entries"
        else None

    override _.LogDensity tensor =
        (tensor * Numbers.vector tensor parameter).sum [| -1L |]
        - (Special.logArea size + logConstant.Value).AsScalar()

    override _.Correction tensor = ValueSome(Tensors.forEach 1 (Special.logArea size) tensor)

    override _.Sampler =
        Some(fun form generator ->
            let wide = { form with Dtype = torch.ScalarType.Float64; Device = torch.CPU }
            let normal = Form.normal generator wide

            if concentration = 0.0 then
                unit normal
            else
                let direction = Numbers.vector normal (parameter |> Array.map (fun number -> number / concentration))
                let count = Form.entries form / size

                let cosine =
                    if size = 1L then
                        let uniform = torch.rand (count, dtype = torch.ScalarType.Float64, generator = generator)
                        let likely = (1.0 / (1.0 + exp (-2.0 * concentration))).AsScalar()
                        torch.where (uniform.lt likely, torch.ones_like uniform, -(torch.ones_like uniform))
                    else
                        cosines count generator

                let cosine = cosine.reshape (Array.append form.Shape[.. form.Shape.Length - 2] [| 1L |])

                if size = 1L then
                    cosine * direction
                else
                    let across = unit (normal - direction * (normal * direction).sum([| -1L |], keepdim = true))
                    direction * cosine + across * (1.0.AsScalar() - cosine.square ()).clamp_min(0.0.AsScalar()).sqrt()
            |> _.``to``(form.Device))

/// `exp(tr(F^T W)) / (volume 0F1(; n/2; F^T F/4))` for n x k matrices with orthonormal columns (Downs 1972; Jupp & Mardia 1979),
/// without `0F1` where k > 1.
type internal LangevinDensity(parameter: float[,]) =
    inherit Density()

    let rows, columns = int64 (Array2D.length1 parameter), int64 (Array2D.length2 parameter)
    let squares = parameter |> Seq.cast<float> |> Seq.sumBy (fun number -> number * number)
    let isOne = min rows columns = 1L
    let logVolume = UniformMeasure.ofOrthonormal false rows columns

    let logConstant =
        lazy
            (if isOne then
                 Special.logHypergeometric (float (max rows columns) / 2.0) (squares / 4.0)
             else
                 0.0)

    override _.Code = Code.call "Prior.langevin" [ Numbers.matrixCode parameter ]
    override _.Support = Values.OrthogonalValues.orthogonal
    override this.IsOn space = base.IsOn space || space.IsWithin GroupSpaces.square
    override _.IsNormalized _ = isOne || squares = 0.0

    override _.Fault form =
        let count = form.Shape.Length

        if Form.isComplex form.Dtype then
            Some "real matrices"
        elif (form.Shape[count - 2], form.Shape[count - 1]) <> (rows, columns) then
            Some $"{rows} x {columns} matrices"
        else
            None

    override _.LogDensity tensor =
        (tensor * Numbers.matrix tensor parameter).sum [| -2L; -1L |]
        - (logVolume + logConstant.Value).AsScalar()

    override _.Correction tensor = ValueSome(Tensors.forEach 2 logVolume tensor)
