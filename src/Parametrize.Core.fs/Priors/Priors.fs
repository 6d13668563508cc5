namespace Parametrize

open System
open TorchSharp

/// Densities of constrained tensors, for Bayesian and maximum-a-posteriori training. A density is by the measure of the Frobenius
/// norm (`Measure.Frobenius`) on its space, for each independent tensor of a batch.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Prior =

    /// Independent normal entries of mean 0 and standard deviation `scale`: weight decay of `1 / (2 scale^2)` times the squared
    /// norm. For complex entries, the real and imaginary parts are independent. On a space smaller than all tensors, it is not
    /// normalised.
    let normal (scale: float) : Prior =
        Options.requirePositive (nameof scale) scale
        Prior(NormalDensity(0.0, scale))

    /// Independent normal entries around another mean, the same for each entry.
    let normalAround (mean: float) (scale: float) : Prior =
        Numbers.requireFinite (nameof mean) [ mean ]
        Options.requirePositive (nameof scale) scale
        Prior(NormalDensity(mean, scale))

    /// Independent entries of density `exp(-|x| / scale) / (2 scale)`: a lasso.
    let laplace (scale: float) : Prior =
        Options.requirePositive (nameof scale) scale
        Prior(LaplaceDensity scale)

    /// Independent entries of Student's density with so many degrees of freedom, Cauchy's for 1.
    let studentT (freedom: float) (scale: float) : Prior =
        Options.requireGammaAs (nameof freedom) "degrees of freedom" freedom
        Options.requirePositive (nameof scale) scale
        Prior(StudentDensity(freedom, scale))

    /// The density of what a value yields from parameters with a density: `log p(W) = log q(x) - logVolume`, at the x with
    /// `forward x = W`. Throws ArgumentException for values without a log volume in closed form, and where the parameters'
    /// density is not one of all tensors.
    let ofValue (value: Parametrization) (parameters: Prior) : Prior =
        if not (parameters.Space.IsClosedUnder Closure.Everything) then
            invalidArg
                (nameof parameters)
                $"Parameters need a density of all tensors, but {parameters} is one of {parameters.Space}."

        let hasVolume (node: Node) = box node :? IVolume || box node :? ISimilar

        match value.Nodes |> Seq.tryFind (hasVolume >> not) with
        | Some node ->
            invalidArg
                (nameof value)
                $"The volume of {value} is not known in closed form: {node} does not implement `IVolume`."
        | None -> Prior(PushforwardDensity(value, parameters))

    /// The constant density of a compact space, `-log volume`: of probability vectors, vectors of a norm (also as columns,
    /// `oblique`), matrices with orthonormal columns or rows, rotations, unitary matrices, correlation matrices and their
    /// Cholesky factors, and tensors between two numbers. Throws ArgumentException for values that yield others.
    let uniform (value: Parametrization) : Prior =
        if UniformMeasure.isKnown value then
            Prior(UniformDensity value)
        else
            invalidArg
                (nameof value)
                $"{value} yields {Brief.ofName (Tree.space value.Tree).Name}, which are not known to have a finite volume."

    /// Dirichlet's density of probability vectors, `Gamma(sum a_i) / prod Gamma(a_i) prod w_i^(a_i - 1)` of all entries but one;
    /// the Frobenius measure divides it by sqrt n. A single concentration counts for all entries. Throws ArgumentException unless
    /// all concentrations are positive and at most 1e9.
    let dirichlet (concentrations: float seq) : Prior =
        let numbers = Seq.toArray concentrations

        if numbers.Length = 0 then
            invalidArg
                (nameof concentrations)
                "Dirichlet's density needs a concentration for each entry, or one for all."

        for number in numbers do
            Options.requireGammaAs (nameof concentrations) "concentrations" number

        Prior(DirichletDensity numbers)

    /// Correlation matrices of density `det(W)^(shape - 1) / c` by the entries below the diagonal (Lewandowski, Kurowicka & Joe
    /// 2009), over sqrt 2 for each of them by the norm: uniform for 1, nearer to the identity above.
    let lkj (shape: float) : Prior =
        Options.requireGammaAs (nameof shape) "shape" shape
        Prior(LkjDensity shape)

    /// Cholesky factors L of correlation matrices L L^T with the density `lkj shape`. For the entries below the diagonal, L has
    /// the density `prod L_kk^(n-k+2 shape-2) / c` for k from 2, as in Stan; the Frobenius measure multiplies it by `prod L_kk`.
    let lkjCholesky (shape: float) : Prior =
        Options.requireGammaAs (nameof shape) "shape" shape
        Prior(LkjFactorDensity shape)

    let private requireFreedom (freedom: float) : unit =
        Options.requireGammaAs (nameof freedom) "degrees of freedom" freedom

    /// Wishart's density (1928) of real positive definite n x n matrices, for more than n - 1 degrees of freedom, with `scale`
    /// times the identity: `|W|^((v-n-1)/2) exp(-tr(S^-1 W)/2) / (2^(vn/2) |S|^(v/2) Gamma_n(v/2))` by the entries on and below
    /// the diagonal, over sqrt 2 for each below it by the norm. The mean is v S.
    let wishart (freedom: float) (scale: float) : Prior =
        requireFreedom freedom
        Options.requirePositive (nameof scale) scale
        Prior(WishartDensity(freedom, Scale.Multiple scale))

    /// The same density with a positive definite matrix as the scale. Throws ArgumentException for other matrices.
    let wishartOf (freedom: float) (scale: float[,]) : Prior =
        requireFreedom freedom
        Prior(WishartDensity(freedom, Scale.ofMatrix scale))

    /// The density of the inverse of a Wishart matrix, with `scale` times the identity: `|S|^(v/2) |W|^(-(v+n+1)/2) exp(-tr(S
    /// W^-1)/2) / (2^(vn/2) Gamma_n(v/2))`, over sqrt 2 as `wishart`. The mean is S / (v - n - 1).
    let inverseWishart (freedom: float) (scale: float) : Prior =
        requireFreedom freedom
        Options.requirePositive (nameof scale) scale
        Prior(InverseWishartDensity(freedom, Scale.Multiple scale))

    /// The same density with a positive definite matrix as the scale. Throws ArgumentException for other matrices.
    let inverseWishartOf (freedom: float) (scale: float[,]) : Prior =
        requireFreedom freedom
        Prior(InverseWishartDensity(freedom, Scale.ofMatrix scale))

    let private requireNorm (name: string) (numbers: float[]) : unit =
        let struct (norm, _) = MisesFisher.concentration numbers
        Numbers.requireFinite name numbers
        Numbers.requireFinite $"the norm of {name}" [ norm ]

    /// The density `exp(f . w) / c` of real vectors of norm 1 (von Mises, Fisher). It concentrates around the direction of f,
    /// more strongly for a longer f. Normalised: `c = area 0F1(; n/2; |f|^2/4)`, a Bessel function I.
    let vonMisesFisher (parameter: float seq) : Prior =
        let numbers = Seq.toArray parameter
        requireNorm (nameof parameter) numbers

        if numbers.Length = 0 then
            invalidArg (nameof parameter) "The density of vectors needs a number for each entry."

        Prior(MisesFisherDensity numbers)

    /// The density `exp(tr(F^T W)) / c` of real n x k matrices with orthonormal columns or rows, and of rotations (Langevin, von
    /// Mises and Fisher; Downs 1972, Jupp & Mardia 1979, Chikuse 2003). `c = volume 0F1(; n/2; F^T F/4)` is normalised for k = 1;
    /// for more columns the function of a matrix is left out: `c = volume`, and densities are right up to a constant.
    let langevin (parameter: float[,]) : Prior =
        requireNorm (nameof parameter) (Seq.toArray (Seq.cast<float> parameter))

        if parameter.Length = 0 then
            invalidArg (nameof parameter) "The density of matrices needs a number for each entry."

        Prior(LangevinDensity(Array2D.copy parameter))

    let private expects (prior: Prior) (form: Form) (expected: string) : string =
        if expected.EndsWith '.' || expected.EndsWith ')' then
            expected
        else
            $"{prior} expects {expected}, but the tensor is {form}."

    /// The error for a tensor that does not suit; it names the prior, which the user has given.
    let private message (prior: Prior) (error: ParametrizationError) : string =
        let named =
            match error with
            | ParametrizationError.WrongShape(_, expected, found) ->
                ParametrizationError.WrongShape(string prior, expected, found)
            | ParametrizationError.WrongDtype(_, expected, found) ->
                ParametrizationError.WrongDtype(string prior, expected, found)
            | ParametrizationError.NotFinite(_, count) -> ParametrizationError.NotFinite(string prior, count)
            | other -> other

        named.Message

    /// Why a tensor of that form has no density, whatever its numbers.
    let private faultOfForm (prior: Prior) (form: Form) : string option =
        match Parametrization.parameterForms prior.Density.Support form with
        | Error error -> Some(message prior error)
        | Ok _ -> prior.Density.Fault form |> Option.map (expects prior form)

    /// Whether the density has the integral 1 over all tensors of that form. All have, except `langevin` with several columns.
    let isNormalized (form: Form) (prior: Prior) : bool = prior.Density.IsNormalized form

    let private measured (measure: Measure) (prior: Prior) (tensor: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let wide = Tensors.widen tensor
        let density = prior.Density.Of(wide, ValueNone)

        let corrected =
            match measure with
            | Measure.Frobenius -> density
            | Measure.Textbook ->
                match prior.Density.Correction wide with
                | ValueSome correction -> density +. correction
                | ValueNone -> density

        scope.MoveToOuter corrected

    /// The log density with respect to a measure; with `Measure.Textbook`, it agrees with the formulas of textbooks. Otherwise as
    /// `logDensity`. For `ofValue`, both measures give the same number.
    let logDensityBy (measure: Measure) (prior: Prior) (tensor: torch.Tensor) : torch.Tensor =
        match faultOfForm prior (Form.ofTensor tensor) with
        | Some fault -> invalidArg (nameof tensor) fault
        | None ->
            use detached = tensor.detach ()

            match Parametrization.contains prior.Density.Support detached with
            | Error error -> invalidArg (nameof tensor) (message prior error)
            | Ok() -> measured measure prior tensor

    /// The log density of each independent tensor of a batch, in the shape of the dimensions before: a number for each entry of
    /// free tensors, for each vector, for each matrix. In float32 for 16-bit tensors. Differentiable; the caller disposes it.
    /// Throws ArgumentException for a tensor that is not in the space, as it does for a form that has no density.
    let logDensity (prior: Prior) (tensor: torch.Tensor) : torch.Tensor = logDensityBy Measure.Frobenius prior tensor

    /// The density if it is `ofValue` of this value: it can then be computed from the parameters, without an inverse.
    let private along (value: Parametrization) (prior: Prior) : PushforwardDensity option =
        match box prior.Density with
        | :? PushforwardDensity as density when density.Value = value -> Some density
        | _ -> None

    /// Whether what a value yields is in the space of the density.
    let internal isOn (prior: Prior) (value: Parametrization) : bool =
        (along value prior).IsSome || prior.Density.IsOn(Tree.space value.Tree)

    /// Why the density does not suit what a value yields from parts; None where it does. Nothing is computed.
    let internal faultOfParts (byParameters: bool) (prior: Prior) (value: Parametrization) (parts: Parts) =
        let form = Evaluation.outputForm parts
        let space = Tree.space value.Tree

        match along value prior with
        | Some density -> density.FaultOf parts
        | None ->
            if not (prior.Density.IsOn space) then
                Some
                    $"{prior} is a density of {Brief.ofName prior.Space.Name}, but {value} yields {Brief.ofName space.Name}."
            else
                match faultOfForm prior form with
                | None when byParameters && not (Volume.hasClosedForm value.Program form parts) ->
                    Some $"The volume of {value} is not known in closed form, which a density of its parameters needs."
                | fault -> fault

    /// The sum of the log densities of what parts yield, that of the parameters if wanted; `present` gives the tensor where it is
    /// needed. The caller has checked that the prior suits.
    let internal ofPresent
        (byParameters: bool)
        (prior: Prior)
        (value: Parametrization)
        (parts: Parts)
        (present: Func<torch.Tensor>)
        : torch.Tensor =
        use scope = torch.NewDisposeScope()

        let sum =
            match along value prior with
            | Some density when byParameters -> density.OfParameters parts
            | Some density -> (density.OfParts parts).sum()
            | None ->
                let factors =
                    {
                        LogAbsDet = fun () -> Parametrization.logAbsDet value parts
                        Solve =
                            fun right ->
                                Parametrization.solve value parts (right.``to`` (Evaluation.outputForm parts).Dtype)
                    }

                let density = (prior.Density.Of(present.Invoke(), ValueSome factors)).sum()

                if byParameters then
                    density +. (Parametrization.logVolume value parts).Value
                else
                    density

        scope.MoveToOuter sum

    let private ofParts (byParameters: bool) (prior: Prior) (value: Parametrization) (parts: Parts) =
        match faultOfParts byParameters prior value parts with
        | Some fault -> invalidArg (nameof prior) fault
        | None -> ofPresent byParameters prior value parts (Func<_>(fun () -> Parametrization.forward value parts))

    /// The sum of the log densities of the tensors that parts yield: one number, differentiable by the parameters, which the caller
    /// disposes. With `ofValue` of the same value nothing is undone, so that values of several parameters have one as well. Throws
    /// ArgumentException where what the value yields is not in the space of the prior.
    let logDensityOfParts (prior: Prior) (value: Parametrization) (parts: Parts) : torch.Tensor =
        ofParts false prior value parts

    /// The log density as a density of the parameters: `log p(W) + logVolume`. Its maximum depends on the map by which the tensor
    /// is computed; that of `logDensityOfParts` does not. Throws ArgumentException for values without a log volume in closed form,
    /// too.
    let logDensityOfParameters (prior: Prior) (value: Parametrization) (parts: Parts) : torch.Tensor =
        ofParts true prior value parts

    /// Whether `sample` draws from it.
    let canSample (prior: Prior) : bool = prior.Density.Sampler.IsSome

    /// Why the prior cannot be sampled in this form. Unlike `logDensity`, sampling needs no inverse of a value.
    let private faultOfSampled (prior: Prior) (form: Form) : string option =
        match box prior.Density, Parametrization.parameterForms prior.Density.Support form with
        | _, Error error -> Some(message prior error)
        | :? PushforwardDensity, Ok _ -> None
        | _, Ok _ -> prior.Density.Fault form |> Option.map (expects prior form)

    /// Independent random tensors of the density, allowed by its space. Without a generator that of the device is used, with
    /// one they are drawn on the CPU and moved. Throws ArgumentException for a form that has no density, and for priors that
    /// cannot be drawn from (`canSample`).
    let sample (prior: Prior) (form: Form) (generator: torch.Generator option) : torch.Tensor =
        let support = prior.Density.Support
        // An empty batch suits where one of a tensor does.
        let tried = { form with Shape = form.Shape |> Array.map (max 1L) }

        let settled draw (form: Form) (generator: torch.Generator | null) =
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            let drawn: torch.Tensor = draw (Form.widened form) generator
            // The largest numbers stand for larger ones, as in what values yield.
            let drawn = Entrywise.within (Form.greatest form.Dtype) drawn
            let narrow = prior.Density.Settle(drawn.``to`` (form.Dtype, copy = true))

            if support.Program.HasRightInverse then
                scope.MoveToOuter(Parametrization.project support narrow)
            else
                scope.MoveToOuter narrow

        match faultOfSampled prior tried with
        | Some fault -> invalidArg (nameof form) fault
        | None ->
            match prior.Density.Sampler with
            | None -> invalidArg (nameof prior) $"{prior} cannot be sampled: no sampler is known for it."
            | Some _ when Form.entries form = 0L -> torch.zeros (form.Shape, dtype = form.Dtype, device = form.Device)
            | Some draw -> Form.drawn (settled draw) (Option.toObj generator) form
