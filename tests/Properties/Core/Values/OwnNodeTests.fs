/// Nodes of a user's own that learn, add noise, or have no right inverse, alone and beside others.
module Properties.Core.Values.OwnNodeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64 = torch.ScalarType.Float64

let private normal: uint64 -> int64 list -> torch.Tensor = normalOn Case.device float64

/// Moves towards the mean of what it has read, and subtracts that: nothing to which it would converge at once.
type private Centred() =
    inherit Node()
    override _.Code = Code.Call("centred", [])
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space.all
    override _.Buffers = [ { Name = "mean"; Role = BufferRole.Learned; FormFor = id } ]
    override _.Forward(inputs, buffers) = inputs[0] - buffers[0]
    override _.Contains(_, _, _) = Ok()

    override _.Invert(present, tensor, _, _) =
        let mean = if present.Length = 1 then present[0] else torch.zeros_like tensor
        NodeParts.carrying (tensor + mean) [ mean.clone () ]

    interface ILearns with
        member _.Advance(inputs, buffers) = [| (buffers[0] + inputs[0]) / 2.0.ToScalar() |]

type private Noisy(code: string, inTraining: torch.Tensor -> torch.Tensor) =
    inherit Node()
    override _.Code = Code.Call(code, [])
    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = inputs[0].clone()
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput tensor

    interface INoisy with
        member _.ForwardInTraining(inputs, _) = inTraining inputs[0]

type private OneWay() =
    inherit Node()
    override _.Code = Code.Call("oneWay", [])
    override _.Codomain _ = Space.all
    override _.HasRightInverse = false
    override _.Forward(inputs, _) = inputs[0].sin()
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput tensor

/// Spoils what it is given, which is its own.
type private Spoiling() =
    inherit Node()
    override _.Code = Code.Call("spoiling", [])
    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = inputs[0].clone()

    override _.Contains(_, tensor, _) =
        tensor.zero_ () |> ignore
        Ok()

    override _.Invert(_, tensor, _, _) =
        let kept = tensor.clone ()
        tensor.zero_ () |> ignore
        NodeParts.ofInput kept

let private writesIntoItsOwn () : unit =
    use _ = torch.NewDisposeScope()
    let value = Parametrization.ofNode (Spoiling())
    let tensor = normal 1UL [ 3L ]
    let before = tensor.clone ()
    let parts = orFail (Parametrization.initialize value tensor)
    Expect.isOk (Parametrization.contains value tensor) "contains"
    Expect.isOk (Parametrization.admits value parts tensor) "admits"
    orFail (Parametrization.rightInverse value parts tensor) |> ignore
    Expect.equal (Measures.apart tensor before) 0.0 "the tensor"

let private addsNoise () : unit =
    let alone = Parametrization.ofNode (Noisy("noisy", fun input -> input + 1.0.ToScalar()))

    for value in [ alone; alone >>> scale 1.0; scale 1.0 >>> alone ] do
        for dtype in [ torch.ScalarType.Float16; torch.ScalarType.BFloat16; torch.ScalarType.Float32; float64 ] do
            use _ = torch.NewDisposeScope()
            let tensor = (normal 1UL [ 3L ]).``to`` dtype
            let parts = orFail (Parametrization.initialize value tensor)
            Expect.equal (Measures.apart (Parametrization.forward value parts) tensor) 0.0 $"{value} in evaluation"
            let noisy = Parametrization.forwardInTraining value parts
            Expect.isGreaterThan (Measures.apart noisy tensor) 0.9 $"{value} in training, {dtype}"

let private learnsBehindWhatHasLearnt () : unit =
    use _ = torch.NewDisposeScope()
    let one = Parametrization.ofNode (Centred())
    let value = one >>> one
    let tensor = normal 1UL [ 3L ]
    let next = Parametrization.advance value (orFail (Parametrization.initialize value tensor))
    Expect.isLessThan (Measures.apart next.Buffers[0] (tensor / 2.0.ToScalar())) 1e-14 "the first"
    Expect.isLessThan (Measures.apart next.Buffers[1] (tensor / 4.0.ToScalar())) 1e-14 "the second"

/// By itself only what converges is found anew; everything, when somebody asks for it.
let private refreshesWhatConverges () : unit =
    use _ = torch.NewDisposeScope()
    let value = spectralNorm >>>! Parametrization.ofNode (Centred())
    let parts = orFail (Parametrization.start value (normal 1UL [ 3L; 3L ]))
    let learnt = parts |> Parametrization.advance value |> Parametrization.advance value
    let leaves = learnt.Parameters |> Seq.map (fun leaf -> leaf.detach () + normal 2UL [ 3L; 3L ])
    let written = Parametrization.ofTensorsLike learnt leaves learnt.Buffers value
    let again = orFail (Parametrization.refreshConverging value written)
    Expect.isGreaterThan (Measures.apart again.Buffers[0] written.Buffers[0]) 0.0 "the singular vector"
    Expect.equal (Measures.apart again.Buffers[2] written.Buffers[2]) 0.0 "the mean"
    let whole = orFail (Parametrization.refresh value written)
    Expect.isGreaterThan (Measures.apart whole.Buffers[2] written.Buffers[2]) 0.0 "the mean, asked for"

let private hasNoRightInverse () : unit =
    let alone = Parametrization.ofNode (OneWay())
    let tensor = normal 1UL [ 3L ]

    for value in
        [
            alone
            alone >>> scale 2.0
            scale 2.0 >>> alone
            sum [ identity; alone ]
            joined [ alone; identity ] (weightNorm 0)
        ] do
        Expect.isFalse (Parametrization.hasRightInverse value) $"{value}"

        match Parametrization.contains value tensor, Parametrization.initialize value tensor with
        | Error(ParametrizationError.NoRightInverse _), Error(ParametrizationError.NoRightInverse _) -> ()
        | other -> failtest $"{value}: {other}"

/// In training it yields the mean of the rows, which a layer would add to each row in silence.
let private keepsItsShape () : unit =
    use _ = torch.NewDisposeScope()
    let value = Parametrization.ofNode (Noisy("shrinking", _.mean([| 0L |], keepdim = true)))


    for value in [ value; value >>> scale 2.0; transposed value ] do
        let parts = orFail (Parametrization.initialize value (normal 1UL [ 3L; 2L ]))

        Parametrization.forward value parts |> ignore

        let error = Expect.throwsC (fun () -> Parametrization.forwardInTraining value parts |> ignore) _.Message

        Expect.stringContains
            error
            "shrinking breaks its contract in ForwardInTraining. Expected: a tensor of shape"
            $"{value}"

/// Takes pairs of numbers to other pairs: `y = x M` with `det M = 4`.
type private Pairs(isNull: bool) =
    inherit Node()
    let matrix () : torch.Tensor = (torch.ones ([| 2L; 2L |], dtype = float64)).triu 0L * 2.0.ToScalar()
    override _.Code = Code.Call("pairs", [])
    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = inputs[0].matmul(matrix ())
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput (tensor.matmul (matrix().inverse()))

    interface IBijection with
        member _.Back tensor = if isNull then Unchecked.defaultof<_> else tensor.matmul (matrix().inverse())

    interface IVolume with
        member _.LogVolume(inputs, _) = torch.full_like (inputs[0].select(-1L, 0L), (log 4.0).ToScalar())

let private inverseHasVolume () : unit =
    use _ = torch.NewDisposeScope()
    let value = inverse (Parametrization.ofNode (Pairs false))
    let parts = Parametrization.ofTensors [ normal 1UL [ 3L; 2L ] ] [] value
    let volume = Option.get (Parametrization.logVolume value parts)
    Expect.isLessThan (Measures.largest (volume + (3.0 * log 4.0).ToScalar())) 1e-12 "the volume of all pairs"
    let volumes = Option.get (Parametrization.logVolumes 1 value parts)
    Expect.equal volumes.shape [| 3L |] "a volume of each pair"

let private isNotUndoneToNull () : unit =
    use _ = torch.NewDisposeScope()

    let error =
        Expect.throwsC
            (fun () -> Parametrization.undo (Parametrization.ofNode (Pairs true)) (normal 1UL [ 3L; 2L ]) |> ignore)
            _.Message

    Expect.stringContains error "pairs breaks its contract in undoing" "null"

let tests: Test =
    testList
        "own nodes"
        [
            testCase "noise is added in training, in every element type" addsNoise
            testCase "a node learns behind what has learnt" learnsBehindWhatHasLearnt
            testCase "a node writes into nothing of the caller's" writesIntoItsOwn
            testCase "what converges is found anew" refreshesWhatConverges
            testCase "a node keeps to its shape in training" keepsItsShape
            testCase "the inverse of a node that mixes entries has a volume" inverseHasVolume
            testCase "a node is not undone to null" isNotUndoneToNull
            testCase "a value has no right inverse when one of its nodes has none" hasNoRightInverse
        ]
