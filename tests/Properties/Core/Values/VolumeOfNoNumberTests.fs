/// A volume that depends on a parameter is not finite if that parameter is not.
module Properties.Core.Values.VolumeOfNoNumberTests

open Expecto
open Parametrize
open Parametrize.Laws
open TorchSharp

let private shapes: int64[] list = [ [| 3L; 3L |]; [| 4L; 2L |]; [| 3L |] ]

/// Random parts near those with which the value starts.
let private moved (seed: uint64) (value: Parametrization) (form: Form) : Parts option =
    use generator = new torch.Generator(seed, torch.CPU)

    match Parametrization.start value (Form.normal generator form) with
    | Error _ -> None
    | Ok parts ->
        let near (part: torch.Tensor) = part.detach () + Form.normal generator (Form.ofTensor part) * 0.3.ToScalar()
        Some(Parametrization.ofTensorsLike parts (Seq.map near parts.Parameters) parts.Buffers value)

let private volume (value: Parametrization) (parts: Parts) (parameters: torch.Tensor list) : float option =
    Parametrization.ofTensorsLike parts parameters parts.Buffers value
    |> Parametrization.logVolume value
    |> Option.map (fun volume -> volume.sum().``to``(torch.float64).item<float>())

/// How many volumes depend on a parameter.
let private dependent (value: Parametrization) (form: Form) : int =
    use _ = torch.NewDisposeScope()

    match moved 3UL value form, moved 4UL value form with
    | Some parts, Some others ->
        let own = List.ofSeq parts.Parameters

        [
            for index in 0 .. own.Length - 1 do
                let withPart (part: torch.Tensor) = volume value parts (List.updateAt index part own)

                match withPart own[index], withPart others.Parameters[index] with
                | Some here, Some there when System.Double.IsFinite here && here <> there ->
                    match withPart (torch.full_like (own[index], nan.ToScalar())) with
                    | Some found -> Expect.isNaN found $"{value}, {form}: the parameter {index}"
                    | None -> failtest $"{value}, {form}: the volume is known"

                    1
                | _ -> 0
        ]
        |> List.sum
    | _ -> 0

let tests: Test =
    testCase "volumes of what is no number" (fun () ->
        let counts =
            [
                for entry in Catalogue.entries do
                    for shape in shapes do
                        for dtype in [ torch.float64; torch.complex128; torch.float32 ] ->
                            dependent entry.Value { Shape = shape; Dtype = dtype; Device = Case.device }
            ]

        Expect.isGreaterThan (List.sum counts) 40 "many volumes depend on their parameters")
