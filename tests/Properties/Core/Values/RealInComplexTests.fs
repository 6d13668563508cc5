/// A value of real and of complex tensors: what it makes of complex numbers without imaginary parts is what it makes of real ones.
module Properties.Core.Values.RealInComplexTests

open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private pairs: (torch.ScalarType * torch.ScalarType * float) list =
    [
        torch.ScalarType.Float64, torch.ScalarType.ComplexFloat64, 1e-10
        torch.ScalarType.Float32, torch.ScalarType.ComplexFloat32, 2e-3
    ]

/// From ordinary numbers to such as leave the range of an exponential.
let private scales: float list = [ 0.0; 1e-3; 1.0; 30.0; 150.0; 1000.0 ]

/// Whose map is another one for complex tensors that are not square.
let private others: string list =
    [ "orthogonal, no base"; "orthogonal on kernels"; "blockDiagonal, orthogonal" ]

let private agrees (subject: Subject) (real: torch.ScalarType) complex (allowed: float) (scale: float) : unit =
    use _ = torch.NewDisposeScope()
    let value = subject.Value

    let case =
        {
            Shape = Generators.Subjects.smallShape subject
            Dtype = real
            Scale = scale
            Seed = 4UL
            Device = Case.device
        }

    let parts = orFail (Parametrization.start value (Case.unit 1UL case))

    let moved =
        parts.Parameters
        |> Seq.mapi (fun leaf old -> Case.normalOf old.shape scale (uint64 (leaf + 2)) case)
        |> List.ofSeq

    let isReal = moved |> List.forall (fun leaf -> leaf.is_floating_point ())

    if isReal && Seq.forall (fun (buffer: torch.Tensor) -> buffer.is_floating_point ()) parts.Buffers then
        let ofType (tensors: torch.Tensor seq) = [ for tensor in tensors -> tensor.``to`` (complex: torch.ScalarType) ]
        let ofReals = Parametrization.ofTensorsLike parts moved parts.Buffers value
        let ofComplex = Parametrization.ofTensorsLike parts (ofType moved) (ofType parts.Buffers) value
        let expected = Parametrization.forward value ofReals
        let found = Parametrization.forward value ofComplex
        Expect.equal found.dtype complex $"{value}: the element type"
        // Entries of very different sizes, each beside its own.
        let sizes = expected.abs().clamp_min(1e-30.ToScalar())

        let off =
            (found.``to`` complex - expected.``to`` complex).abs()
            / sizes.maximum (Measures.largest expected |> fun most -> torch.full_like (sizes, (1e-6 * most).ToScalar()))

        Expect.isLessThan (Measures.largest off) allowed $"{value}: {case}"

let tests: Test =
    testList
        "real numbers among complex ones"
        [
            for subject in Generators.Subjects.all do
                let known =
                    pairs
                    |> List.filter (fun (real, complex, _) ->
                        List.contains real subject.Dtypes && List.contains complex subject.Dtypes)

                if not known.IsEmpty && not (List.contains subject.Name others) then
                    testCase subject.Name (fun () ->
                        for real, complex, allowed in known do
                            for scale in scales do
                                agrees subject real complex allowed scale)
        ]
