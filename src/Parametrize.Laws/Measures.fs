namespace Parametrize.Laws

open Parametrize
open TorchSharp

/// What was wrong with a case, in words, and as numbers where it is a matter of size.
[<NoComparison>]
type internal Fault =
    {
        Words: string
        /// How much something is off, and how much would be admitted.
        Size: (float * float) option
        /// What was thrown.
        Thrown: exn option
    }

/// Nothing when all is well.
type internal Faults = Fault list

module internal Fault =

    let said (words: string) : Fault = { Words = words; Size = None; Thrown = None }

    let sized (found: float) (allowed: float) (words: string) : Fault = { said words with Size = Some(found, allowed) }

    let thrown (error: exn) : Fault = { said $"{error.GetType().Name}: {error.Message}" with Thrown = Some error }

    let ofError (what: string) (error: ParametrizationError) : Fault =
        match error with
        | ParametrizationError.NotAllowed(_, violation) -> sized violation.Size violation.Limit $"{what}: {error}"
        | _ -> said $"{what}: {error}"

/// Comparing tensors, in double precision whatever their element type.
module internal Measures =

    let private wide (tensor: torch.Tensor) : torch.Tensor =
        if Form.isComplex tensor.dtype then
            tensor.detach().``to`` torch.ScalarType.ComplexFloat64
        else
            tensor.detach().``to`` torch.ScalarType.Float64

    let private number (tensor: torch.Tensor) : float = tensor.item<double>()

    /// The largest modulus.
    let largest (tensor: torch.Tensor) : float =
        use _ = torch.no_grad ()
        use _scope = torch.NewDisposeScope()
        number ((wide tensor).abs().max())

    let private gradientsOf (createGraph: bool) (number: torch.Tensor) (at: torch.Tensor[]) : torch.Tensor[] =
        let orZeros (tensor: torch.Tensor) (gradient: torch.Tensor) =
            if isNull (box gradient) || gradient.IsInvalid then
                torch.zeros_like tensor
            else
                gradient

        // libtorch has no gradients of complex numbers.
        let number = if number.is_complex () then number.real else number

        if number.requires_grad then
            torch.autograd.grad ([| number |], at, retain_graph = true, create_graph = createGraph, allow_unused = true)
            |> Seq.map2 orZeros at
            |> Seq.toArray
        else
            at |> Array.map torch.zeros_like

    /// The gradients of a number, zeros where it does not depend on a tensor: there TorchSharp (0.107.0) would end the process.
    let gradients (number: torch.Tensor) (at: torch.Tensor[]) : torch.Tensor[] = gradientsOf false number at

    /// The same, attached to the graph.
    let gradientsWithGraph (number: torch.Tensor) (at: torch.Tensor[]) : torch.Tensor[] = gradientsOf true number at

    /// The largest difference of two entries; infinite for other shapes and for NaN.
    let apart (left: torch.Tensor) (right: torch.Tensor) : float =
        use _ = torch.no_grad ()
        use _scope = torch.NewDisposeScope()

        if left.shape <> right.shape then
            infinity
        else
            let distance = number ((wide left - wide right).abs().max())
            if System.Double.IsNaN distance then infinity else distance

    let fault (isFault: bool) (words: string) : Faults = if isFault then [ Fault.said words ] else []

    let near (what: string) (allowed: float) (expected: torch.Tensor) (found: torch.Tensor) : Faults =
        let distance = apart expected found

        if distance <= allowed then
            []
        else
            [ Fault.sized distance allowed $"{what}: off by {distance:g3}, allowed {allowed:g3}" ]

    let same (what: string) (expected: torch.Tensor) (found: torch.Tensor) : Faults = near what 0.0 expected found

    let ok (what: string) (result: Result<'a, ParametrizationError>) (continuation: 'a -> Faults) : Faults =
        match result with
        | Ok value -> continuation value
        | Error error -> [ Fault.ofError what error ]

    let isOk (what: string) (result: Result<'a, ParametrizationError>) : Faults = ok what result (fun _ -> [])

    let succeeds (result: Result<'a, ParametrizationError>) : bool =
        match result with
        | Ok _ -> true
        | Error _ -> false
