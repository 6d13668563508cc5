/// What training relies on: where it starts, and what is random.
module internal Parametrize.Laws.Training

open FsCheck.FSharp
open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private leaf (tensor: torch.Tensor) : torch.Tensor = tensor.detach().clone().requires_grad_ true

/// The largest entry of the gradients of a random weighted sum; zero when they do not flow.
let private gradientSize (value: Parametrization) (parts: Parts) (case: Case) : float =
    let at = parts.Parameters |> Seq.map leaf |> Seq.toArray
    let tensor = Parametrization.forward value (Parametrization.ofTensorsLike parts at parts.Buffers value)

    let product = (Case.normalOf tensor.shape 1.0 7UL case).conj() * tensor
    let loss = (if product.is_complex () then product.real else product).sum()
    gradients loss at |> Seq.map largest |> Seq.max

let private startsTraining (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let sample = Subject.sample 2UL subject case

    ok "start" (Parametrization.start value sample) (fun parts ->
        let tensor = Parametrization.forward value parts

        let inside =
            if Parametrization.hasRightInverse value then
                isOk "contains (forward start)" (Parametrization.contains value tensor)
            else
                []

        // Where no direction is open, there is nothing to train.
        let isPoint = Dimension.tryOf value parts = Some 0L
        let size = gradientSize value parts case

        inside
        @ fault
            (not isPoint && not (size > 0.0 && size < infinity))
            $"the gradient at the start is {size:g3}, and has to be positive and finite")

let private onlyTrainingIsRandom (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let tensor = Parametrization.forward value parts
        // Products of matrices round as memory lies.
        let allowed = Subject.slack subject case tensor
        let restored = Parametrization.ofTensorsLike parts parts.Parameters parts.Buffers value

        let inTraining =
            if Parametrization.hasNoise value then
                let noisy = Parametrization.forwardInTraining value parts

                fault
                    (Form.ofTensor noisy <> Form.ofTensor tensor)
                    $"in training the tensor is {Form.ofTensor noisy}, else {Form.ofTensor tensor}"
            else
                near "forward in training" allowed tensor (Parametrization.forwardInTraining value parts)

        near "forward again" allowed tensor (Parametrization.forward value parts)
        @ near "forward of the same state" allowed tensor (Parametrization.forward value restored)
        @ inTraining)

/// Where gradients move all that a value starts from.
let private movable (subject: Subject) =
    Subject.smoothCases subject
    |> Gen.where (fun case -> not (Case.isComplex case && Dimensions.carriesPhase subject))

let laws: Law list =
    [
        law "13" "what is registered can be trained" "A new value starts inside, where gradients flow." startsTraining
        |> onlyFor "float64" (fun subject -> List.contains torch.ScalarType.Float64 subject.Dtypes)
        |> on movable
        law
            "13b"
            "noise is in training only"
            "Outside of training one state yields one tensor; values without noise yield it in training too."
            onlyTrainingIsRandom
    ]
