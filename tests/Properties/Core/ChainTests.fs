/// Which values follow each other, and what is said about those that do not.
module Properties.Core.ChainTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private refused (left: Parametrization) (right: Parametrization) (words: string list) : Test =
    testCase $"{left} >>> {right}" (fun () ->
        match Parametrization.tryAndThen right left with
        | Ok chain -> failtest $"{chain} was accepted"
        | Error error ->
            // Both neighbours by their names, and both spaces.
            for word in string left :: string right :: words do
                Expect.stringContains error.Message word "the message"

            let thrown = Expect.throwsC (fun () -> left >>> right |> ignore) (fun thrown -> thrown)

            Expect.isTrue (thrown :? ArgumentException) "the operator throws ArgumentException"
            Expect.stringContains thrown.Message (string right) "the exception's message")

let private prints (value: Parametrization) (code: string) : Test =
    testCase code (fun () -> Expect.equal (string value) code "the printed value")

let private ok (result: Result<Parts, ParametrizationError>) : Parts =
    match result with
    | Ok parts -> parts
    | Error error -> failtest $"{error}"

let tests: Test =
    testList
        "chains"
        [
            testList
                "refused"
                [
                    refused symmetric cayley [ "cayley needs all tensors, or skew-symmetric matrices" ]
                    refused cayley skew [ "matrices with orthonormal columns or rows"; "skew needs a space" ]
                    refused skew weightNormWhole [ "several tensors" ]
                    refused (sphere 1.0) (spdAbove 0.5) [ "vectors of norm 1"; "all tensors before it" ]
                    // Skew as one sees it, not as the other does.
                    refused (onKernel skew) (transposed cayley) [ "does not fit" ]
                    refused (transposed skew) (onKernel cayley) [ "does not fit" ]
                    refused (onKernel symmetric) (transposed matrixExponential) [ "does not fit" ]
                    refused positive symmetric [ "positive tensors"; "setting entries to zero" ]
                ]
            testCase "prunings of kernels are one, as those of matrices" (fun () ->
                let least, random =
                    pruned (Pruning.L1(Amount.Share 0.5)), pruned (Pruning.Random(Amount.Count 3L, 1UL))

                Expect.equal (onKernel least >>> onKernel random) (onKernel (least >>> random)) "the value"
                Expect.equal (onKernel (least >>> random)).Nodes.Count 1 "its nodes"

                Expect.equal (onKernel (skew >>> cayley)).Nodes.Count 2 "others stay apart")
            testList
                "printed"
                [
                    prints (skew >>> cayley) "skew >>> cayley"
                    prints (identity >>> identity) "identity"
                    prints
                        (skewFrom Triangle.Lower >>> orthogonalWithoutBase OrthogonalMap.MatrixExp)
                        "skewFrom Triangle.Lower >>> orthogonalWithoutBase OrthogonalMap.MatrixExp"
                    prints (bounded -1.5 infinity) "bounded (-1.5) infinity"
                    prints (bounded -3.0 1e-5) "bounded (-3.0) 1E-05"
                    prints (bounded -infinity 2.0) "bounded (-infinity) 2.0"
                    prints (sphere 1.0) "sphere 1.0"
                    prints (sphereExp 2.0) "sphereExp 2.0"
                    prints (spdAbove 2.0) "spdAbove 2.0"
                    prints (weightNorm -1) "weightNorm (-1)"
                    prints (onKernel (skew >>> cayley)) "onKernel skew >>> onKernel cayley"
                    prints (onKernel (spdAbove 0.5)) "onKernel (spdAbove 0.5)"
                    prints (onKernel (pruned (Pruning.Groups(2, 4)))) "onKernel (pruned (Pruning.Groups(2, 4)))"
                    prints
                        (spectralNormWith { SpectralNorm.defaults with Bound = 2.5 })
                        "spectralNormWith { SpectralNorm.defaults with Bound = 2.5 }"
                    prints (pruned (Pruning.L1(Amount.Share 0.5))) "pruned (Pruning.L1 (Amount.Share 0.5))"
                ]
            testCase "a sum that is joined takes the rest with an input that is free" (fun () ->
                Expect.equal
                    (Parametrization.joined [ positive; identity ] (sum [ identity; identity ]))
                    (sum [ positive; identity ])
                    "the sum")
            testCase "errors name what was typed, not the node that combines it" (fun () ->
                use _ = torch.NewDisposeScope()

                for value, shape in
                    [
                        blockDiagonal [ orthogonal; skew ], [| 3L; 4L |]
                        svd 3L [ orthogonal; positive; cayley ], [| 2L; 4L |]
                        slices 0 [ 2L, skew; 1L, identity ], [| 2L; 4L |]
                        sum [ identity; symmetric ], [||]
                        onKernel (blockDiagonal [ orthogonal; skew ]), [| 3L; 2L; 2L |]
                    ] do
                    match Parametrization.contains value (torch.zeros (shape, dtype = torch.ScalarType.Float64)) with
                    | Error error when value = sum [ identity; symmetric ] ->
                        Expect.stringContains error.Message "symmetric" "the message"
                    | Error error -> Expect.stringStarts error.Message $"{value} expects" "the message"
                    | Ok() -> failtest $"{value} has a shape"

                let value = blockDiagonal [ orthogonal; skew ]

                match Parametrization.contains value (torch.ones (4L, 4L)) with
                | Error error -> Expect.stringContains error.Message $"not allowed by {value}:" "the message"
                | Ok() -> failtest "ones are no block diagonal matrix")
            testCase "buffers are named by the place of their node" (fun () ->
                let chain = weightNorm 0 >>> spectralNorm
                Expect.equal (Parametrization.bufferNames chain) [ "1._u"; "1._v" ] "buffers"
                Expect.equal (Parametrization.parameterNames chain) [ "original0"; "original1" ] "parameters"
                Expect.equal (Parametrization.bufferNames (skew >>> cayley)) [ "1.base" ] "base"
                Expect.equal (Parametrization.parameterNames skew) [ "original" ] "one parameter")
            testCase "a refusal names the two neighbours, not the whole chain" (fun () ->
                match Parametrization.tryAndThen cayley (skew >>> cayley) with
                | Error(ParametrizationError.SpacesDoNotFit(left, _, right, _)) ->
                    Expect.equal (left, right) ("cayley", "cayley") "neighbours"
                | other -> failtest $"{other}")
            testCase "pieces of several spaces have no zeros because one of them has" (fun () ->
                let l1 = pruned (Pruning.L1(Amount.Share 0.5))

                for pieces in
                    [
                        [ 1L, positive; 1L, above 5.0 ]
                        [ 1L, above 5.0; 1L, identity ]
                        [ 1L, bounded -1.0 1.0; 1L, above 7.0 ]
                    ] do
                    Expect.isError (Parametrization.tryAndThen l1 (slices 0 pieces)) $"{pieces}"

                Expect.isOk (Parametrization.tryAndThen l1 (slices 0 [ 1L, identity; 1L, identity ])) "free entries")
            testCase "masks behind a value that does not fit are one mask that does not fit" (fun () ->
                let mask entries = pruned (Pruning.Custom(Mask.OfArray([| 1L; 4L |], entries)))
                let first, second = mask [| true; true; false; true |], mask [| false; true; true; true |]
                let value = simplex >>>! first >>> second
                Expect.equal value (simplex >>>! (first >>> second)) "one mask"
                Expect.stringContains (string value) ">>>!" "its text"
                Expect.equal (Parametrization.parse (string value)) (Ok value) "it reads back"

                Expect.equal
                    (Tree.space value.Tree).Name
                    (Tree.space (simplex >>>! first).Tree).Name
                    "nothing more is known")
            testCase "a further node leaves masks as they are, also where others would do" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = pruned (Pruning.L1(Amount.Count 2L))
                let numbers (values: float list) = torch.tensor (List.toArray values, device = Case.device)
                let start = ok (Parametrization.start value (numbers [ 4.0; 1.0; 3.0; 2.0 ]))

                let trained =
                    Parametrization.ofTensorsLike start [ numbers [ 0.0; 5.0; 0.0; 6.0 ] ] start.Buffers value

                let tensor = Parametrization.forward value trained
                let longer = value >>> scale 2.0
                let extended = ok (Accepting.extend longer trained tensor)
                Expect.equal (Measures.apart extended.Buffers[0] start.Buffers[0]) 0.0 "the mask"
                Expect.equal (Measures.apart (Parametrization.forward longer extended) tensor) 0.0 "the tensor")
            testCase "a pruning chooses among what the nodes before it yield" (fun () ->
                use _ = torch.NewDisposeScope()
                use generator = new torch.Generator(1UL, torch.CPU)
                let dense = (torch.randn (10L, 10L, device = torch.CPU, generator = generator)).``to`` Case.device

                for pruning, kept in [ Pruning.UpTo 0.9, 10L; Pruning.L1(Amount.Count 95L), 5L ] do
                    let value = diagonal >>> pruned pruning
                    let tensor = Parametrization.forward value (ok (Parametrization.start value dense))
                    let isKept = tensor.ne (0.0.ToScalar())
                    Expect.equal (isKept.sum().item<int64>()) kept "entries of the diagonal"
                    Expect.equal (isKept.diagonal().sum().item<int64>()) kept "all of them on it")
            testCase "an assigned orthogonal matrix comes back exactly, with parameter zero" (fun () ->
                use _ = torch.NewDisposeScope()
                let chain = skew >>> cayley
                let form = Form.ofTensor (torch.zeros (5L, 5L, device = Case.device))
                let tensor = Parametrization.sample chain form None
                let parts = ok (Parametrization.initialize chain tensor)
                Expect.equal (Measures.largest parts.Parameters[0]) 0.0 "the parameter"
                Expect.isTrue (Parametrization.forward chain parts |> tensor.Equals) "the tensor")
        ]
