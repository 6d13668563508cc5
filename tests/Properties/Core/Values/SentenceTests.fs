/// What errors say, word for word, for each of their cases.
module Properties.Core.Values.SentenceTests

open Expecto
open Microsoft.FSharp.Reflection
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private ones (shape: int64 list) : torch.Tensor = torch.ones (List.toArray shape, device = Case.device)

let private errorOf (result: Result<'a, ParametrizationError>) : ParametrizationError =
    match result with
    | Ok _ -> failtest "nothing was refused"
    | Error error -> error

let private refused (value: Parametrization) (tensor: torch.Tensor) : ParametrizationError =
    errorOf (Parametrization.contains value tensor)

let private assigned (value: Parametrization) (present: torch.Tensor) (tensor: torch.Tensor) : ParametrizationError =
    match Parametrization.initializeNearest value present with
    | Error error -> failtest $"{error}"
    | Ok parts -> errorOf (Parametrization.rightInverse value parts tensor)

let private composed (left: Parametrization) (right: Parametrization) : ParametrizationError =
    errorOf (Parametrization.tryAndThen right left)

let private project = "Assign a tensor of that space, or project it."

let private cases: (string * (unit -> ParametrizationError) * string) list =
    [
        "a sum",
        (fun () -> refused skew (ones [ 2L; 2L ])),
        $"The tensor is not allowed by skew: W = -W^T is violated by 1 (allowed: 8.11e-06). {project}"
        "bounds",
        (fun () -> refused (bounded -1.0 3.0) (ones [ 2L ] * 5.0)),
        $"The tensor is not allowed by bounded (-1.0) 3.0: -1 <= W_ij <= 3 is violated by 2 (allowed: 3.58e-07). {project}"
        "below a bound",
        (fun () -> refused (bounded 1.0 infinity) (ones [ 2L ] * -1.0)),
        $"The tensor is not allowed by bounded 1.0 infinity: 1 <= W_ij <= infinity is violated by 2 (allowed: 1.19e-07). {project}"
        "a sphere",
        (fun () -> refused (sphere 2.0) (torch.tensor [| 3.0; 4.0 |])),
        $"The tensor is not allowed by sphere 2.0: |w| = 2 is violated by 3 (allowed: 3.02e-14). {project}"
        "a vector for a matrix",
        (fun () -> refused skew (ones [ 3L ])),
        "skew expects a matrix or a batch of matrices (at least 2 dimensions), but the tensor has shape [3]."
        "another shape",
        (fun () -> assigned skew (ones [ 3L; 3L ]) (ones [ 4L; 4L ])),
        "skew expects shape [3, 3], but the tensor has shape [4, 4]."
        "a kernel that is not square",
        (fun () -> refused (onKernel skew) (ones [ 3L; 2L; 2L ])),
        "onKernel skew expects a kernel whose matrix, out x (in k...), is square matrices (the last two dimensions equal), but the tensor has shape [3, 2, 2]."
        "a transposed matrix without its dimension, with a value in brackets",
        (fun () -> refused (transposed (weightNorm 5)) (ones [ 3L; 2L ])),
        "transposed (weightNorm 5) expects a tensor whose transpose is a tensor with dimension 5, but the tensor has shape [3, 2]."
        "a dimension that does not exist",
        (fun () -> refused (weightNorm -3) (ones [ 3L; 2L ])),
        "weightNorm (-3) expects a tensor with dimension -3, but the tensor has shape [3, 2]."
        "blocks that do not divide",
        (fun () -> refused (blockDiagonal [ skew; skew ]) (ones [ 4L; 5L ])),
        "blockDiagonal [ skew; skew ] expects matrices whose rows and columns are multiples of 2, but the tensor has shape [4, 5]."
        "blocks that do not divide the rows",
        (fun () -> refused (blockDiagonal [ skew; skew ]) (ones [ 5L; 4L ])),
        "blockDiagonal [ skew; skew ] expects matrices whose rows and columns are multiples of 2, but the tensor has shape [5, 4]."
        "slices of another size",
        (fun () -> refused (slices 0 [ 2L, identity; 2L, skew ]) (ones [ 5L; 4L ])),
        "slices 0 [ (2L, identity); (2L, skew) ] expects a tensor of 4 in dimension 0, but the tensor has shape [5, 4]."
        "a rank that does not fit",
        (fun () -> refused (lowRank 3L) (ones [ 5L; 2L ])),
        "svd 3L [ orthogonal; identity; orthogonal ] expects a matrix of at least 3 rows and columns, but the tensor has shape [5, 2]."
        "channels of a dimension that does not exist",
        (fun () -> refused (pruned (Pruning.Ln(Amount.Share 0.5, 2.0, 2))) (ones [ 3L; 2L ])),
        "pruned (Pruning.Ln((Amount.Share 0.5), 2.0, 2)) expects a tensor with dimension 2, but the tensor has shape [3, 2]."
        "too few channels",
        (fun () -> refused (pruned (Pruning.Ln(Amount.Count 4L, 2.0, 0))) (ones [ 3L; 2L ])),
        "pruned (Pruning.Ln((Amount.Count 4L), 2.0, 0)) expects at least 4 channels in dimension 0, but the tensor has shape [3, 2]."
        "too few entries",
        (fun () -> refused (pruned (Pruning.L1(Amount.Count 7L))) (ones [ 3L; 2L ])),
        "pruned (Pruning.L1 (Amount.Count 7L)) expects at least 7 entries, but the tensor has shape [3, 2]."
        "groups that do not divide",
        (fun () -> refused (pruned (Pruning.Groups(2, 4))) (ones [ 3L; 2L ])),
        "pruned (Pruning.Groups(2, 4)) expects a last dimension that 4 divides, but the tensor has shape [3, 2]."
        "integers",
        (fun () -> refused skew ((ones [ 2L; 2L ]).``to`` torch.ScalarType.Int32)),
        "skew expects a floating-point or complex tensor, but the tensor is Int32. Convert it with `to`."
        "complex numbers",
        (fun () -> refused positive ((ones [ 2L ]).``to`` torch.ScalarType.ComplexFloat32)),
        "positive expects a real floating-point tensor, but the tensor is ComplexFloat32. Convert it with `to`."
        "another element type",
        (fun () -> assigned skew (ones [ 2L; 2L ]) ((ones [ 2L; 2L ]).``to`` torch.ScalarType.Float64)),
        "skew expects Float32, but the tensor is Float64. Convert it with `to`."
        "no data",
        (fun () -> refused skew (torch.ones ([| 2L; 2L |], device = torch.META))),
        "skew expects a tensor on a device with data, but it is on meta. Move it with `to`."
        "numbers that are none",
        (fun () -> refused skew (ones [ 2L; 2L ] * nan)),
        "skew expects finite numbers, but 4 of the tensor's are NaN or infinite."
        "out of reach",
        (fun () -> ParametrizationError.OutOfReach("product", "it is singular.")),
        "product cannot produce this tensor: it is singular."
        "spaces that do not fit",
        (fun () -> composed positive skew),
        "positive >>> skew does not fit: positive yields positive tensors, but skew needs a space closed under setting entries to zero, or skew-symmetric matrices before it."
        "spaces that do not fit on kernels",
        (fun () -> composed (onKernel orthogonal) (onKernel spectralNorm)),
        "orthogonal >>> onKernel spectralNorm does not fit: orthogonal yields matrices with orthonormal columns or rows, but onKernel spectralNorm needs a space closed under positive multiples, or tensors of spectral norm 1 before it."
        "several tensors",
        (fun () -> composed skew (weightNorm 0)),
        "skew >>> weightNorm 0 does not fit: weightNorm 0 reads several tensors and can only come first. Register it before the other, or remove what is registered first."
        "two tensors",
        (fun () -> composed skew (sum [ identity; symmetric ])),
        "skew >>> sum [ identity; symmetric ] does not fit: sum [ identity; symmetric ] reads several tensors and can only come first. Register it before the other, or remove what is registered first."
        "no right inverse",
        (fun () -> refused (positive >>>! skew) (ones [ 2L; 2L ])),
        "positive >>>! skew has no right inverse, so no tensor can be assigned; write its parameters instead."
    ]

/// The name of the case of a union.
let private caseName (error: ParametrizationError) : string =
    (FSharpValue.GetUnionFields(error, typeof<ParametrizationError>) |> fst).Name

let private complete: Test =
    testCase "every case has a sentence" (fun () ->
        use _ = torch.NewDisposeScope()
        // A device other than the parts' takes two.
        let shown = cases |> List.map (fun (_, error, _) -> caseName (error ())) |> List.distinct |> List.sort

        let all =
            FSharpType.GetUnionCases typeof<ParametrizationError>
            |> Array.map _.Name
            |> Array.sort
            |> List.ofArray

        Expect.equal shown all "the cases")

let tests: Test =
    testList
        "sentences"
        [
            complete
            for name, error, sentence in cases do
                testCase name (fun () ->
                    use _ = torch.NewDisposeScope()
                    Expect.equal (error ()).Message sentence "the message")
        ]
