namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module OrthostochasticValues =

    /// Squares of the entries of orthogonal n x n matrices, which are doubly stochastic; of n x k matrices with k < n the columns sum to
    /// 1. No right inverse, since no formula tells which doubly stochastic matrices are of that kind: `orthogonal >>>! positiveBy
    /// PositiveMap.Square`. O(n^3).
    let orthostochastic: Parametrization = orthogonal >>>! positiveBy PositiveMap.Square
