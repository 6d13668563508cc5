namespace Parametrize

open System
open TorchSharp

/// Random correlation matrices of the density `det^(shape - 1)` (Lewandowski, Kurowicka & Joe 2009).
[<RequireQualifiedAccess>]
module internal Lkj =

    /// A Cholesky factor of one, row by row (their section 3.2, the onion): the square of the length of the part of row k below the
    /// diagonal is `Beta(k/2, shape + (n-1-k)/2)`, and its direction is uniform.
    let sampleFactor (shape: float) (form: Form) (generator: torch.Generator | null) : torch.Tensor =
        let size = Array.last form.Shape
        let wide = { form with Dtype = torch.ScalarType.Float64 }
        let normal = (Form.normal generator wide).tril -1L
        let lengths = normal.Squared().sum([| -1L |], keepdim = true).sqrt()
        let rows = Tensors.range 0L size torch.ScalarType.Float64 form.Device

        let gamma (numbers: torch.Tensor) =
            let least = (Form.least torch.ScalarType.Float64).AsScalar()
            let numbers = numbers.expand(lengths.shape[.. lengths.shape.Length - 2]).contiguous()
            torch._standard_gamma(numbers, generator).clamp_min least

        let below = gamma (rows / 2.0.AsScalar())
        let diagonal = gamma ((shape + float (size - 1L) / 2.0).AsScalar() .- rows / 2.0.AsScalar())
        let both = below +. diagonal
        // The first row is its diagonal.
        let below = below * rows.gt (0.0.AsScalar())
        let diagonal = torch.where (rows.gt (0.0.AsScalar()), diagonal / both, torch.ones_like diagonal)
        let unit = normal / lengths.clamp_min ((Form.least torch.ScalarType.Float64).AsScalar())
        unit * (below / both).sqrt().unsqueeze -1L +. torch.diag_embed (diagonal.sqrt ())

/// `det(W)^(shape - 1) / c` by the entries below the diagonal, over `sqrt 2` for each by the norm.
type internal LkjDensity(shape: float) =
    inherit Density()

    override _.Code = Code.call "Prior.lkj" [ Code.Float shape ]
    override _.Support = Values.CorrelationValues.correlation

    override this.LogDensity tensor = this.LogDensityBy(tensor, ValueNone)

    override _.LogDensityBy(tensor, factors) =
        let size = Tensors.last tensor
        let constant = UniformMeasure.ofCorrelations shape size + UniformMeasure.ofTwice size

        if shape = 1.0 then
            Tensors.forEach 2 -constant tensor
        else
            Definite.measured tensor factors (fun _ logDet _ -> logDet * (shape - 1.0).AsScalar() - constant.AsScalar())

    override _.Settle samples = Definite.settled samples

    override _.Correction tensor = ValueSome(Tensors.forEach 2 (UniformMeasure.ofTwice (Tensors.last tensor)) tensor)

    override _.Sampler =
        Some(fun form generator ->
            let factor = Lkj.sampleFactor shape form generator
            let strict = (factor.matmul factor.mT).tril -1L
            strict +. strict.mT +. Tensors.eyeLike strict)

/// `prod L_kk^(n-k+2 shape-2) / c` for k from 2 by the entries below the diagonal, which is the density of `LkjDensity` for L L^T:
/// the rows lie on half spheres, whose areas are larger by `1 / L_kk`.
type internal LkjFactorDensity(shape: float) =
    inherit Density()

    let logDiagonal (factor: torch.Tensor) = (Tensors.diagonal factor).log()

    override _.Code = Code.call "Prior.lkjCholesky" [ Code.Float shape ]
    override _.Support = Values.CorrelationFactorValues.correlationCholesky

    override _.LogDensity tensor =
        let size = Tensors.last tensor
        let places = Tensors.range 0L size tensor.dtype tensor.device
        let powers = (float size + 2.0 * shape - 2.0).AsScalar() .- places
        let constant = UniformMeasure.ofCorrelations shape size
        (logDiagonal tensor * powers).sum [| -1L |] - constant.AsScalar()

    override _.Correction tensor = ValueSome((logDiagonal tensor).sum([| -1L |]).neg())
    override _.Sampler = Some(Lkj.sampleFactor shape)
