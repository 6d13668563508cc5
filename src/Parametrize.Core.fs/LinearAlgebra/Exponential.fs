namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// The exponential of skew-symmetric (skew-Hermitian) matrices: polynomials in three to five products
/// (`ExponentialPolynomials`), scaling and squaring. On the CPU products are so much faster than factorizations that this beats
/// Pade approximants, forward and backward. A skew matrix is normal: the error is that of the scalar polynomial at its
/// eigenvalues, and norms of powers bound these well.
[<RequireQualifiedAccess>]
module internal Exponential =

    /// The Frobenius norm of each matrix of the batch, without a graph.
    let private norms (a: torch.Tensor) : float[] =
        use _ = torch.no_grad ()
        use norm = torch.linalg.norm (a, [| -2L; -1L |])
        Tensors.toArray<float>(Tensors.inDouble norm)

    /// A bound on the spectral norm of each a from the Frobenius norm of its power: the eigenvalues of a real one come in pairs.
    let private bounds (a: torch.Tensor) (power: torch.Tensor) (exponent: float) : float[] =
        let pairs = if a.is_complex () then 1.0 else sqrt 0.5
        norms power |> Array.map (fun norm -> Math.Pow(norm * pairs, 1.0 / exponent))

    /// The largest number; NaN if one of them is.
    let private largestOf (numbers: float[]) : float = Array.fold max 0.0 numbers

    /// How often each matrix has to be squared again after scaling.
    let private squarings (a: torch.Tensor) (sizes: float[]) : float[] =
        sizes
        |> Array.map (fun size -> max 0.0 (ceil (Math.Log2(size / ExponentialPolynomials.highReach a))))

    /// The largest x with x^3 - c x = r, from above, where c and r are not negative.
    let private largestRoot (c: float) (r: float) : float =
        let newton (x: float) = x - (x * x * x - c * x - r) / (3.0 * x * x - c)

        if r = 0.0 then
            sqrt c
        else
            Seq.fold (fun x () -> newton x) (sqrt c + Math.Cbrt r) (Seq.replicate 8 ())

    /// A bound closer than that by A^6 alone: with A^6 = c A^2 + R, an eigenvalue i y has y^6 - c y^2 <= |R|.
    let private boundsByRest (a: torch.Tensor) (square: torch.Tensor) (sixth: torch.Tensor) : float[] =
        use _scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let product (left: torch.Tensor) (right: torch.Tensor) = (left.conj().mul right).sum([| -2L; -1L |], true).real
        let share = product square sixth / (product square square).clamp_min(1e-30.AsScalar())
        let rest = bounds a (sixth.sub (square.mul share)) 1.0
        Array.map2 (fun c r -> sqrt (largestRoot (max 0.0 c) r)) (Tensors.toArray<float>(Tensors.inDouble share)) rest

    /// The squarings by closer bounds, which use A^6, and a function that gives A^6. In single precision A^6 is needed for the
    /// bounds only, so it is computed, without a graph, only if the bounds by A^2 ask for squarings.
    let private squaringsBy (a: torch.Tensor) (square: torch.Tensor) (sizes: float[]) (cube: torch.Tensor) =
        let closer (sixth: torch.Tensor) =
            let sizes = Array.map2 min sizes (bounds a sixth 6.0)
            let counts = squarings a sizes

            // A squaring of small matrices costs less. Beyond this norm squares of A^6 overflow in float32.
            let isWorth = Tensors.last a >= 256L && largestOf counts > 0.0 && largestOf sizes < 1e3

            if isWorth then
                squarings a (Array.map2 min sizes (boundsByRest a square sixth))
            else
                counts

        if ExponentialPolynomials.isSingle a then
            let bySquare = squarings a sizes

            if largestOf bySquare = 0.0 then
                struct (bySquare, (fun () -> cube.matmul cube))
            else
                let cube = cube.detach ()
                let sixth = cube.matmul cube
                struct (closer sixth, (fun () -> sixth))
        else
            let sixth = cube.matmul cube
            struct (closer sixth, (fun () -> sixth))

    /// A number for each matrix of the batch.
    let private forEach (a: torch.Tensor) (dtype: torch.ScalarType) (numbers: float[]) : torch.Tensor =
        let shape = Array.append a.shape[.. int (a.dim ()) - 3] [| 1L; 1L |]
        torch.tensor (numbers, ReadOnlySpan shape, dtype = dtype, device = a.device)

    /// Each matrix times that power of two.
    let private scaledBy (exponents: float[]) (a: torch.Tensor) : torch.Tensor =
        let scales = exponents |> Array.map (fun exponent -> Math.Pow(2.0, exponent))

        if Array.forall ((=) 1.0) scales then a
        elif Array.forall ((=) scales[0]) scales then a * scales[0].AsScalar()
        else a * forEach a a.dtype scales

    /// Squares each matrix of the batch its own number of times.
    let private squareAgain (counts: float[]) (after: int -> torch.Tensor -> torch.Tensor) (q: torch.Tensor) =
        let least, most = int (Array.min counts), int (Array.max counts)

        ((q, [ 1..most ])
         ||> List.fold (fun q step ->
             let squared = after step (q.matmul q)

             if step <= least then
                 squared
             else
                 let isDue = (forEach q torch.float64 counts).ge((float step).AsScalar())
                 torch.where (isDue, squared, q)))

    /// The polynomial of a matrix whose norm is within the reach of `high`.
    let private ofSmall: torch.Tensor -> torch.Tensor =
        CustomGradient.apply (fun a ->
            let square = a.matmul a
            let cube = square.matmul a
            ExponentialPolynomials.high a square cube (fun () -> cube.matmul cube))

    /// For large norms, in double precision. Each squaring doubles the distance to orthogonality: Newton-Schulz steps
    /// undo it. Norms beyond 1e15, where rounding of A alone loses its angles, are cut there.
    let private careful (a: torch.Tensor) =
        let exact = Tensors.inDouble a
        let entry = exact.detach().abs().amax([| -2L; -1L |], keepdim = true).clamp_min((1e-300).AsScalar())
        let entries = Tensors.toArray<float> entry
        let counts = squarings exact (Array.map2 (*) (norms (exact.detach () / entry)) entries)
        let scaled = exact |> scaledBy (Array.map (~-) counts)
        let correct step q = if step % 6 = 0 then Orthonormal.newtonSchulz q else q
        let q = squareAgain (Array.map (min 50.0) counts) correct (ofSmall scaled)
        (Orthonormal.newtonSchulz q).to_type a.dtype

    /// exp A of real skew-symmetric 2 x 2 matrices: the cosine and the sine of the angle.
    let private ofPlane (a: torch.Tensor) =
        let angle = a.select(-2L, 1L).select(-1L, 0L)
        let cosine, sine = angle.cos (), angle.sin ()
        torch.stack([| cosine; -sine; sine; cosine |], -1L).view a.shape

    /// What is known of a matrix before its polynomial is chosen.
    [<NoComparison; NoEquality>]
    type private Plan =
        {
            Square: torch.Tensor
            /// Of matrices that are not small: A^3, A^6, and how often each has to be squared again after scaling.
            Higher: struct (torch.Tensor * (unit -> torch.Tensor) * float[]) voption
        }

        /// The most squarings; NaN where a matrix has one.
        member this.Most: float =
            match this.Higher with
            | ValueSome(struct (_, _, counts)) -> largestOf counts
            | ValueNone -> 0.0

    let private planOf (a: torch.Tensor) : Plan =
        let square = a.matmul a
        let sizes = bounds a square 2.0

        if largestOf sizes <= ExponentialPolynomials.lowReach a then
            { Square = square; Higher = ValueNone }
        else
            let cube = square.matmul a
            let struct (counts, sixth) = squaringsBy a square sizes cube
            { Square = square; Higher = ValueSome(struct (cube, sixth, counts)) }

    /// The polynomial of the scaled matrix.
    let private polynomial (plan: Plan) (a: torch.Tensor) : WithPullback =
        match plan.Higher with
        | ValueNone -> ExponentialPolynomials.low a plan.Square
        | ValueSome(struct (cube, sixth, counts)) ->
            let scaled (power: float) = scaledBy (counts |> Array.map (fun count -> -power * count))

            let made =
                ExponentialPolynomials.high (scaled 1.0 a) (scaled 2.0 plan.Square) (scaled 3.0 cube) (fun () ->
                    scaled 6.0 (sixth ()))

            let pullback = made.Pullback

            { made with
                Pullback = fun saved -> pullback (scaled 1.0 saved.Head :: saved.Tail) >> scaled 1.0
            }

    /// exp A by this plan, to rounding that each squaring doubles. Differentiable.
    let private by (plan: Plan) (a: torch.Tensor) : torch.Tensor =
        let q = a |> CustomGradient.applyWith (polynomial plan) (fun a -> polynomial (planOf a) a)

        match plan.Higher with
        | ValueSome(struct (_, _, counts)) when plan.Most > 0.0 -> squareAgain counts (fun _ q -> q) q
        | _ -> q

    /// exp A, also of large A, orthogonal to rounding. Differentiable.
    let ofSkew (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()

        let q =
            if a.numel () = 0L then
                a.clone ()
            elif Tensors.last a = 2L && not (a.is_complex ()) then
                ofPlane a
            else
                let plan = CustomGradient.prepared planOf a

                if plan.Most <= 6.0 then
                    let q = by plan a
                    let isSmall = Tensors.last a <= 8L

                    if plan.Most >= 2.0 || (plan.Most > 0.0 && isSmall) then
                        Orthonormal.newtonSchulz q
                    else
                        q
                else
                    Orthonormal.whereFinite careful a

        q.MoveToOuterDisposeScope()

    /// exp A of a matrix whose eigenvalues are those of a skew one, and zeros. It is not brought back to orthogonality.
    /// Differentiable.
    let ofMatrix (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        (by (CustomGradient.prepared planOf a) a).MoveToOuterDisposeScope()

    /// The factor that scales each matrix so that no modulus of an eigenvalue exceeds the limit, and a bound on the moduli after
    /// scaling: the Frobenius norm if that is within the limit.
    let private within (limit: float) (a: torch.Tensor) : struct (torch.Tensor * float[]) =
        use _ = torch.no_grad ()
        let sizes = norms (Tensors.inDouble a)

        if largestOf sizes <= limit then
            struct (sizes |> Array.map (fun _ -> 1.0) |> forEach a torch.float64, sizes)
        else
            let finite = (Tensors.inDouble a).nan_to_num 0.0
            let unit = finite.abs().amax([| -2L; -1L |], keepdim = true).clamp_min(1e-300.AsScalar())
            let values = torch.linalg.eigvalsh (finite / unit)
            let radius = values.abs().amax([| -1L |], keepdim = true).unsqueeze(-1L) * unit
            let sizes = Tensors.toArray<float>(radius.clamp_max (limit.AsScalar()))
            struct ((limit.AsScalar() / radius).clamp_max(1.0.AsScalar()), sizes)

    /// The largest modulus of an eigenvalue whose exponential is a normal number of the element type.
    let private largestExponent (a: torch.Tensor) =
        if a.dtype = torch.float64 || a.dtype = torch.complex128 then 708.0 else 87.0

    /// By how much `ofHermitian` scales each matrix down.
    let scaleOfHermitian (a: torch.Tensor) : torch.Tensor =
        let struct (scale, _) = within (largestExponent a) a
        scale

    /// exp A of a Hermitian matrix, positive definite to rounding. Eigenvalues of A whose exponential is no normal number of
    /// the element type are scaled down with the others. Differentiable.
    let ofHermitian (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        // In double precision: the exponential magnifies rounding of A, and of each square, by the size of A.
        let struct (scale, sizes) = within (largestExponent a) a
        let exact = Tensors.inDouble a * scale
        // Half of A: the last square is that of a factor and its adjoint, which no rounding makes indefinite.
        let counts = squarings exact (sizes |> Array.map (fun size -> size / 2.0))
        let scaled = exact |> scaledBy (counts |> Array.map (fun count -> -count - 1.0))
        let root = squareAgain counts (fun _ q -> q) (ofSmall scaled)
        (root.matmul root.mH).to_type(a.dtype).MoveToOuterDisposeScope()
