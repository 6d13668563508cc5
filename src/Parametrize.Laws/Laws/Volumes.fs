/// Volumes in closed form against the singular values of the derivative.
module internal Parametrize.Laws.Volumes

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

/// `log det (J^T J) / 2` from the derivative.
let logVolume (value: Parametrization) (parts: Parts) : float =
    torch.linalg.svdvals(Dimensions.jacobian value parts).log().sum().item<double>()

let private agrees (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        match Parametrization.logVolume subject.Value parts with
        | None -> [ Fault.said "the volume is not known" ]
        | Some number ->
            let expected, found = logVolume subject.Value parts, number.item<double>()
            let allowed = 1e-10 * max 1.0 (abs expected)

            let distance = abs (found - expected)

            if distance <= allowed then
                []
            else
                [ Fault.sized distance allowed $"the volume is {found:g12}, by the derivative {expected:g12}" ])

let hasVolume (value: Parametrization) : bool =
    Parametrization.nodes value |> List.forall (fun node -> (box node) :? IVolume)

/// No value of the library may lack it whose nodes all have it.
let private isApplicable (subject: Subject) : bool =
    hasVolume subject.Value
    && (Subject.isOfLibrary subject && Dimensions.hasSmall subject
        || Dimensions.tells (fun parts -> (Parametrization.logVolume subject.Value parts).IsSome) subject)

let laws: Law list =
    [
        law
            "11b"
            "a volume in closed form is that of the derivative"
            "The logarithm of the volume is half that of det J^T J, with J the derivative by all parameters."
            agrees
        |> on Dimensions.smallCases
        |> onlyFor "a closed form of its log volume" isApplicable
    ]
