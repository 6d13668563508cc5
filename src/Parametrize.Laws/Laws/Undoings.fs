/// Values as functions of data, and back.
module internal Parametrize.Laws.Undoings

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

/// Whether each tensor comes from one parameter only.
let private hasInverse (subject: Subject) : bool =
    Parametrization.parameterCount subject.Value = 1
    && (Parametrization.bufferNames subject.Value).IsEmpty
    && (Undoing.obstacle subject.Value.Program).IsNone

let private isUndone (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let x = parts.Parameters[0].detach().clone().requires_grad_ true
        let w = Parametrization.apply value x
        let back = Parametrization.undo value w
        let weights = Case.normalOf x.shape 1.0 7UL case

        let gradient =
            let product = weights.conj () * back
            let loss = (if product.is_complex () then product.real else product).sum()
            gradients loss [| x |] |> Array.head

        let allowed = 1e-9 * subject.Accuracy case.Scale
        let again = Parametrization.apply value back

        near "undo (apply x) = x" (allowed * (1.0 + largest x)) x back
        @ near "apply (undo w) = w" (allowed * (1.0 + largest w)) w again
        @ near "its gradient by x" (100.0 * allowed) weights gradient)

let laws: Law list =
    [
        law
            "2h"
            "undo finds the parameter, and its gradient"
            "Undoing what a value makes of a tensor gives that tensor, and the gradient of both together is that of the identity."
            isUndone
        |> onlyFor "one parameter for each tensor, found in closed form" hasInverse
        |> onlyFor "double precision" Subject.hasDoubles
        |> on Subject.smoothCases
    ]
