namespace Properties.Core

open Parametrize
open TorchSharp

/// What was wrong with a case, in words; nothing when all is well.
type Faults = string list

/// Comparing tensors, in double precision whatever their element type.
module Measures =

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

    /// The largest difference of two entries; infinite for other shapes and for NaN.
    let apart (left: torch.Tensor) (right: torch.Tensor) : float =
        use _ = torch.no_grad ()
        use _scope = torch.NewDisposeScope()

        if left.shape <> right.shape then
            infinity
        else
            let distance = number ((wide left - wide right).abs().max())
            if System.Double.IsNaN distance then infinity else distance

    let fault (isFault: bool) (words: string) : Faults = if isFault then [ words ] else []

    let near (what: string) (allowed: float) (expected: torch.Tensor) (found: torch.Tensor) : Faults =
        let distance = apart expected found
        fault (not (distance <= allowed)) $"{what}: off by {distance:g3}, allowed {allowed:g3}"

    let same (what: string) (expected: torch.Tensor) (found: torch.Tensor) : Faults = near what 0.0 expected found

    let ok (what: string) (result: Result<'a, ParametrizationError>) (continuation: 'a -> Faults) : Faults =
        match result with
        | Ok value -> continuation value
        | Error error -> [ $"{what}: {error}" ]

    let isOk (what: string) (result: Result<'a, ParametrizationError>) : Faults = ok what result (fun _ -> [])
