namespace Parametrize

open Parametrize.Values

/// One example of each value that the library makes.
type CatalogueEntry =
    {
        /// A short name, unique in the catalogue.
        Name: string
        Value: Parametrization
    }

/// What exists: a new parametrization is one file, one line here, and one line among the generators of the tests.
[<RequireQualifiedAccess>]
module Catalogue =

    let private entry (name: string) (value: Parametrization) : CatalogueEntry = { Name = name; Value = value }

    let private checkered: Mask = Mask.OfArray([| 3L; 4L |], Array.init 12 (fun index -> index % 3 <> 1))

    /// Built anew, so that equality can be told from identity.
    let internal build () : CatalogueEntry list =
        [
            entry "identity" identity
            entry "symmetric" symmetric
            entry "symmetric, lower" (symmetricFrom Triangle.Lower)
            entry "hermitian" hermitian
            entry "hermitian, lower" (hermitianFrom Triangle.Lower)
            entry "skew" skew
            entry "skew, lower" (skewFrom Triangle.Lower)
            entry "skewHermitian" skewHermitian
            entry "skewHermitian, lower" (skewHermitianFrom Triangle.Lower)
            entry "triangular, lower" (triangular Triangle.Lower)
            entry "triangular, upper" (triangular Triangle.Upper)
            entry "unitTriangular, lower" (unitTriangular Triangle.Lower)
            entry "unitTriangular, upper" (unitTriangular Triangle.Upper)
            entry "diagonal" diagonal
            entry "cayley" cayley
            entry "matrixExp" matrixExp
            entry "householder" householder
            entry "orthogonal" orthogonal
            entry "cayley, no base" (orthogonalWithoutBase OrthogonalMap.Cayley)
            entry "matrixExp, no base" (orthogonalWithoutBase OrthogonalMap.MatrixExp)
            entry "householder, no base" (orthogonalWithoutBase OrthogonalMap.Householder)
            entry "orthogonal, no base" (orthogonalWithoutBase OrthogonalMap.Default)
            entry "orthogonal on kernels" (onKernel orthogonal)
            entry "weightNorm 0" (weightNorm 0)
            entry "weightNorm 1" (weightNorm 1)
            entry "weightNorm -1" (weightNorm -1)
            entry "weightNorm, whole" weightNormWhole
            entry "spectralNorm" spectralNorm
            entry "spectralNorm, bound" (spectralNormWith { SpectralNorm.defaults with Bound = 2.5 })
            entry "spectralNorm, dimension" (spectralNormWith { SpectralNorm.defaults with Dimension = 1 })
            entry "spectralNorm, iterations" (spectralNormWith { SpectralNorm.defaults with Iterations = 3 })
            entry "sphere" (sphere 1.0)
            entry "sphere, radius" (sphere 2.5)
            entry "sphereExp" (sphereExp 1.0)
            entry "sphereExp, radius" (sphereExp 2.5)
            entry "positive" positive
            entry "positive, exp" (positiveBy PositiveMap.Exp)
            entry "positive, square" (positiveBy PositiveMap.Square)
            entry "bounded" (bounded -1.0 3.0)
            entry "bounded below" (bounded 0.1 infinity)
            entry "bounded above" (bounded -infinity -0.5)
            entry "spd" spd
            entry "spd, floor" (spdAbove 0.1)
            entry "invertible" invertible
            entry "pruned, Bernoulli" (pruned (Pruning.Bernoulli(0.3, 7UL)))
            entry "pruned, share" (pruned (Pruning.L1(Amount.Share 0.4)))
            entry "pruned, count" (pruned (Pruning.L1(Amount.Count 2L)))
            entry "pruned, mask" (pruned (Pruning.Custom checkered))
            entry "pruned, nothing" (pruned Pruning.Nothing)
            entry "pruned, random share" (pruned (Pruning.Random(Amount.Share 0.4, 11UL)))
            entry "pruned, random count" (pruned (Pruning.Random(Amount.Count 2L, 12UL)))
            entry "pruned, random channels" (pruned (Pruning.RandomStructured(Amount.Share 0.5, -1, 13UL)))
            entry "pruned, L1 channels" (pruned (Pruning.Ln(Amount.Share 0.5, 1.0, 0)))
            entry "pruned, L2 channels" (pruned (Pruning.Ln(Amount.Share 0.5, 2.0, 0)))
            entry "pruned, L0.5 channels" (pruned (Pruning.Ln(Amount.Count 1L, 0.5, -1)))
            entry "pruned, largest entries of channels" (pruned (Pruning.Ln(Amount.Share 0.3, infinity, 1)))
            entry "pruned, up to" (pruned (Pruning.UpTo 0.6))
            entry "pruned, random up to" (pruned (Pruning.Random(Amount.UpTo 0.4, 17UL)))
            entry "pruned, channels up to" (pruned (Pruning.Ln(Amount.UpTo 0.5, 0.0, -1)))
            entry "pruned, random channels up to" (pruned (Pruning.RandomStructured(Amount.UpTo 0.5, 0, 18UL)))
            entry "pruned, 2 of 4" (pruned (Pruning.Groups(2, 4)))
            entry "pruned twice" (pruned (Pruning.L1(Amount.Share 0.5)) >>> pruned (Pruning.L1(Amount.Share 0.5)))
            entry
                "pruned, channels twice"
                (pruned (Pruning.Ln(Amount.Share 0.3, 2.0, 0))
                 >>> pruned (Pruning.RandomStructured(Amount.Share 0.5, 0, 14UL)))
            entry
                "pruned, entries, then channels"
                (pruned (Pruning.L1(Amount.Share 0.3)) >>> pruned (Pruning.Ln(Amount.Share 0.5, 2.0, 0)))
            entry
                "pruned, several ways"
                (pruned (Pruning.Bernoulli(0.2, 15UL))
                 >>> pruned (Pruning.L1(Amount.Share 0.3))
                 >>> pruned (Pruning.Random(Amount.Share 0.3, 16UL))
                 >>> pruned (Pruning.Groups(1, 2))
                 >>> pruned (Pruning.UpTo 0.7))
            entry "pruned on kernels" (onKernel (pruned (Pruning.Groups(2, 4))))
            entry "skew >>> cayley" (skew >>> cayley)
            entry "skew >>> matrixExp" (skew >>> matrixExp)
            entry "skewHermitian >>> cayley" (skewHermitian >>> cayley)
            entry "skew >>> cayley on kernels" (onKernel (skew >>> cayley))
            entry "symmetric >>> spectralNorm" (symmetric >>> spectralNorm)
            entry "triangular >>> pruned" (triangular Triangle.Lower >>> pruned (Pruning.Bernoulli(0.5, 3UL)))
            entry "weightNorm >>> spectralNorm" (weightNorm 0 >>> spectralNorm)
            entry "weightNorm >>> sphere" (weightNorm 0 >>> sphere 1.0)
            entry "symmetric >>> positive" (symmetric >>> positive)
            entry
                "skewHermitian >>> orthogonal, no base"
                (skewHermitian >>> orthogonalWithoutBase OrthogonalMap.MatrixExp)
        ]

    /// Every entry, in the order of the families.
    let entries: CatalogueEntry list = build ()

    /// The entry of that name.
    let tryFind (name: string) : CatalogueEntry option = entries |> List.tryFind (fun entry -> entry.Name = name)
