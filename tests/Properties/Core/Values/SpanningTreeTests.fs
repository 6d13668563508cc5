/// Sums over spanning trees, of which one knows some: of whole graphs, of paths, and what each edge has of the sum.
module Properties.Core.Values.SpanningTreeTests

open Expecto
open TorchSharp
open Parametrize
open Parametrize.LinearAlgebra
open Parametrize.Laws
open Properties.Core

let private float64 = torch.ScalarType.Float64

let private number (tensor: torch.Tensor) : float = tensor.detach().item<float>()

/// Cayley's formula: n^(n - 2) trees.
let private wholeGraphs () : unit =
    for n in [ 1L; 2L; 3L; 31L; 32L; 33L; 34L; 65L; 200L ] do
        use _ = torch.NewDisposeScope()
        let found = SpanningTrees.logarithm (torch.ones ([| 2L; n; n |], dtype = float64))
        let expected = float (n - 2L) * log (float n)
        Expect.isLessThan (Measures.largest (found - expected.ToScalar())) (1e-12 * max 1.0 expected) $"{n} vertices"

/// A path has one tree. Its weights may be as small as numbers are.
let private paths () : unit =
    for n in [ 2L; 5L; 40L; 100L ] do
        for size in [ 0.0; 10.0; 690.0 ] do
            use _ = torch.NewDisposeScope()

            let logarithms = torch.rand ([| n - 1L |], dtype = float64) * (-size).ToScalar()
            let upper = torch.diag_embed (logarithms.exp (), offset = 1L)
            let order = torch.randperm n
            let shuffled = (upper + upper.mT).index_select(0L, order).index_select(1L, order)
            let found = Measures.largest (SpanningTrees.logarithm shuffled - logarithms.sum ())
            Expect.isLessThan found (1e-13 * float n * max 1.0 size) $"{n} vertices, weights of size e^-{size}"

/// The share of the sum with an edge in the tree, `w d/dw log`, is at most 1, and all shares together are n - 1 (Foster 1949).
let private edges () : unit =
    for n in [ 2L; 8L; 50L ] do
        for size in [ 1.0; 30.0; 120.0 ] do
            use _ = torch.NewDisposeScope()
            let normal = normalOn torch.CPU float64 (uint64 n) [ n; n ]

            let logarithms =
                ((normal + normal.mT) * size.ToScalar())
                    .clamp(-600.0.ToScalar(), 0.0.ToScalar())
                    .detach()
                    .requires_grad_
                    true

            let sum = SpanningTrees.logarithm (logarithms.exp ())
            // Each edge stands twice in the matrix.
            let shares = torch.autograd.grad([| sum |], [| logarithms |])[0]
            let shares = shares + shares.mT
            let expected = 2.0 * float (n - 1L)

            Expect.isLessThan (abs (number (shares.sum ()) - expected)) (1e-10 * expected) $"{n} vertices, size {size}"

            Expect.isGreaterThan (number (shares.min ())) -1e-12 "the smallest share"
            Expect.isLessThan (number (shares.max ())) (1.0 + 1e-9) "the largest share"

let tests: Test =
    testList
        "spanning trees"
        [
            testCase "whole graphs have as many as Cayley has counted" wholeGraphs
            testCase "the one tree of a path" paths
            testCase "the shares of the edges" edges
        ]
