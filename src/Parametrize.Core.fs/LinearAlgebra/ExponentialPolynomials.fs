namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Polynomials for the exponential of matrices, in few products: by the schemes of Bader, Blanes and Casas (Computing the matrix
/// exponential with an optimized Taylor polynomial approximation, Mathematics 2019). In double precision they are Taylor's. In
/// single precision they are the Chebyshev series of exp(i x) for |x| up to their reach, whose coefficients are Bessel functions
/// of it: on imaginary eigenvalues they reach farther than Taylor's of the same degree.
[<RequireQualifiedAccess>]
module internal ExponentialPolynomials =

    let isSingle (a: torch.Tensor) : bool = a.dtype = torch.float32 || a.dtype = torch.complex64

    /// Up to which spectral norm `low` is exact to rounding, derivatives included.
    let lowReach (a: torch.Tensor) : float = if isSingle a then 0.9 else 0.06

    /// The same of `high`.
    let highReach (a: torch.Tensor) : float = if isSingle a then 2.5 else 1.09

    /// The scheme for degree 8 (section 3.1): with A4 = A^2 (x1 A + x2 A^2), the polynomial is
    /// y0 I + y1 A + y2 A^2 + (2/3 A^2 + A4) (x4 I + x5 A + x6 A^2 + x7 A4).
    [<NoComparison; NoEquality>]
    type private Degree8 =
        {
            /// Rows: x1, x2; y0, y1, y2; x4, x5, x6, of I, A and A^2.
            Rows: float[,]
            X7: float
        }

    /// The system has a solution in closed form.
    let private taylor8 =
        let root = sqrt 177.0
        let x = (1.0 + root) / 132.0

        {
            Rows =
                array2D
                    [
                        [ 0.0; x; x / 4.0 ]
                        [ 1.0; 1.0; (857.0 - 58.0 * root) / 630.0 ]
                        [ (-271.0 + 29.0 * root) / 210.0; 11.0 * (root - 1.0) / 840.0; 11.0 * (root - 9.0) / 3360.0 ]
                    ]
            X7 = (89.0 - root) / 2240.0
        }

    /// For norms up to 0.9: within 4.1e-9, derivatives within 3.7e-7.
    let private chebyshev8 =
        {
            Rows =
                array2D
                    [
                        [ 0.0; 0.10584545439861305; 0.026536165178652354 ]
                        [ 0.9999999998154733; 0.9999999590401946; 0.13555468585983085 ]
                        [ 0.5466679541128664; 0.1632055104915121; 0.01482828214544744 ]
                    ]
            X7 = 0.03443661885391976
        }

    /// Rows: combinations B1 ... B4 of I, A, A^2 and A^3 such that with A6 = B3 + B4^2 the polynomial of degree 12 is
    /// B1 + (B2 + A6) A6 (section 3.2): a family of solutions in closed form, of which this has the smallest terms. For norms up to
    /// 2.5: within 5.3e-9, derivatives within 3.6e-7.
    let private chebyshev12 =
        array2D
            [
                [ 0.9999745677729912; 0.999985964377192; -0.045050458931255144; -0.030222899556333546 ]
                [ 5.189932080205092; 1.266408814768284; 0.02362496716819402; 0.010135223104931661 ]
                [ 4.9001813757482215e-06; -2.959682966903441e-09; 0.08078775623749881; 0.006246575438347697 ]
                [ 4.838408014033145e-06; 0.15566694255969776; 0.019476929824709797; 0.0065585739670191295 ]
            ]

    /// Rows: combinations B1 ... B5 of I, A, A^2, A^3 and A^6 such that with A9 = B1 B5 + B4 the Taylor polynomial of
    /// degree 18 is B2 + (B3 + A9) A9. Found by least squares for the 19 coefficients, refined to 40 digits.
    let private taylor18 =
        array2D
            [
                [ 0.0; 0.0035465185317089735; 0.0002837214825367179; 3.152460917074643e-05; 0.0 ]
                [
                    1.0000029370063015
                    0.24590977827352564
                    1.3626670681449935
                    0.49892102753108697
                    -0.0006409274388832526
                ]
                [
                    -11.148503498662372
                    1.680158138789062
                    0.05717798464788655
                    -0.0069821012248805206
                    3.3497501708607054e-05
                ]
                [
                    2.634440013553307e-07
                    -0.06766490756911185
                    0.014164404373747668
                    0.010015009725430788
                    1.1591578393189114e-06
                ]
                [
                    0.006895681428140112
                    15.065413834054889
                    6.917502564560302
                    0.0010314049951038284
                    0.00039644210987437235
                ]
            ]

    let private numbers (rows: float[,]) (like: torch.Tensor) : torch.Tensor =
        torch.tensor (rows, dtype = like.dtype, device = like.device)

    /// These matrices times a matrix of coefficients: each row yields a combination of them.
    let private combined (coefficients: torch.Tensor) (matrices: torch.Tensor list) : torch.Tensor[] =
        let shape = Array.append [| coefficients.size 0 |] matrices.Head.shape
        use stacked = torch.stack (List.toArray matrices)
        let combinations = coefficients.matmul (stacked.view (int64 matrices.Length, -1L))
        (combinations.view shape).unbind 0

    /// The combinations of the identity and of powers with these rows of coefficients.
    let private combine (rows: float[,]) (powers: torch.Tensor list) : torch.Tensor[] =
        let first = powers.Head
        let identity = (Orthonormal.identityLike first (Tensors.last first)).expand_as first
        combined (numbers rows first) (identity :: powers)

    /// The gradients by the powers, given those by the combinations.
    let private separate (rows: float[,]) (gradients: torch.Tensor list) : torch.Tensor[] =
        combined (numbers rows[*, 1..] gradients.Head).mT gradients

    let private plusProduct (left: torch.Tensor) (right: torch.Tensor) (sum: torch.Tensor) : torch.Tensor =
        if sum.dim () = 2L then
            sum.addmm (left, right, 1.0f, 1.0f)
        else
            sum +. (left.matmul right)

    // Intermediate tensors are disposed as soon as they are used: the next ones take their memory, which is in the cache.

    /// The gradient of X^2 by X, besides what is known of it.
    let private ofSquare (x: torch.Tensor) (gradient: torch.Tensor) (known: torch.Tensor) : torch.Tensor =
        use half = known |> plusProduct gradient x.mH
        half |> plusProduct x.mH gradient

    /// The gradient by A, given those by A, A^2 and A^3 as if these were independent.
    let private ofPowers (a: torch.Tensor) (square: torch.Tensor) (byPowers: torch.Tensor[]) : torch.Tensor =
        use bySquare = byPowers[1] |> plusProduct byPowers[2] a.mH
        use known = byPowers[0] |> plusProduct square.mH byPowers[2]
        known |> ofSquare a bySquare

    /// The polynomial of degree 8, in three products with that of A^2.
    let low (a: torch.Tensor) (square: torch.Tensor) : WithPullback =
        let scheme = if isSingle a then chebyshev8 else taylor8

        let factors (combined: torch.Tensor[]) (square: torch.Tensor) (fourth: torch.Tensor) =
            struct (fourth.add (square, (2.0 / 3.0).AsScalar()), combined[2].add(fourth, scheme.X7.AsScalar()))

        let combined = combine scheme.Rows [ a; square ]
        let fourth = square.matmul combined[0]
        let struct (left, right) = factors combined square fourth

        {
            Value = combined[1] |> plusProduct left right
            Kept = fun () -> [ square; fourth ]
            Pullback =
                fun saved gradient ->
                    let a, square, fourth = saved[0], saved[1], saved[2]
                    let combined = combine scheme.Rows [ a; square ]
                    let struct (left, right) = factors combined square fourth
                    let byLeft, byRight = gradient.matmul right.mH, left.mH.matmul gradient
                    let byFourth = byLeft.add (byRight, scheme.X7.AsScalar())
                    let byPowers = separate scheme.Rows [ square.mH.matmul byFourth; gradient; byRight ]

                    let bySquare =
                        byPowers[1].add(byLeft, (2.0 / 3.0).AsScalar()) |> plusProduct byFourth combined[0].mH

                    byPowers[0] |> ofSquare a bySquare
        }

    /// Whether the batch is so small that backward keeps what it would else compute again.
    let private isFew (a: torch.Tensor) : bool = a.numel () <= (1L <<< 16)

    /// B1 + (B2 + A6) A6, with A6 = B3 + B4^2.
    let private ofDegree12 (a: torch.Tensor) (square: torch.Tensor) (cube: torch.Tensor) : WithPullback =
        /// B1, B2 + A6, A6 and B4.
        let parts (a: torch.Tensor) (square: torch.Tensor) (cube: torch.Tensor) =
            let combined = combine chebyshev12 [ a; square; cube ]
            let sixth = combined[2] |> plusProduct combined[3] combined[3]
            struct (combined[0], combined[1] +. sixth, sixth, combined[3])

        let struct (rest, left, sixth, root) = parts a square cube

        {
            Value = rest |> plusProduct left sixth
            // A view would keep all that is combined.
            Kept = fun () -> if isFew a then [ square; left; sixth; root.clone () ] else [ square; cube ]
            Pullback =
                fun saved gradient ->
                    let a, square = saved[0], saved[1]

                    let struct (left, sixth, root) =
                        match saved with
                        | [ _; _; left; sixth; root ] -> struct (left, sixth, root)
                        | _ ->
                            let struct (_, left, sixth, root) = parts a square saved[2]
                            struct (left, sixth, root)

                    use byLeft = gradient.matmul sixth.mH
                    use bySixth = byLeft |> plusProduct left.mH gradient
                    use half = bySixth.matmul root.mH
                    use byRoot = half |> plusProduct root.mH bySixth
                    ofPowers a square (separate chebyshev12 [ gradient; byLeft; bySixth; byRoot ])
        }

    /// B2 + (B3 + A9) A9, with A9 = B1 B5 + B4.
    let private ofDegree18
        (a: torch.Tensor)
        (square: torch.Tensor)
        (cube: torch.Tensor)
        (sixth: torch.Tensor)
        : WithPullback =
        let ninthOf (combined: torch.Tensor[]) = combined[3] |> plusProduct combined[0] combined[4]
        let combined = combine taylor18 [ a; square; cube; sixth ]
        let ninth = ninthOf combined

        {
            Value = combined[1] |> plusProduct (combined[2] +. ninth) ninth
            // The last power costs one more product to compute again.
            Kept = fun () -> square :: cube :: sixth :: (if isFew a then [ ninth ] else [])
            Pullback =
                fun saved gradient ->
                    let a, square, cube = saved[0], saved[1], saved[2]
                    let combined = combine taylor18 [ a; square; cube; saved[3] ]
                    let ninth = List.tryItem 4 saved |> Option.defaultWith (fun () -> ninthOf combined)
                    let byLeft = gradient.matmul ninth.mH
                    let byNinth = byLeft |> plusProduct (combined[2] +. ninth).mH gradient
                    let byFirst, byLast = byNinth.matmul combined[4].mH, combined[0].mH.matmul byNinth
                    let byPowers = separate taylor18 [ byFirst; gradient; byLeft; byNinth; byLast ]
                    byPowers[2] <- byPowers[2] |> ofSquare cube byPowers[3]
                    ofPowers a square byPowers
        }

    /// In single precision the polynomial of degree 12, in four products with those of A^2 and A^3. In double precision that of
    /// degree 18, in five with those of A^2, A^3 and A^6.
    let high
        (a: torch.Tensor)
        (square: torch.Tensor)
        (cube: torch.Tensor)
        (sixth: unit -> torch.Tensor)
        : WithPullback =
        if isSingle a then
            ofDegree12 a square cube
        else
            ofDegree18 a square cube (sixth ())
