namespace Parametrize

open Parametrize.Values

/// The list of all values. A new value is one file, one line in the list of its family, and one line among the generators of the
/// tests.
[<RequireQualifiedAccess>]
module internal Registry =

    /// Built anew, so that equality can be told from identity.
    let build () : Head list =
        List.concat
            [
                StructuredHeads.all ()
                OrthogonalHeads.all ()
                NormsHeads.all ()
                EntriesHeads.all ()
                SpectraHeads.all ()
                PruningHeads.all ()
                PracticeHeads.all ()
                CombiningHeads.all ()
                AdaptersHeads.all ()
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
            "triangular >>> pruned", triangular Triangle.Lower >>> pruned (Pruning.Bernoulli(0.5, 3UL))
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
