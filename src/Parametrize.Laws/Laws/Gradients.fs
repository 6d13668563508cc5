/// Derivatives against central differences, in double precision.
module internal Parametrize.Laws.Gradients

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

/// A function of the parameters with one real value: the sum of the tensor's entries, weighted.
let private weigh (weights: torch.Tensor) (tensor: torch.Tensor) : torch.Tensor =
    let product = weights.conj () * tensor
    (if product.is_complex () then product.real else product).sum()

let private dot (left: torch.Tensor) (right: torch.Tensor) : torch.Tensor = weigh left right

let private number (tensor: torch.Tensor) : float = tensor.item<double>()

let private step = 1e-5

let private agree (what: string) (exact: float) (difference: float) (scale: float) : Faults =
    let allowed = 1e-6 * max 1.0 scale
    let distance = abs (exact - difference)

    if distance <= allowed then
        []
    else
        [ Fault.sized distance allowed $"{what}: autograd {exact:g9}, differences {difference:g9}" ]

let private leaf (tensor: torch.Tensor) : torch.Tensor = tensor.detach().clone().requires_grad_ true

/// Gradients of the weighted sum, attached to the graph where they depend on the parameters.
let private slopes (value: Parametrization) (buffers: torch.Tensor seq) (weights: torch.Tensor) (at: torch.Tensor[]) =
    let parts = Parametrization.ofTensorsOfShape weights.shape at buffers value
    let loss = weigh weights (Parametrization.forward value parts)
    loss, gradientsWithGraph loss at

let private gradientsAgree (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let at = parts.Parameters |> Seq.map leaf |> Seq.toArray
        let shape = (Parametrization.form value parts).Shape
        let weights = Case.normalOf shape 1.0 7UL case

        let directions = at |> Array.mapi (fun i x -> Case.normalOf x.shape 1.0 (8UL + uint64 i) case)

        let total (tensors: torch.Tensor[]) = Array.map2 dot directions tensors |> Array.reduce (fun a b -> a + b)

        let moved (distance: float) =
            Array.map2 (fun (x: torch.Tensor) (d: torch.Tensor) -> leaf (x.detach () + d * distance)) at directions

        let lossAndSlope (distance: float) =
            let loss, gradient = slopes value parts.Buffers weights (moved distance)
            number loss, number (total gradient)

        let _, gradient = slopes value parts.Buffers weights at
        let slope = total gradient
        let lossAfter, slopeAfter = lossAndSlope step
        let lossBefore, slopeBefore = lossAndSlope -step
        let size = gradient |> Array.map largest |> Array.max

        let curvature, bend =
            let second = gradients slope at
            number (total second), second |> Array.map largest |> Array.max

        agree "gradient" (number slope) ((lossAfter - lossBefore) / (2.0 * step)) (10.0 * size)
        @ agree "second derivative" curvature ((slopeAfter - slopeBefore) / (2.0 * step)) (10.0 * (size + bend)))

/// The node of a value that is nothing else, if it rounds.
let private rounding (value: Parametrization) : IStraightThrough option =
    match value.Program.Steps with
    | [| Step.Compute(node, _, _, _) |] ->
        match box node with
        | :? IStraightThrough as passing -> Some passing
        | _ -> None
    | _ -> None

let private goesThrough (subject: Subject) (case: Case) : Faults =
    match rounding subject.Value with
    | None -> []
    | Some passing ->
        ok "parts" (Subject.parts 1UL subject case) (fun parts ->
            let at = leaf parts.Parameters[0]
            let weights = Case.normalOf at.shape 1.0 7UL case
            let found = slopes subject.Value parts.Buffers weights [| at |] |> snd |> Array.head
            let expected = passing.Pass([| at |], Seq.toArray parts.Buffers, weights)
            near "gradient" (1e-12 * largest expected) expected found)

let laws: Law list =
    [
        law
            "5"
            "gradients and their gradients equal finite differences"
            "Gradients, and gradients of gradients, equal finite differences."
            gradientsAgree
        |> onlyFor "a derivative" Subject.hasDerivative
        |> onlyFor "double precision" Subject.hasDoubles
        |> on Subject.smoothCases
        law
            "5b"
            "gradients go straight through rounding"
            "Gradients go through a node that rounds as it says: as they are, or not at all where its range ends."
            goesThrough
        |> onlyFor "a node that rounds (IStraightThrough)" (fun subject -> (rounding subject.Value).IsSome)
        |> onlyFor "double precision" Subject.hasDoubles
        |> on Subject.smoothCases
    ]
