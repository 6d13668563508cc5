namespace Parametrize

open Parametrize.Values

/// A name with which code of values begins.
[<NoComparison; NoEquality>]
type internal Head =
    {
        Name: string
        /// What it makes of its arguments, given how arguments that are values are read.
        Read: Argument<Parametrization> -> Located -> Result<Parametrization, Fault>
        /// How it is typed in C#: `{0}` stands for the first argument.
        CSharp: string
        /// What the catalogue shows of it.
        Examples: (string * Parametrization) list
    }

/// What exists: a new value is one file, one line here, and one line among the generators of the tests.
[<RequireQualifiedAccess>]
module internal Registry =

    let private triangle =
        Argument.symbol [ "Triangle.Lower", Triangle.Lower; "Triangle.Upper", Triangle.Upper ]

    let private orthogonalMap =
        Argument.symbol
            [
                "OrthogonalMap.Cayley", OrthogonalMap.Cayley
                "OrthogonalMap.MatrixExp", OrthogonalMap.MatrixExp
                "OrthogonalMap.Householder", OrthogonalMap.Householder
                "OrthogonalMap.Default", OrthogonalMap.Default
            ]

    let private positiveMap =
        Argument.symbol
            [
                "PositiveMap.Softplus", PositiveMap.Softplus
                "PositiveMap.Exp", PositiveMap.Exp
                "PositiveMap.Square", PositiveMap.Square
            ]

    let private spectralNormOptions =
        Argument.fields
            "SpectralNorm.defaults"
            SpectralNorm.defaults
            [
                "Bound", Argument.field Argument.number (fun options bound -> { options with Bound = bound })
                "Dimension", Argument.field Argument.integer (fun options one -> { options with Dimension = one })
                "Iterations", Argument.field Argument.integer (fun options many -> { options with Iterations = many })
                "Epsilon", Argument.field Argument.number (fun options least -> { options with Epsilon = least })
            ]

    let private amount =
        Argument.case
            "an amount such as (Amount.Share 0.5)"
            [
                "Amount.Share", Argument.one Argument.number Amount.Share
                "Amount.Count", Argument.one Argument.long Amount.Count
                "Amount.UpTo", Argument.one Argument.number Amount.UpTo
            ]

    let private mask =
        Argument.case "a mask such as (Mask.Parse \"2x4:8A==\")" [ "Mask.Parse", Argument.one Argument.text Mask.Parse ]

    let private pruning =
        let number, integer, seed = Argument.number, Argument.integer, Argument.seed

        Argument.case
            "a pruning such as (Pruning.UpTo 0.5)"
            [
                "Pruning.Nothing", Argument.none Pruning.Nothing
                "Pruning.Bernoulli", Argument.two number seed (fun share seed -> Pruning.Bernoulli(share, seed))
                "Pruning.Random", Argument.two amount seed (fun amount seed -> Pruning.Random(amount, seed))
                "Pruning.RandomStructured",
                Argument.three amount integer seed (fun amount dimension seed ->
                    Pruning.RandomStructured(amount, dimension, seed))
                "Pruning.UpTo", Argument.one number Pruning.UpTo
                "Pruning.L1", Argument.one amount Pruning.L1
                "Pruning.Ln",
                Argument.three amount number integer (fun amount power dimension ->
                    Pruning.Ln(amount, power, dimension))
                "Pruning.Groups", Argument.two integer integer (fun keep size -> Pruning.Groups(keep, size))
                "Pruning.Custom", Argument.one mask Pruning.Custom
            ]

    let private head name csharp read examples : Head =
        { Name = name; Read = read; CSharp = csharp; Examples = examples }

    /// A value without arguments, which is its own example unless there are others.
    let private plain name csharp (value: Parametrization) : Head =
        head name $"Parametrizations.{csharp}" (fun _ -> Argument.none value) [ name, value ]

    let private of1 name csharp argument (from: 'x -> Parametrization) examples : Head =
        let shown = examples |> List.map (fun (example, x) -> example, from x)
        head name $"Parametrizations.{csharp}" (fun _ -> Argument.one argument from) shown

    let private of2 name csharp first second (from: 'x -> 'y -> Parametrization) examples : Head =
        let shown = examples |> List.map (fun (example, x, y) -> example, from x y)
        head name $"Parametrizations.{csharp}" (fun _ -> Argument.two first second from) shown

    let private of0 name csharp value example : Head = { plain name csharp value with Examples = [ example, value ] }

    let private several name csharp (from: Parametrization list -> Parametrization) examples : Head =
        head name $"Parametrizations.{csharp}" (fun value -> Argument.one (Argument.items value) from) examples

    let private checkered: Mask = Mask.OfArray([| 3L; 4L |], Array.init 12 (fun index -> index % 3 <> 1))

    let private lower = Triangle.Lower
    let private upper = Triangle.Upper

    /// Built anew, so that equality can be told from identity.
    let build () : Head list =
        [
            plain "identity" "Identity" identity
            plain "symmetric" "Symmetric" symmetric
            of1 "symmetricFrom" "SymmetricFrom({0})" triangle symmetricFrom [ "symmetric, lower", lower ]
            plain "hermitian" "Hermitian" hermitian
            of1 "hermitianFrom" "HermitianFrom({0})" triangle hermitianFrom [ "hermitian, lower", lower ]
            plain "skew" "Skew" skew
            of1 "skewFrom" "SkewFrom({0})" triangle skewFrom [ "skew, lower", lower ]
            plain "skewHermitian" "SkewHermitian" skewHermitian
            of1
                "skewHermitianFrom"
                "SkewHermitianFrom({0})"
                triangle
                skewHermitianFrom
                [ "skewHermitian, lower", lower ]
            of1
                "triangular"
                "Triangular({0})"
                triangle
                triangular
                [ "triangular, lower", lower; "triangular, upper", upper ]
            of1
                "unitTriangular"
                "Triangular({0}, unitDiagonal: true)"
                triangle
                unitTriangular
                [ "unitTriangular, lower", lower; "unitTriangular, upper", upper ]
            plain "diagonal" "Diagonal" diagonal
            plain "cayley" "Cayley()" cayley
            plain "matrixExp" "MatrixExp()" matrixExp
            plain "householder" "Householder()" householder
            plain "orthogonal" "Orthogonal()" orthogonal
            of1
                "orthogonalWithoutBase"
                "Orthogonal({0}, trivialized: false)"
                orthogonalMap
                orthogonalWithoutBase
                [
                    "cayley, no base", OrthogonalMap.Cayley
                    "matrixExp, no base", OrthogonalMap.MatrixExp
                    "householder, no base", OrthogonalMap.Householder
                    "orthogonal, no base", OrthogonalMap.Default
                ]
            of1
                "weightNorm"
                "WeightNorm({0})"
                Argument.integer
                weightNorm
                [ "weightNorm 0", 0; "weightNorm 1", 1; "weightNorm -1", -1 ]
            of0 "weightNormWhole" "WeightNorm(null)" weightNormWhole "weightNorm, whole"
            plain "spectralNorm" "SpectralNorm()" spectralNorm
            of1
                "spectralNormWith"
                "SpectralNorm({0})"
                spectralNormOptions
                spectralNormWith
                [
                    "spectralNorm, bound", { SpectralNorm.defaults with Bound = 2.5 }
                    "spectralNorm, dimension", { SpectralNorm.defaults with Dimension = 1 }
                    "spectralNorm, iterations", { SpectralNorm.defaults with Iterations = 3 }
                ]
            of1 "sphere" "Sphere({0})" Argument.number sphere [ "sphere", 1.0; "sphere, radius", 2.5 ]
            of1 "sphereExp" "SphereExp({0})" Argument.number sphereExp [ "sphereExp", 1.0; "sphereExp, radius", 2.5 ]
            plain "positive" "Positive" positive
            of1
                "positiveBy"
                "PositiveBy({0})"
                positiveMap
                positiveBy
                [ "positive, exp", PositiveMap.Exp; "positive, square", PositiveMap.Square ]
            plain "simplex" "Simplex" simplex
            of2
                "bounded"
                "Bounded({0}, {1})"
                Argument.number
                Argument.number
                bounded
                [ "bounded", -1.0, 3.0; "bounded below", 0.1, infinity; "bounded above", -infinity, -0.5 ]
            plain "spd" "Spd()" spd
            of1 "spdAbove" "Spd({0})" Argument.number spdAbove [ "spd, floor", 0.1 ]
            plain "invertible" "Invertible" invertible
            of1
                "pruned"
                "Pruned({0})"
                pruning
                pruned
                [
                    "pruned, Bernoulli", Pruning.Bernoulli(0.3, 7UL)
                    "pruned, share", Pruning.L1(Amount.Share 0.4)
                    "pruned, count", Pruning.L1(Amount.Count 2L)
                    "pruned, mask", Pruning.Custom checkered
                    "pruned, nothing", Pruning.Nothing
                    "pruned, random share", Pruning.Random(Amount.Share 0.4, 11UL)
                    "pruned, random count", Pruning.Random(Amount.Count 2L, 12UL)
                    "pruned, random channels", Pruning.RandomStructured(Amount.Share 0.5, -1, 13UL)
                    "pruned, L1 channels", Pruning.Ln(Amount.Share 0.5, 1.0, 0)
                    "pruned, L2 channels", Pruning.Ln(Amount.Share 0.5, 2.0, 0)
                    "pruned, L0.5 channels", Pruning.Ln(Amount.Count 1L, 0.5, -1)
                    "pruned, largest entries of channels", Pruning.Ln(Amount.Share 0.3, infinity, 1)
                    "pruned, up to", Pruning.UpTo 0.6
                    "pruned, random up to", Pruning.Random(Amount.UpTo 0.4, 17UL)
                    "pruned, channels up to", Pruning.Ln(Amount.UpTo 0.5, 0.0, -1)
                    "pruned, random channels up to", Pruning.RandomStructured(Amount.UpTo 0.5, 0, 18UL)
                    "pruned, 2 of 4", Pruning.Groups(2, 4)
                ]
            head
                "onKernel"
                "Parametrizations.OnKernel({0})"
                (fun value -> Argument.one value onKernel)
                [
                    "orthogonal on kernels", onKernel orthogonal
                    "pruned on kernels", onKernel (pruned (Pruning.Groups(2, 4)))
                    "skew >>> cayley on kernels", onKernel (skew >>> cayley)
                ]
            head
                "transposed"
                "{0}.Transposed()"
                (fun value -> Argument.one value transposed)
                [
                    "triangular, transposed", transposed (triangular lower)
                    "sphere, transposed", transposed (sphere 1.0)
                ]
            of1 "scale" "Scale({0})" Argument.number scale [ "scale", -2.5 ]
            of1 "shift" "Shift({0})" Argument.number shift [ "shift", 0.5 ]
            plain "matrixExponential" "MatrixExponential" matrixExponential
            head
                "inverse"
                "{0}.Inverse()"
                (fun value -> Argument.one value inverse)
                [ "positive >>> inverse", positive >>> inverse (positive >>> scale 0.5) ]
            several
                "sum"
                "Sum({0})"
                sum
                [
                    "sum, low rank", sum [ identity; lowRank 2L ]
                    "sum, orthogonal", sum [ orthogonal; identity; symmetric ]
                ]
            several
                "product"
                "Product({0})"
                product
                [
                    "product, orthogonal", product [ orthogonal; identity; cayley ]
                    "product, triangular", product [ unitTriangular lower; identity; spd ]
                ]
            several
                "blockDiagonal"
                "BlockDiagonal({0})"
                blockDiagonal
                [
                    "blockDiagonal, orthogonal", blockDiagonal [ orthogonal; cayley ]
                    "blockDiagonal, mixed", blockDiagonal [ skew; identity; triangular upper ]
                ]
            head
                "slices"
                "Parametrizations.Slices({0}, {1})"
                (fun value -> Argument.two Argument.integer (Argument.items (Argument.pair Argument.long value)) slices)
                [
                    "slices, gates", slices -2 [ 2L, orthogonal; 2L, skew; 2L, identity ]
                    "slices, rows", slices 0 [ 2L, positive; 1L, sphere 1.0 ]
                ]
            head
                "where"
                "Parametrizations.Where({0}, {1}, {2})"
                (fun value -> Argument.three mask value value where)
                [ "where", where checkered positive (bounded -1.0 3.0) ]
            head
                "svd"
                "Parametrizations.Svd({0}, {1})"
                (fun value -> Argument.two Argument.long (Argument.items value) svd)
                [ "lowRank", lowRank 2L; "fixedRank", fixedRank 2L ]
            of1 "lowRank" "LowRank({0})" Argument.long lowRank []
            of1 "fixedRank" "FixedRank({0})" Argument.long fixedRank []
            head
                "joined"
                "Parametrizations.Joined({1}, {0})"
                (fun value -> Argument.two (Argument.items value) value joined)
                [ "joined", joined [ scale 2.0; shift 0.5 ] (weightNorm 0) ]
        ]

    /// Examples of `>>>`, which is no name.
    let compositions () : (string * Parametrization) list =
        [
            "pruned twice", pruned (Pruning.L1(Amount.Share 0.5)) >>> pruned (Pruning.L1(Amount.Share 0.5))
            "pruned, channels twice",
            pruned (Pruning.Ln(Amount.Share 0.3, 2.0, 0))
            >>> pruned (Pruning.RandomStructured(Amount.Share 0.5, 0, 14UL))
            "pruned, entries, then channels",
            pruned (Pruning.L1(Amount.Share 0.3)) >>> pruned (Pruning.Ln(Amount.Share 0.5, 2.0, 0))
            "pruned, several ways",
            pruned (Pruning.Bernoulli(0.2, 15UL))
            >>> pruned (Pruning.L1(Amount.Share 0.3))
            >>> pruned (Pruning.Random(Amount.Share 0.3, 16UL))
            >>> pruned (Pruning.Groups(1, 2))
            >>> pruned (Pruning.UpTo 0.7)
            "skew >>> cayley", skew >>> cayley
            "skew >>> matrixExp", skew >>> matrixExp
            "skewHermitian >>> cayley", skewHermitian >>> cayley
            "symmetric >>> spectralNorm", symmetric >>> spectralNorm
            "triangular >>> pruned", triangular lower >>> pruned (Pruning.Bernoulli(0.5, 3UL))
            "weightNorm >>> spectralNorm", weightNorm 0 >>> spectralNorm
            "weightNorm >>> sphere", weightNorm 0 >>> sphere 1.0
            "symmetric >>> positive", symmetric >>> positive
            "skewHermitian >>> orthogonal, no base", skewHermitian >>> orthogonalWithoutBase OrthogonalMap.MatrixExp
            "symmetric >>> matrixExponential", symmetric >>> matrixExponential
            "hermitian >>> matrixExponential", hermitian >>> matrixExponential
            "sum >>> scale", sum [ identity; lowRank 2L ] >>> scale 2.0
            "transposed >>> sphere", transposed positive >>> sphere 1.0
        ]

    let private heads: Map<string, Head> = Map.ofList [ for head in build () -> head.Name, head ]

    let tryFind (name: string) : Head option = heads.TryFind name

    let names () : string seq = heads.Keys
