/// A user's node whose right inverse does not fit its inputs: an error must name this mistake before it does harm.
module Properties.Core.ContractTests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

/// What the right inverse gives instead of the tensor, and what the message must say about it.
type private Mistake =
    {
        Name: string
        Spoil: torch.Tensor -> torch.Tensor list
        Expected: string
        Found: string
        /// Whether the mistake can be detected only if another node stands before the node.
        NeedsNeighbour: bool
    }

    override this.ToString() : string = this.Name

let private mistake name spoil expected found : Mistake =
    {
        Name = name
        Spoil = spoil
        Expected = expected
        Found = found
        NeedsNeighbour = false
    }

let private none = mistake "none" List.singleton "" ""

let private cast (dtype: torch.ScalarType) =
    mistake $"{dtype}" (fun tensor -> [ tensor.``to`` dtype ]) "an input of Float" $"{dtype}"

let private mistakes: Mistake list =
    [
        cast torch.ScalarType.Float16
        cast torch.ScalarType.Int64
        cast torch.ScalarType.ComplexFloat64
        mistake "another device" (fun tensor -> [ tensor.``to`` torch.META ]) $"tensors on {Case.device}" "meta"
        mistake "no input" (fun _ -> []) "1 inputs and 0 buffers" "0 inputs"
        mistake "two inputs" (fun tensor -> [ tensor; tensor ]) "1 inputs and 0 buffers" "2 inputs"
        { mistake "a vector" (fun tensor -> [ tensor.flatten () ]) "an input of shape [3, 3]" "[9]" with
            NeedsNeighbour = true
        }
        { mistake "another shape" (fun tensor -> [ tensor.narrow (0, 0, 2) ]) "an input of shape [3, 3]" "[2, 3]" with
            NeedsNeighbour = true
        }
    ]

/// Leaves every tensor as it is, or pretends that it has to.
type private Mistaken(mistake: Mistake, isAllowed: bool) =
    inherit Node()

    override _.Code = Code.Call("mistaken", [])
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = inputs[0].clone()

    override _.Contains(_, _, _) =
        if isAllowed then
            Ok()
        else
            Error { Condition = "never"; Size = 1.0; Limit = 0.0 }

    override _.Invert(_, tensor, _, _) = Ok { Inputs = List.toArray (mistake.Spoil tensor); Buffers = [||] }

type private Place =
    | Alone
    | Behind
    | Before
    | Between

let private chain (place: Place) (node: Node) : Parametrization =
    let value, after = Parametrization.ofNode node, Parametrization.ofNode (Mistaken(none, true))

    match place with
    | Alone -> value
    | Behind -> symmetric |> Parametrization.andThen value
    | Before -> value |> Parametrization.andThen after
    | Between -> symmetric |> Parametrization.andThen value |> Parametrization.andThen after

let private cases: Gen<(Mistake * Place) * (bool * torch.ScalarType)> =
    Gen.zip
        (Gen.zip (Gen.elements mistakes) (Gen.elements [ Alone; Behind; Before; Between ]))
        (Gen.zip (Gen.elements [ true; false ]) (Gen.elements [ torch.ScalarType.Float32; torch.ScalarType.Float64 ]))
    |> Gen.filter (fun ((mistake, place), (_, dtype)) ->
        mistake.Name <> string dtype && (not mistake.NeedsNeighbour || place = Behind || place = Between))

/// Every function that pulls back, by what it does with tensors that are allowed or not.
let private functions (place: Place) (isAllowed: bool) (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) =
    [
        if isAllowed then
            fun () -> Parametrization.initialize value tensor |> ignore
            fun () -> Parametrization.rightInverse value parts tensor |> ignore

            // The first node is only asked whether it contains the tensor.
            if place = Behind || place = Between then
                fun () -> Parametrization.contains value tensor |> ignore

        fun () -> Parametrization.initializeNearest value tensor |> ignore
    ]

let private isNamed ((mistake: Mistake, place: Place), (isAllowed: bool, dtype: torch.ScalarType)) : unit =
    use _ = torch.NewDisposeScope()
    let tensor = torch.ones (3L, 3L, dtype = dtype, device = Case.device)

    let parts =
        match Parametrization.initialize (chain place (Mistaken(none, true))) tensor with
        | Ok parts -> parts
        | Error error -> failtest $"{error}"

    for pullBack in functions place isAllowed (chain place (Mistaken(mistake, isAllowed))) parts tensor do
        let thrown = Expect.throwsC pullBack id
        Expect.isTrue (thrown :? InvalidOperationException) $"{thrown}"

        for word in [ "mistaken breaks its contract"; $"[3, 3] {dtype}"; mistake.Expected; mistake.Found ] do
            Expect.stringContains thrown.Message word "the message"

/// `2 X`, with this for its right inverse.
type private Doubled(inverse: torch.Tensor -> torch.Tensor, isAllowed: bool) =
    inherit Node()

    override _.Code = Code.Call("mistaken", [])
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = inputs[0] * 2.0

    override _.Contains(_, _, _) =
        if isAllowed then
            Ok()
        else
            Error { Condition = "never"; Size = 1.0; Limit = 0.0 }

    override _.Invert(_, tensor, _, _) = NodeParts.ofInput (inverse tensor)

let private isUndone (share: float) (dtype: torch.ScalarType) (place: Place) (isAllowed: bool) : unit =
    use _ = torch.NewDisposeScope()
    let tensor = torch.ones (3L, 3L, dtype = dtype, device = Case.device)

    let parts =
        match Parametrization.initialize (chain place (Doubled((fun tensor -> tensor * 0.5), true))) tensor with
        | Ok parts -> parts
        | Error error -> failtest $"{error}"

    let value = Doubled((fun tensor -> tensor * share), isAllowed) |> chain place

    for pullBack in functions place isAllowed value parts tensor do
        // Projecting everything to zero is a projection, if a poor one.
        if share = 0.5 || share = 0.0 && not isAllowed then
            pullBack ()
        else
            let thrown = Expect.throwsC pullBack id
            Expect.isTrue (thrown :? InvalidOperationException) $"{thrown}"
            Expect.stringContains thrown.Message "mistaken breaks its contract" "the message"
            Expect.stringContains thrown.Message "a right inverse" "the message"

/// Says that its buffer is one number, and makes another.
type private Carrying(made: torch.Tensor -> torch.Tensor) =
    inherit Node()

    override _.Code = Code.Call("mistaken", [])
    override _.Codomain _ = Space.all

    override _.Buffers =
        [
            {
                Name = "level"
                Role = BufferRole.Constant
                FormFor = fun form -> { form with Shape = [||] }
            }
        ]

    override _.Forward(inputs, buffers) = inputs[0] + buffers[0]
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.carrying (tensor - (made tensor)) [ made tensor ]

let private buffersAreAsDeclared () : unit =
    use _ = torch.NewDisposeScope()
    let tensor = torch.ones (3L, 3L, dtype = torch.ScalarType.Float64, device = Case.device)
    let register made () = Parametrization.start (Parametrization.ofNode (Carrying made)) tensor |> ignore
    register _.mean() ()

    for made, expected, found in
        [
            (fun (tensor: torch.Tensor) -> tensor.mean [| 0L |]), "a buffer level of shape []", "[3]"
            (fun (tensor: torch.Tensor) -> tensor.mean().``to`` torch.ScalarType.Float32),
            "a buffer level of Float64",
            "Float32"
        ] do
        let thrown = Expect.throwsC (register made) id
        Expect.isTrue (thrown :? InvalidOperationException) $"{thrown}"

        for words in [ "mistaken breaks its contract"; expected; found ] do
            Expect.stringContains thrown.Message words "the message"

let tests: Test =
    testList
        "contracts"
        [
            testCase "buffers are as the node says" buffersAreAsDeclared
            testList
                "the map undoes the right inverse"
                [
                    for share in [ 0.5; 1.0; 3.0; 0.0; -0.5 ] do
                        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.BFloat16 ] do
                            for place in [ Alone; Behind; Before; Between ] do
                                for isAllowed in [ true; false ] do
                                    testCase $"{share} {dtype} {place} {isAllowed}" (fun () ->
                                        isUndone share dtype place isAllowed)
                ]
            testCase "an inverse that is not what the node reads is a mistake that is named" (fun () ->
                Check.One(
                    Config.QuickThrowOnFailure.WithMaxTest(200).WithQuietOnSuccess true,
                    Prop.forAll (Arb.fromGen cases) isNamed
                ))
            testCase "several inputs may be of other element types" (fun () ->
                use _ = torch.NewDisposeScope()

                let tensor = torch.ones (3L, 3L, dtype = torch.ScalarType.ComplexFloat64, device = Case.device)

                Expect.isOk (Parametrization.initialize (weightNorm 0) tensor) "weight norm")
        ]
