namespace Parametrize

open TorchSharp

/// `Gamma(sum a_i) / prod Gamma(a_i) prod w_i^(a_i - 1)` by all entries but one, over sqrt n by the norm.
type internal DirichletDensity(concentrations: float[]) =
    inherit Density()

    let forSize (size: int64) : float[] =
        if concentrations.Length = 1 then
            Array.replicate (int size) concentrations[0]
        else
            concentrations

    override _.Code = Code.call "Prior.dirichlet" [ Numbers.code concentrations ]
    override _.Support = Values.SimplexValues.simplex

    override _.Fault form =
        let size = Array.last form.Shape

        if concentrations.Length = 1 || int64 concentrations.Length = size then
            None
        else
            Some $"probability vectors of {concentrations.Length} entries"

    override _.IsWide = false

    /// A number that rounding has made zero counts as the least one: else gradients of it would not be finite.
    override _.LogDensity tensor =
        let wide = (tensor.clamp_min ((Form.least tensor.dtype).AsScalar())).``to`` torch.ScalarType.Float64

        let numbers = forSize (Tensors.last tensor)

        let constant =
            Special.logGamma (Array.sum numbers)
            - Array.sumBy Special.logGamma numbers
            - log (float numbers.Length) / 2.0

        let powers = Numbers.vector wide (numbers |> Array.map (fun number -> number - 1.0))
        ((wide.log () * powers).sum [| -1L |] .+ constant.AsScalar()).``to`` tensor.dtype

    override _.Correction tensor = ValueSome(Tensors.forEach 1 (log (float (Tensors.last tensor)) / 2.0) tensor)

    /// Gamma numbers over their sum, by logarithms: `G(a) = G(a + 1) U^(1/a)` would underflow for small a.
    override _.Sampler =
        Some(fun form generator ->
            let zeros = torch.zeros (form.Shape, dtype = torch.ScalarType.Float64, device = form.Device)

            let a = zeros +. Numbers.vector zeros (forSize (Array.last form.Shape))
            let gamma = torch._standard_gamma (a .+ 1.0.AsScalar(), generator)

            let uniform = Form.uniform generator { form with Dtype = torch.ScalarType.Float64 }

            let least = (Form.least torch.ScalarType.Float64).AsScalar()
            (gamma.log () +. uniform.clamp_min(least).log() / a).softmax -1L)
