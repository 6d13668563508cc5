namespace Parametrize

open System
open System.Globalization
open TorchSharp

/// The scale of a density of positive definite matrices: a multiple of the identity of any size, or a matrix.
[<RequireQualifiedAccess>]
type internal Scale =
    | Multiple of float
    | Matrix of float[,]

[<RequireQualifiedAccess>]
module internal Scale =

    /// Throws ArgumentException for what is not symmetric and positive definite.
    let ofMatrix (scale: float[,]) : Scale =
        let size = Array2D.length1 scale
        Numbers.requireFinite (nameof scale) (Seq.cast<float> scale)

        if size = 0 || Array2D.length2 scale <> size then
            invalidArg (nameof scale) $"The scale must be a square matrix, but it is {size} x {Array2D.length2 scale}."

        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let matrix = torch.tensor (scale, dtype = torch.ScalarType.Float64, device = torch.CPU)

        if Tensors.largest (matrix - matrix.mT) > 0.0 then
            invalidArg (nameof scale) "The scale must be a symmetric matrix, but it is not."

        let struct (_, info) = torch.linalg.cholesky_ex matrix

        if info.item<int>() <> 0 then
            invalidArg (nameof scale) "The scale must be a positive definite matrix, but it is not."

        Scale.Matrix(Array2D.copy scale)

    let code (scale: Scale) : Code =
        match scale with
        | Scale.Multiple number -> Code.Float number
        | Scale.Matrix matrix -> Numbers.matrixCode matrix

    /// As a matrix beside others.
    let matrix (like: torch.Tensor) (scale: Scale) : torch.Tensor =
        match scale with
        | Scale.Multiple number -> Tensors.eyeLike like * number.AsScalar()
        | Scale.Matrix numbers -> Numbers.matrix like numbers

    let inverse (like: torch.Tensor) (scale: Scale) : torch.Tensor =
        match scale with
        | Scale.Multiple number -> Tensors.eyeLike like * (1.0 / number).AsScalar()
        | Scale.Matrix numbers ->
            let wide = torch.tensor (numbers, dtype = torch.ScalarType.Float64, device = torch.CPU)
            (torch.linalg.inv wide).``to``(like.dtype, like.device)

    let logDeterminant (size: int64) (scale: Scale) : float =
        match scale with
        | Scale.Multiple number -> float size * log number
        | Scale.Matrix numbers ->
            use _ = torch.NewDisposeScope()
            let wide = torch.tensor (numbers, dtype = torch.ScalarType.Float64, device = torch.CPU)
            let struct (_, logarithm) = torch.linalg.slogdet wide
            Tensors.number logarithm

    /// Why a form has no density: a whole sentence, or the words for what is expected.
    let fault (prior: string) (freedom: float) (scale: Scale) (form: Form) : string option =
        let size = Array.last form.Shape

        match scale with
        | _ when Form.isComplex form.Dtype -> Some "real matrices"
        | _ when not (freedom > float size - 1.0) ->
            Some
                $"{size} x {size} matrices need more than {size - 1L} degrees of freedom, but {prior} has {freedom.ToString CultureInfo.InvariantCulture}."
        | Scale.Matrix matrix when int64 (Array2D.length1 matrix) <> size ->
            Some $"matrices of {Array2D.length1 matrix} rows and columns, as its scale"
        | _ -> None

/// What Wishart's density and that of inverses have in common. The formulas are for the entries on and below the diagonal; the
/// Frobenius measure divides by `sqrt 2` for each entry below.
[<AbstractClass>]
type internal WishartBase(freedom: float, scale: Scale) =
    inherit Density()

    /// `v n / 2 log 2 + log Gamma_n(v/2)`.
    member _.Constant(size: int64) : float =
        freedom * float size / 2.0 * log 2.0
        + Special.logMultiGamma size (freedom / 2.0)
        + UniformMeasure.ofTwice size

    /// Bartlett's decomposition (1933): the factor of a matrix with the identity as scale has normal numbers below the diagonal, and
    /// on it the roots of chi-squared ones of v, v - 1, ... degrees of freedom.
    member _.Factor(form: Form, generator: torch.Generator | null) : torch.Tensor =
        let size = Array.last form.Shape
        let wide = { form with Dtype = torch.ScalarType.Float64 }
        let normal = (Form.normal generator wide).tril -1L
        let rows = Tensors.range 0L size torch.ScalarType.Float64 form.Device

        let halves =
            ((freedom.AsScalar() .- rows) / 2.0.AsScalar()).expand_as(Tensors.diagonal normal).contiguous()

        let squares = torch._standard_gamma (halves, generator) * 2.0.AsScalar()

        normal
        +. torch.diag_embed (squares.clamp_min((Form.least torch.ScalarType.Float64).AsScalar()).sqrt())

    override _.Support = Values.PositiveDefiniteValues.spd
    override this.LogDensity tensor = this.LogDensityBy(tensor, ValueNone)
    override _.Settle samples = Definite.settled samples
    override this.Fault form = Scale.fault (FSharpText.ofCode this.Code) freedom scale form
    override _.Correction tensor = ValueSome(Tensors.forEach 2 (UniformMeasure.ofTwice (Tensors.last tensor)) tensor)

/// `|W|^((v-n-1)/2) exp(-tr(S^-1 W)/2) / (2^(vn/2) |S|^(v/2) Gamma_n(v/2))` (Wishart 1928).
type internal WishartDensity(freedom: float, scale: Scale) =
    inherit WishartBase(freedom, scale)

    override _.Code =
        match scale with
        | Scale.Multiple _ -> Code.call "Prior.wishart" [ Code.Float freedom; Scale.code scale ]
        | Scale.Matrix _ -> Code.call "Prior.wishartOf" [ Code.Float freedom; Scale.code scale ]

    override this.LogDensityBy(tensor, factors) =
        let size = Tensors.last tensor
        let constant = this.Constant size + freedom / 2.0 * Scale.logDeterminant size scale

        Definite.measured tensor factors (fun matrix logDet _ ->
            let trace = (Scale.inverse matrix scale * matrix).sum [| -2L; -1L |]

            logDet * ((freedom - float size - 1.0) / 2.0).AsScalar()
            - trace / 2.0.AsScalar()
            - constant.AsScalar())

    override this.Sampler =
        Some(fun form generator ->
            let factor = this.Factor(form, generator)
            let factor = (torch.linalg.cholesky (Scale.matrix factor scale)).matmul factor
            factor.matmul factor.mT)

/// Of the inverse of a Wishart matrix with the inverse scale:
/// `|S|^(v/2) |W|^(-(v+n+1)/2) exp(-tr(S W^-1)/2) / (2^(vn/2) Gamma_n(v/2))`.
type internal InverseWishartDensity(freedom: float, scale: Scale) =
    inherit WishartBase(freedom, scale)

    override _.Code =
        match scale with
        | Scale.Multiple _ -> Code.call "Prior.inverseWishart" [ Code.Float freedom; Scale.code scale ]
        | Scale.Matrix _ -> Code.call "Prior.inverseWishartOf" [ Code.Float freedom; Scale.code scale ]

    override this.LogDensityBy(tensor, factors) =
        let size = Tensors.last tensor
        let constant = this.Constant size - freedom / 2.0 * Scale.logDeterminant size scale
        let scale = (Scale.matrix tensor scale).expand_as tensor

        Definite.measured tensor factors (fun _ logDet solve ->
            let trace = (Tensors.diagonal (solve scale)).sum [| -1L |]

            logDet * (-(freedom + float size + 1.0) / 2.0).AsScalar()
            - trace / 2.0.AsScalar()
            - constant.AsScalar())

    override this.Sampler =
        Some(fun form generator ->
            let factor = this.Factor(form, generator)
            let root = torch.linalg.cholesky (Scale.matrix factor scale)
            // S^-1 = R^-T R^-1, whose Wishart matrix is R^-T L L^T R^-1: the inverse is R L^-T (R L^-T)^T.
            let columns =
                torch.linalg.solve_triangular (factor, root.mT.expand_as(factor).contiguous(), upper = false)

            let found = columns.mT.matmul columns
            // Few degrees of freedom yield numbers beyond those of an element type.
            let largest = found.abs().amax([| -2L; -1L |], keepdim = true)
            let greatest = (Form.greatest form.Dtype / 16.0).AsScalar()
            let finite = found.nan_to_num (0.0, Form.greatest form.Dtype, 0.0)
            torch.where (largest.le greatest, found, finite * (greatest / largest.clamp_min greatest)))
