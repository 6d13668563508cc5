namespace Parametrize

open System
open TorchSharp

/// A density of independent entries, given for one; the real and imaginary parts of complex entries are independent as well.
[<AbstractClass>]
type internal EntryDensity(name: string, options: float list) =
    inherit Density()

    abstract OfReals: x: torch.Tensor -> torch.Tensor
    abstract Draw: form: Form * generator: (torch.Generator | null) -> torch.Tensor

    override _.IsWide = false
    override _.Code = Code.call $"Prior.{name}" (options |> List.map Code.Float)
    override _.Support = Parametrization.identity

    /// The log densities of the entries at which the mask is true, zeros for the others. For complex entries the mask has a last
    /// dimension of two.
    member this.OfSome(tensor: torch.Tensor, mask: torch.Tensor voption) : torch.Tensor =
        let each = this.OfReals(Tensors.reals tensor)

        let each =
            match mask with
            | ValueSome mask -> torch.where (mask, each, torch.zeros_like each)
            | ValueNone -> each

        if tensor.is_complex () then each.sum [| -1L |] else each

    override this.LogDensity tensor = this.OfSome(tensor, ValueNone)

    override this.Sampler =
        Some(fun form generator ->
            match form.Dtype with
            | torch.ScalarType.ComplexFloat32
            | torch.ScalarType.ComplexFloat64 ->
                let real =
                    if form.Dtype = torch.ScalarType.ComplexFloat64 then
                        torch.ScalarType.Float64
                    else
                        torch.ScalarType.Float32

                let both = { form with Shape = Array.append form.Shape [| 2L |]; Dtype = real }
                torch.view_as_complex (this.Draw(both, generator))
            | _ -> this.Draw(form, generator))

/// `exp(-(x - mean)^2 / (2 scale^2)) / (scale sqrt(2 pi))`.
type internal NormalDensity(mean: float, scale: float) =
    inherit
        EntryDensity(
            (if mean = 0.0 then "normal" else "normalAround"),
            (if mean = 0.0 then [ scale ] else [ mean; scale ])
        )

    override _.OfReals x =
        ((x - mean.AsScalar()) / scale.AsScalar()).Squared() * (-0.5).AsScalar()
        - (log scale + log (2.0 * Math.PI) / 2.0).AsScalar()

    override _.Draw(form, generator) = Form.normal generator form * scale.AsScalar() .+ mean.AsScalar()

/// `exp(-|x| / scale) / (2 scale)`.
type internal LaplaceDensity(scale: float) =
    inherit EntryDensity("laplace", [ scale ])

    override _.OfReals x = -(x.abs () / scale.AsScalar()) - (log (2.0 * scale)).AsScalar()

    /// The difference of two exponential numbers.
    override _.Draw(form, generator) =
        let exponential () =
            let uniform = Form.uniform generator form
            -(uniform.neg().log1p())

        (exponential () - exponential ()) * scale.AsScalar()

/// `Gamma((v+1)/2) / (Gamma(v/2) sqrt(v pi) scale) (1 + (x/scale)^2 / v)^(-(v+1)/2)`.
type internal StudentDensity(freedom: float, scale: float) =
    inherit EntryDensity("studentT", [ freedom; scale ])

    let power = (freedom + 1.0) / 2.0

    override _.OfReals x =
        let constant =
            Special.logGamma power
            - Special.logGamma (freedom / 2.0)
            - log (freedom * Math.PI) / 2.0
            - log scale

        // log (1 + r^2), whose square may be beyond all numbers.
        let r = x.abs () / (scale * sqrt freedom).AsScalar()
        let isLarge = r.gt (1.0.AsScalar())
        let ones = torch.ones_like r
        let small, large = torch.where (isLarge, ones, r), torch.where (isLarge, r, ones)

        let logarithm =
            torch.where (
                isLarge,
                large.log () * 2.0.AsScalar() +. large.reciprocal().Squared().log1p(),
                small.Squared().log1p()
            )

        logarithm * (-power).AsScalar() .+ constant.AsScalar()

    override _.Draw(form, generator) =
        let normal = Form.normal generator form
        let half = torch.full_like (normal, (freedom / 2.0).AsScalar())
        let variance = torch._standard_gamma (half, generator) * (2.0 / freedom).AsScalar()
        normal * scale.AsScalar() / variance.sqrt().clamp_min((Form.least form.Dtype).AsScalar())
