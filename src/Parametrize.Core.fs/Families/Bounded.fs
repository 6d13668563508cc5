namespace Parametrize

open System
open TorchSharp

/// Tensors between two numbers: `lo + (hi - lo) sigmoid x`, or a half line by softplus when the other end is infinite.
type internal BoundedLink(lo: float, hi: float) =
    inherit Link()

    let shown (bound: float) = if Double.IsInfinity bound then Typed.float bound else string bound

    let typed (bound: float) = Typed.argument (Typed.float bound)

    /// The largest |x| at which sigmoid and softplus still tell x from infinity, so that a weight on the boundary,
    /// where rounding puts it, has a finite parameter.
    let limit (dtype: torch.ScalarType) = if dtype = torch.ScalarType.Float64 then 700.0 else 87.0

    let above (tensor: torch.Tensor) = (tensor - lo.ToScalar()).relu()
    let below (tensor: torch.Tensor) = (hi.ToScalar() - tensor).relu()

    override _.Code = $"bounded {typed lo} {typed hi}"
    override _.Requirement = Requirement.realEntries
    override _.Domain = Domain.Anything
    override _.Codomain = Space.Interval(lo, hi)

    override _.Forward(inputs, _) =
        let x = inputs[0]

        if Double.IsInfinity hi then
            (Entrywise.softplus x + lo.ToScalar()).clamp_max((Entrywise.greatest x.dtype).ToScalar())
        elif Double.IsInfinity lo then
            (hi.ToScalar() - Entrywise.softplus x).clamp_min((-(Entrywise.greatest x.dtype)).ToScalar())
        else
            // From the nearer end, so that small distances to either bound keep their digits.
            let fromLo = x.sigmoid () * (hi - lo).ToScalar() + lo.ToScalar()
            let fromHi = hi.ToScalar() - (-x).sigmoid() * (hi - lo).ToScalar()
            torch.where(x.lt (0.0.ToScalar()), fromLo, fromHi).clamp(lo.ToScalar(), hi.ToScalar())

    override _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    override _.Contains(_, tensor, epsilon) =
        let below = lo - Tensors.number (tensor.min ())
        let above = Tensors.number (tensor.max ()) - hi
        // A bound that the element type cannot represent is rounded in every computation, to either side.
        let finite = [ lo; hi ] |> List.filter Double.IsFinite |> List.map abs |> List.max
        Violation.unless $"{shown lo} <= W_ij <= {shown hi}" (max below above) (epsilon * finite)

    override _.RightInverse(_, tensor, _) =
        let wide = Tensors.inDouble tensor
        let limit = limit tensor.dtype

        let inverse =
            if Double.IsInfinity hi then Entrywise.softplusInverse (above wide)
            elif Double.IsInfinity lo then Entrywise.softplusInverse (below wide)
            else (above wide).log() - (below wide).log()

        let inverse =
            if Double.IsInfinity lo || Double.IsInfinity hi then
                inverse.clamp_min ((-limit).ToScalar())
            else
                inverse.clamp ((-limit).ToScalar(), limit.ToScalar())

        LinkParts.ofInput (inverse.``to`` tensor.dtype)

    override _.Nearest(tensor, _) = tensor.clamp (lo.ToScalar(), hi.ToScalar())

    override _.Sample(form, generator) =
        if Double.IsInfinity lo || Double.IsInfinity hi then
            let distance = (Form.normal generator form).abs()

            if Double.IsInfinity hi then
                distance + lo.ToScalar()
            else
                hi.ToScalar() - distance
        else
            let uniform = torch.rand (form.Shape, dtype = form.Dtype, device = form.Device, generator = generator)
            (uniform * (hi - lo).ToScalar() + lo.ToScalar()).clamp(lo.ToScalar(), hi.ToScalar())
