/// A base that was rounded to a coarser element type is corrected, whatever its size.
module Properties.Core.Values.MendingTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.LinearAlgebra
open Parametrize.Values
open Properties.Core
open TorchSharp

type private Dtype = torch.ScalarType

/// The parts of a state that was saved in a coarser type. The parameters are zero if it was saved after an assignment.
let private rounded (coarse: Dtype) (fine: Dtype) (value: Parametrization) (parts: Parts) : Parts =
    let through (tensors: torch.Tensor seq) = [ for tensor in tensors -> (tensor.``to`` coarse).``to`` fine ]

    Parametrization.ofTensorsLike parts (through parts.Parameters) (through parts.Buffers) value

let private afterRounding: Test =
    inScope "bases of every size are allowed after they were rounded" (fun () ->
        let real = [ Dtype.BFloat16, Dtype.Float64; Dtype.Float16, Dtype.Float64; Dtype.Float32, Dtype.Float64 ]
        let complex = [ Dtype.ComplexFloat32, Dtype.ComplexFloat64 ]

        for value, kinds in
            [
                cayley, real @ complex
                matrixExp, real @ complex
                specialOrthogonal, real
                unitary, complex
                specialUnitary, complex
                symplectic, real
            ] do
            for coarse, fine in kinds do
                for size in [ 2L; 6L; 64L; 200L ] do
                    // Elements of the symplectic group are not bounded: rounding of large ones is more than can be told.
                    if not (value = symplectic && size > 6L) then
                        use generator = new torch.Generator(uint64 size, torch.CPU)
                        let form = { Shape = [| size; size |]; Dtype = fine; Device = Case.device }
                        let sample = Parametrization.sample value form (Some generator)
                        let parts = orFail (Parametrization.initialize value sample)
                        let mended = Parametrization.repair value (rounded coarse fine value parts)
                        let what = $"{value}, {size} x {size}, {coarse} to {fine}"
                        Expect.isEmpty (Parametrization.misfits value (Form.epsilon fine) mended) what
                        let found = Parametrization.forward value mended
                        Expect.isOk (Parametrization.contains value found) what
                        Expect.isLessThan (Measures.apart found sample) (64.0 * Form.epsilon coarse) $"{what}, moved")

/// A phase that is off by rounding is one of the determinant: exactly 1 again.
let private phases: Test =
    inScope "the determinant of a special unitary base is 1 again" (fun () ->
        let form = { Shape = [| 2L; 5L; 5L |]; Dtype = Dtype.ComplexFloat64; Device = Case.device }
        use generator = new torch.Generator(3UL, torch.CPU)
        let sample = Parametrization.sample specialUnitary form (Some generator)
        let parts = orFail (Parametrization.initialize specialUnitary sample)

        for angle in [ 1e-9; 1e-6; 1e-3 ] do
            let turn = torch.complex (torch.tensor (cos angle), torch.tensor (sin angle))
            let turned = [ (parts.Buffers[0] * turn).``to`` form.Dtype ]
            let wrong = Parametrization.ofTensorsLike parts parts.Parameters turned specialUnitary
            Expect.isNonEmpty (Parametrization.misfits specialUnitary 2e-16 wrong) $"turned by {angle}"
            let mended = Parametrization.repair specialUnitary wrong

            Expect.isOk
                (Parametrization.contains specialUnitary (Parametrization.forward specialUnitary mended))
                "mended"

            Expect.isLessThan (Measures.apart mended.Buffers[0] sample) (2.0 * angle) "by no more than that")

let private polishes: Test =
    inScope "what counts as near orthonormal becomes so to the last digits" (fun () ->
        for size in [ 1L; 3L; 40L ] do
            for distance in [ 1e-12; 1e-6; 1e-3; 0.1; 0.2 ] do
                let normal seed = normalOn Case.device Dtype.Float64 seed [ size; size ]
                let q = Orthonormal.polar (normal 1UL)
                let noise = normal 2UL
                let moved = q + noise * (distance / noise.norm().ToDouble()).ToScalar()
                let found = Orthonormal.polish moved
                Expect.isLessThan (Orthonormal.defect found) 2e-15 $"{size} x {size}, {distance} away"
                Expect.isLessThan (Measures.apart found q) (2.0 * distance + 1e-14) "by no more than that")

let private atTheTolerance: Test =
    inScope "bases that are just allowed yield what is allowed" (fun () ->
        for value in [ orthogonal; cayley; matrixExp ] do
            for seed in 1UL .. 20UL do
                use generator = new torch.Generator(seed, torch.CPU)
                let form = { Shape = [| 4L; 4L |]; Dtype = Dtype.Float32; Device = torch.CPU }
                let sample = Parametrization.sample value form (Some generator)

                let parts =
                    Seq.initInfinite (fun step -> sample * (1.0 + 4.9e-6 * 0.98 ** float step).ToScalar())
                    |> Seq.pick (Parametrization.initialize value >> Result.toOption)

                let random = [ normalOn torch.CPU Dtype.Float32 seed [ 4L; 4L ] ]
                let moved = Parametrization.ofTensorsLike parts random parts.Buffers value
                Expect.isOk (Parametrization.contains value (Parametrization.forward value moved)) $"{value}, {seed}")

let tests: Test = testList "mending" [ afterRounding; phases; polishes; atTheTolerance ]
