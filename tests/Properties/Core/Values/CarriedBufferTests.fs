/// Buffers that a value has chosen for a tensor are such as it can carry, in each element type and whatever signs the entries have.
module Properties.Core.Values.CarriedBufferTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// Entries of both signs, of one, and all alike.
let private kinds: (string * (torch.Tensor -> torch.Tensor)) list =
    [
        "of both signs", id
        "positive", _.abs()
        "negative", (fun x -> -(x.abs ()))
        "alike", (fun x -> torch.full_like (x, (-1.7).ToScalar()))
        "of one sign but one",
        (fun x ->
            x
                .abs()
                .neg()
                .index_fill(0L, torch.zeros ([| 1L |], dtype = torch.int64, device = x.device), 0.0.ToScalar()))
    ]

let private isCarried (value: Parametrization) (tensor: torch.Tensor) (what: string) : unit =
    let epsilon = Form.epsilon tensor.dtype

    match Parametrization.start value tensor with
    | Error _ -> ()
    | Ok parts ->
        Expect.isEmpty (Parametrization.misfits value epsilon parts) $"{value} of {what}, started"
        let yielded = Parametrization.forward value parts

        match Parametrization.initialize value yielded with
        | Error error -> failtest $"{value} of {what}: {error}"
        | Ok again -> Expect.isEmpty (Parametrization.misfits value epsilon again) $"{value} of {what}, assigned"

let private drawn (dtype: torch.ScalarType) (seed: uint64) (shape: int64[]) : torch.Tensor =
    (normalOn Case.device torch.ScalarType.Float64 seed (List.ofArray shape)).``to`` dtype

let private grids: Test =
    testCase "grids" (fun () ->
        for bits in [ 2; 3; 8 ] do
            for scheme in [ QuantizationScheme.Symmetric; QuantizationScheme.Affine ] do
                for granularity in [ Granularity.Tensor; Granularity.Channel 0; Granularity.Channel -1 ] do
                    let value = fakeQuantized bits scheme granularity

                    for dtype in [ torch.float64; torch.float32; torch.float16; torch.bfloat16 ] do
                        for kind, change in kinds do
                            for seed in 1UL .. 2UL do
                                use _ = torch.NewDisposeScope()
                                let x = change (drawn dtype seed [| 3L; 4L |])
                                isCarried value x $"{dtype}, {kind}, seed {seed}")

/// With 2^16 steps, one step too many is less than the rounding of a scale in 16 bits. The small entries lie on no grid.
let private fineGrids: Test =
    testCase "fine grids" (fun () ->
        let value = fakeQuantized 16 QuantizationScheme.Affine (Granularity.Channel 0)

        for sign in [ 1.0; -1.0 ] do
            use _ = torch.NewDisposeScope()

            let channels =
                [ for step in 0..11 -> [ sign * (4.0 + 0.37 * float step); sign * 1.3e-4; sign * 1.7e-4 ] ]

            let rows = torch.tensor (array2D channels, dtype = torch.float64, device = Case.device)
            let x = rows.``to`` torch.float16
            let parts = orFail (Parametrization.initializeNearest value x)
            Expect.isEmpty (Parametrization.misfits value (Form.epsilon torch.float16) parts) $"{value}: sign {sign}")

let private ofCatalogue (subject: Subject) : Test =
    testCase subject.Name (fun () ->
        for dtype in subject.Dtypes do
            for kind, change in kinds do
                if not (Form.isComplex dtype) then
                    use _ = torch.NewDisposeScope()
                    let x = change (drawn dtype 1UL (Generators.Subjects.smallShape subject))

                    match Parametrization.start subject.Value x with
                    | Error _ -> ()
                    | Ok parts ->
                        let found = Parametrization.misfits subject.Value (Form.epsilon dtype) parts
                        Expect.isEmpty found $"{dtype}, {kind}")

let tests: Test =
    testList
        "buffers that were chosen"
        [
            grids
            fineGrids
            for subject in Generators.Subjects.all do
                if not subject.Value.Program.BufferNames.IsEmpty then
                    ofCatalogue subject
        ]
