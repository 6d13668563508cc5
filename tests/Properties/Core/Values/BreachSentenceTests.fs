/// What is said of each way in which a node of a user's own can break its contract, word for word.
module Properties.Core.Values.BreachSentenceTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core
open Properties.Core.Values.BreakingNodes
open TorchSharp

/// The parts of a similar value whose node keeps the contract, so that only the function under test meets the breach.
let private partsOf (node: Node) (tensor: torch.Tensor) : Parts =
    orFail (Parametrization.initialize (Parametrization.ofNode (Kept(node.Buffers))) tensor)

let private computes (node: Node) (tensor: torch.Tensor) =
    Parametrization.forward (Parametrization.ofNode node) (partsOf node tensor) |> ignore

let private registers (node: Node) (tensor: torch.Tensor) =
    Parametrization.initialize (Parametrization.ofNode node) tensor |> ignore

let private advances (node: Node) (tensor: torch.Tensor) =
    Parametrization.advance (Parametrization.ofNode node) (partsOf node tensor) |> ignore

let private measures (node: Node) (tensor: torch.Tensor) =
    Parametrization.logVolume (Parametrization.ofNode node) (partsOf node tensor) |> ignore

let private determines (node: Node) (tensor: torch.Tensor) =
    let matrices = tensor.diag_embed(0L, 0L, 1L).unsqueeze(0L).expand(4L, 3L, 3L)
    Parametrization.logAbsDet (Parametrization.ofNode node) (partsOf node matrices) |> ignore

let private saturates (node: Node) (tensor: torch.Tensor) =
    Parametrization.saturation (Parametrization.ofNode node) (partsOf node tensor) |> ignore

let private samples (node: Node) (tensor: torch.Tensor) =
    Parametrization.sample (Parametrization.ofNode node) (Form.ofTensor tensor) None |> ignore

let private undoes (node: Node) (tensor: torch.Tensor) =
    Parametrization.undo (Parametrization.ofNode node) tensor |> ignore

let private cases: (string * (unit -> Node) * (Node -> torch.Tensor -> unit) * string) list =
    let device = Case.device
    let form = $"[3] Float64 on {device}"
    let pulling = $"Invert (RightInverse in C#) of {form}"
    let volume = "one real number for each problem, in a shape with which [3] begins, or one for all"
    let broken doing expected found = $"own breaks its contract in {doing}. Expected: {expected}; found: {found}."
    let calls = ref 1.0

    let another (tensor: torch.Tensor) =
        calls.Value <- calls.Value + 1.0
        tensor * calls.Value.ToScalar()

    let count (forms: int) : Node =
        { new Kept() with
            override _.Inputs form = Ok(List.replicate forms form)
        }

    [
        "no form of an input", (fun () -> count 0), registers, broken "Inputs (InputShapes in C#)" "1 inputs" "0 forms"
        "forms of two inputs", (fun () -> count 2), registers, broken "Inputs (InputShapes in C#)" "1 inputs" "2 forms"
        "a map to null", (fun () -> forward (fun _ -> none)), computes, broken "Forward" "a tensor" "null"
        "a map to what is disposed",
        (fun () -> forward disposed),
        computes,
        broken "Forward" "a tensor" "a disposed tensor"
        "a map to what is sparse",
        (fun () -> forward _.to_sparse()),
        computes,
        broken "Forward" "a tensor" "a sparse tensor"
        "a map to another element type",
        (fun () -> forward single),
        computes,
        broken "Forward" "a tensor of Float64" "one of Float32"
        "a map to another device",
        (fun () -> forward _.``to``(torch.META)),
        computes,
        broken "Forward" $"a tensor on {device}" "one on meta"
        "a map without gradients",
        (fun () -> forward (fun input -> input.detach().clone())),
        computes,
        broken
            "Forward"
            "a tensor through which gradients reach what it is computed from"
            "one that was detached, or computed under no_grad"
        "a map to another shape",
        (fun () -> forward ofOthers),
        registers,
        broken pulling form $"[1] Float64 on {device}"
        "a map that writes",
        (fun () -> forward (fun input -> input.clone () + input.mul_ (2.0.ToScalar()) * 0.0.ToScalar())),
        registers,
        broken "Forward" "that it leaves its inputs as they are" "others"
        "a map that is random",
        (fun () -> forward another),
        registers,
        broken "Forward" "one tensor, whenever it is computed" "two that are 2 apart"
        "a map that doubles",
        (fun () -> forward (fun input -> input * 2.0.ToScalar())),
        registers,
        broken pulling "a right inverse, from which it yields that tensor up to 6.04e-14" "1"
        "no inputs",
        (fun () -> inverse (fun _ -> [||]) []),
        registers,
        broken pulling "1 inputs and 0 buffers" "0 inputs and 0 buffers"
        "inputs that are null",
        (fun () -> inverse (fun _ -> Unchecked.defaultof<_>) []),
        registers,
        broken pulling "1 inputs and 0 buffers" "0 inputs and 0 buffers"
        "no buffers",
        (fun () -> inverse Array.singleton [ level ]),
        registers,
        broken pulling "1 inputs and 1 buffers" "1 inputs and 0 buffers"
        "an input of another shape",
        (fun () -> inverse (ofOthers >> Array.singleton) []),
        registers,
        broken pulling "an input of shape [3]" $"[1] Float64 on {device}"
        "an input of another element type",
        (fun () -> inverse (single >> Array.singleton) []),
        registers,
        broken pulling "an input of Float64" $"[3] Float32 on {device}"
        "two buffers for one",
        (fun () -> learning (fun buffers -> Array.append buffers buffers)),
        advances,
        broken "Advance" "1 buffers" "2"
        "no buffers for one", (fun () -> learning (fun _ -> [||])), advances, broken "Advance" "1 buffers" "0"
        "null for buffers",
        (fun () -> learning (fun _ -> Unchecked.defaultof<_>)),
        advances,
        broken "Advance" "1 buffers" "null"
        "a buffer of another shape",
        (fun () -> learning (Array.map ofOthers)),
        advances,
        broken "Advance" form $"[1] Float64 on {device}"
        "a volume that is null", (fun () -> measured (fun _ -> none)), measures, broken "LogVolume" volume "null"
        "a volume of another shape",
        (fun () -> measured (fun input -> torch.zeros ([| 2L |], dtype = float64, device = input.device))),
        measures,
        broken "LogVolume" volume $"[2] Float64 on {device}"
        "a volume of whole numbers",
        (fun () -> measured (fun input -> input.``to`` torch.ScalarType.Int64)),
        measures,
        broken "LogVolume" volume $"[3] Int64 on {device}"
        "determinants of another shape",
        (fun () -> determined (fun input -> input.sum ())),
        determines,
        broken "LogAbsDet" "real numbers of shape [4]" $"[] Float64 on {device}"
        "determinants that are whole numbers",
        (fun () -> determined (fun input -> input.sum([| -2L; -1L |]).``to`` torch.ScalarType.Int64)),
        determines,
        broken "LogAbsDet" "real numbers of shape [4]" $"[4] Int64 on {device}"
        "slopes that are whole numbers",
        (fun () -> saturating (fun input -> input.``to`` torch.ScalarType.Int64)),
        saturates,
        broken "Slopes" "a tensor of real numbers" "another"
        "slopes that are disposed",
        (fun () -> saturating disposed),
        saturates,
        broken "Slopes" "a tensor of real numbers" "a disposed tensor"
        "a sample of another shape",
        (fun () -> sampling (fun form -> torch.zeros ([| 2L |], dtype = form.Dtype, device = form.Device))),
        samples,
        broken $"Sample of {form}" form $"[2] Float64 on {device}"
        "a sample that is no number",
        (fun () ->
            sampling (fun form -> torch.full (form.Shape, nan.ToScalar(), dtype = form.Dtype, device = form.Device))),
        samples,
        $"own returned NaN or infinite numbers in Sample of {form}. Where a tensor is not allowed, `Nearest` has to return an allowed one; its default in C#, the image of the right inverse, may not be one."
        "undone to null", (fun () -> undone (fun _ -> none)), undoes, broken "undoing" "a tensor" "null"
        "undone to what is sparse",
        (fun () -> undone _.to_sparse()),
        undoes,
        broken "undoing" "a tensor" "a sparse tensor"
    ]

let private isSaid (node: Node) (work: Node -> torch.Tensor -> unit) (sentence: string) : unit =
    let tensor = torch.ones ([| 3L |], dtype = float64, device = Case.device)

    let message =
        try
            work node tensor
            "nothing is said"
        with :? InvalidOperationException as error ->
            error.Message

    Expect.equal message sentence "the message"

let tests: Test =
    testList
        "sentences of contracts"
        [
            for name, node, work, sentence in cases do
                inScope name (fun () -> isSaid (node ()) work sentence)
        ]
