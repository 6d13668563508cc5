/// How a tensor lies in memory does not matter.
module Properties.Core.Values.LayoutTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

/// The same tensor, by other ways to its numbers.
let private views (tensor: torch.Tensor) : (string * torch.Tensor) list =
    [
        if tensor.dim () >= 2L then
            "transposed", tensor.mT.contiguous().mT
        "every other number of a larger one", (torch.stack ([| tensor; tensor |], -1L)).select(-1L, 0L)
        "part of a graph", (tensor.clone().requires_grad_ true).alias()
        if tensor.is_complex () then
            "conjugated on reading", tensor.conj().resolve_conj().conj()
        else
            "negated on reading", (torch.complex (torch.zeros_like tensor, -tensor)).conj().imag
    ]

let private same (what: string) (expected: torch.Tensor) (found: torch.Tensor) : unit =
    let apart = Measures.apart expected found
    // Other orders of summing.
    Expect.isLessThanOrEqual apart (1e-10 * max 1.0 (Measures.largest expected)) what

let private isIndependent (subject: Subject) (dtype: torch.ScalarType) : unit =
    use _ = torch.NewDisposeScope()
    let value = subject.Value

    let case =
        {
            Shape = (subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(3UL, 1UL)) 10 1)[0]
            Dtype = dtype
            Scale = 1.0
            Seed = 5UL
            Device = Case.device
        }

    let started (tensor: torch.Tensor) =
        match Parametrization.start value tensor with
        | Error error -> failtest $"{case}: {error}"
        | Ok parts -> Parametrization.forward value parts

    let any = Case.unit 1UL case
    let inside = Subject.sample 2UL subject case
    let projected, start = Parametrization.project value any, started any

    for what, view in views any do
        let isAllowed (tensor: torch.Tensor) = Result.isOk (Parametrization.contains value tensor)
        Expect.equal (isAllowed view) (isAllowed any) $"{case}, {what}: contains"
        same $"{case}, {what}: the projection" projected (Parametrization.project value view)
        same $"{case}, {what}: the start" start (started view)

    for what, view in views inside do
        Expect.isOk (Parametrization.contains value view) $"{case}, {what}: a sample is allowed"

        match Parametrization.initialize value view with
        | Error error -> failtest $"{case}, {what}: {error}"
        | Ok parts ->
            let apart = Measures.apart inside (Parametrization.forward value parts)
            Expect.isLessThanOrEqual apart (Subject.slack subject case inside) $"{case}, {what}: a sample comes back"

let tests: Test =
    testList
        "layouts"
        [
            for subject in Generators.Subjects.all do
                if Subject.hasDoubles subject && Subject.hasRightInverse subject then
                    testCase subject.Name (fun () -> Subject.doubles subject |> List.iter (isIndependent subject))
        ]
