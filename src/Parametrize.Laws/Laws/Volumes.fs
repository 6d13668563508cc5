/// Volumes in closed form against the singular values of the derivative.
module internal Parametrize.Laws.Volumes

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

/// `log` of the product of the singular values of the derivative that are not zero, of which there are as many as dimensions.
let logVolume (value: Parametrization) (parts: Parts) : float =
    let values = torch.linalg.svdvals (Dimensions.jacobian value parts)

    let count =
        match Dimension.tryOf value parts with
        | Some dimension -> min dimension (values.numel ())
        | None -> values.numel ()

    values.narrow(0L, 0L, count).log().sum().item<double>()

let private size = 1e-10

let private agreeing (what: string) (expected: float) (found: float) : Faults =
    let allowed, distance = size * max 1.0 (abs expected), abs (found - expected)

    if distance <= allowed then
        []
    else
        [ Fault.sized distance allowed $"{what} is {found:g12}, not {expected:g12}" ]

/// A closed form may be known for square matrices, or for real ones, only.
let private withVolume (subject: Subject) (parts: Parts) (check: torch.Tensor -> Faults) : Faults =
    match Parametrization.logVolume subject.Value parts with
    | None -> []
    | Some number -> check number

let private agrees (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        withVolume subject parts (fun number ->
            agreeing "the volume, by the derivative," (logVolume subject.Value parts) (number.item<double>())))

/// The volumes of a batch of three against those of its elements, and their sum.
let private areOfElements (subject: Subject) (case: Case) : Faults =
    let dimensions = case.Shape.Length
    let value = subject.Value

    let batched = { case with Shape = Array.append [| 3L |] case.Shape }

    ok "parts" (Subject.parts 1UL subject batched) (fun parts ->
        withVolume subject parts (fun sum ->
            match Parametrization.logVolumes dimensions value parts with
            | None -> [ Fault.said "the volumes are not known" ]
            | Some volumes when volumes.shape <> [| 3L |] -> [ Fault.said $"their shape is {volumes.shape}" ]
            | Some volumes ->
                let one (element: int64) (tensor: torch.Tensor) = tensor.select (0L, element)

                let ofElement (element: int64) =
                    let own = parts.Parameters |> Seq.map (one element)
                    let carried = parts.Buffers |> Seq.map (one element)
                    let alone = Parametrization.ofTensorsOfShape case.Shape own carried value

                    match Parametrization.logVolume value alone with
                    | None -> [ Fault.said "the volume of an element is not known" ]
                    | Some number ->
                        agreeing $"volume {element}" (number.item<double>()) ((one element volumes).item<double>())

                agreeing "their sum" (sum.item<double>()) (volumes.sum().item<double>())
                @ List.collect ofElement [ 0L .. 2L ]))

/// A step along random directions.
let private step = 1e-5

let private slopeAgrees (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let leaf (tensor: torch.Tensor) = tensor.detach().clone().requires_grad_ true

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let directions =
            parts.Parameters
            |> Seq.mapi (fun i x -> Case.normalOf x.shape 1.0 (8UL + uint64 i) case)
            |> Seq.toArray

        let at (distance: float) =
            parts.Parameters
            |> Seq.map2 (fun (d: torch.Tensor) (x: torch.Tensor) -> leaf (x.detach () + d * distance)) directions
            |> Seq.toArray

        let volume (parameters: torch.Tensor[]) =
            Parametrization.ofTensorsLike parts parameters parts.Buffers value
            |> Parametrization.logVolume value

        match volume (at step), volume (at -step) with
        | Some above, Some below ->
            let here = at 0.0
            let number = (volume here).Value

            let slopes = gradients number here

            let along (direction: torch.Tensor) (slope: torch.Tensor) =
                let product = direction.conj () * slope
                let real = if product.is_complex () then product.real else product
                real.sum().item<double>(), largest slope

            let found, sizes = Array.map2 along directions slopes |> Array.unzip
            let exact, size = Array.sum found, Array.max sizes
            let difference = (above.item<double>() - below.item<double>()) / (2.0 * step)
            // Near a point where the logarithm has no value the third derivative is that of 1 / distance.
            let allowed = 1e-5 * max 1.0 (10.0 * size) + step * step * pown (max size (abs exact)) 3
            let distance = abs (exact - difference)

            if distance <= allowed then
                []
            else
                [ Fault.sized distance allowed $"the slope: autograd {exact:g9}, differences {difference:g9}" ]
        | _ -> [])

/// Whether there is a closed form for some small tensors.
let isKnown (subject: Subject) : bool =
    Dimensions.tellsOfSome (fun parts -> (Parametrization.logVolume subject.Value parts).IsSome) subject

let private ofVolumes (law: Law) : Law =
    law |> Dimensions.onSmallCases |> onlyFor "a closed form of its log volume" isKnown

let laws: Law list =
    [
        law
            "11b"
            "a volume in closed form is that of the derivative"
            "The log volume is that of the product of the singular values of the derivative that are not zero."
            agrees
        |> ofVolumes
        law
            "11c"
            "volumes of a batch are those of its elements"
            "The log volumes of a batch are those of its elements, and sum to that of the whole."
            areOfElements
        |> ofVolumes
        |> onlyFor "batches" Subject.isBatched
        law
            "11d"
            "gradients of the volume equal finite differences"
            "Gradients of the log volume equal finite differences."
            slopeAgrees
        |> ofVolumes
    ]
