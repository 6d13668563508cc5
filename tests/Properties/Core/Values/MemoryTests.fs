/// What is said of parts that need more memory than there is: how much, and how much of it for the largest, whichever that is.
module Properties.Core.Values.MemoryTests

open Expecto
open Parametrize
open Parametrize.Laws
open TorchSharp

/// Carries a square matrix for each of these multiples of the longest side.
type private Carrying(multiples: int64 list) =
    inherit Node()

    override _.Code = Code.call "carrying" [ Code.Items(List.map Code.Long multiples) ]
    override _.Codomain _ = Space.all

    override _.Buffers =
        [
            for multiple in multiples do
                {
                    Name = $"times{multiple}"
                    Role = BufferRole.Constant
                    FormFor =
                        fun form ->
                            { form with
                                Shape = [| multiple * Array.max form.Shape; Array.max form.Shape |]
                            }
                }
        ]

    override _.Forward(inputs, _) = inputs[0] * (1.0).ToScalar()
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.carrying tensor []

/// Multiples, the gigabytes of all parts and of the largest, and its shape, for a million rows: numbers take 8 bytes.
let private cases: (int64 list * string * string * string) list =
    [
        [ 1L ], "8,000 GB", "8,000 GB", "[1000000, 1000000]"
        [ 1L; 2L ], "24,000 GB", "16,000 GB", "[2000000, 1000000]"
        [ 3L; 1L; 2L ], "48,000 GB", "24,000 GB", "[3000000, 1000000]"
        [ 1L; 1L; 5L; 1L ], "64,000 GB", "40,000 GB", "[5000000, 1000000]"
    ]

let tests: Test =
    testCase "what needs too much memory is told with the largest of it" (fun () ->
        use _ = torch.NewDisposeScope()
        let tensor = torch.zeros (1_000_000L, 2L, dtype = torch.float32, device = Case.device)

        for multiples, all, largest, shape in cases do
            let value = Parametrization.ofNode (Carrying multiples)

            for found in
                [
                    Parametrization.start value tensor
                    Parametrization.initialize value tensor
                    Parametrization.initializeNearest value tensor
                ] do
                match found with
                | Error(ParametrizationError.OutOfReach(name, reason)) ->
                    let expected =
                        $"computing its parts takes {all}, {largest} of it for one of shape {shape}, but this process can have "

                    Expect.stringStarts reason expected $"{value}"
                    Expect.equal name value.Code "which value"
                | other -> failtest $"{value}: %A{other}")
