/// Descriptions of models: what is read, and the names of the state that PyTorch gives to it.
module Properties.Core.Golden.DescriptionTests

open Expecto
open TorchSharp

let private stages (line: string) : Stage list = line |> Description.parse |> List.map Stage.ofStep

let private weight (names: string list) : string list =
    names |> List.map (fun name -> $"x.parametrizations.weight.{name}")

/// The layer is called x and has a bias unless told otherwise.
let private has (names: string list) (layer: string) : Test =
    testCase layer (fun () ->
        use model = new Model(stages $"x: {layer}")
        let expected = if layer.Contains "bias=False" then names else "x.bias" :: names
        Expect.equal (Set.ofSeq (model.state_dict().Keys)) (Set.ofList expected) "the names of the state")

let private isUnclear (line: string) (words: string) : unit =
    let reason =
        try
            $"none: {(stages line).Length} stages were read"
        with Description.Unclear reason ->
            reason

    Expect.stringContains reason words "the reason"

let private unclear (line: string) (words: string) : Test = testCase line (fun () -> isUnclear line words)

/// Sizes of what comes out.
let private gives (shape: int64 list) (input: int64 list) (line: string) : Test =
    testCase line (fun () ->
        use model = new Model(stages line)

        let input =
            torch.ones (List.toArray input, dtype = torch.ScalarType.Float64, device = Parametrize.Laws.Case.device)

        Expect.equal (List.ofArray (model.call(input).shape)) shape "the shape of the output")

let private based: string list = weight [ "original"; "0.base" ]
let private iterated: string list = weight [ "original"; "0._u"; "0._v" ]
let private apart: string list = weight [ "original0"; "original1" ]

let tests: Test =
    testList
        "golden, descriptions"
        [
            has [ "x.weight" ] "Linear(3, 2)"
            has [ "x.weight" ] "nn.Linear(in_features=3, out_features=2, bias=False)"
            has based "orthogonal(Linear(3,3))"
            has based "orthogonal(Linear(3,2), matrix_exp, use_trivialization=True)"
            has based "parametrizations.orthogonal(nn.Linear(3,2), 'weight', 'cayley')"
            has based "orthogonal(Linear(3,2), name=\"weight\", orthogonal_map=None)"
            has (weight [ "original" ]) "orthogonal(Linear(3,2,bias=False), householder, use_trivialization=False)"
            has (weight [ "original" ]) "orthogonal(Linear(3,3), cayley, use_trivialization=False)"
            has iterated "spectral_norm(Conv1d(2,3,2), n_power_iterations=3)"
            has iterated "spectral_norm(ConvTranspose2d(2,3,(2,1)), eps=1e-6, dim=1)"
            has iterated "spectral_norm(ConvTranspose3d(2,3,2), 'weight', 2,)"
            has apart "weight_norm(Conv3d(2,3,(1,2,1)), dim=None)"
            has apart "weight_norm(Linear(3,2), dim=1)"
            gives [ 5L; 3L; 4L ] [ 5L; 2L; 4L; 6L ] "c: Conv2d(2,3,(1,3),stride=(2,2)), flatten(2)"
            gives
                [ 5L; 48L ]
                [ 5L; 2L; 6L ]
                "c: ConvTranspose1d(2,3,2,2,padding=0,output_padding=1), Flatten(), 1: Linear(39,48), relu"
            gives [ 5L; 2L ] [ 5L; 2L ] "relu, tanh, sigmoid, nn.SiLU(), gelu, Softplus(), Identity"
            unclear "x: Linear(3" "not closed"
            unclear "x: Linear(3,2) Linear(2,2)" "out of place"
            unclear "x: Linear(3,2,True,4)" "too many"
            unclear "x: Linear(3)" "'out_features' is missing"
            unclear "x: Linear(3,2,out_features=2)" "twice"
            unclear "x: Linear(3,2.5)" "not a whole number"
            unclear "x: Linear(3,99999999999999999999)" "not a whole number"
            unclear "x: Conv2d(3,2,(1,2,3))" "2 of them"
            unclear "x: Conv2d(3,2,1,padding_mode='zeros')" "padding_mode"
            unclear "x: orthogonal(Linear(3,2), givens)" "givens"
            unclear "x: fourier(Linear(3,2))" "no layer 'fourier'"
            unclear "Linear(3,2)" "needs a name"
            unclear "x.y: Linear(3,2)" "layers inside layers"
            unclear "softmax" "no function 'softmax'"
            unclear "relu; tanh" "; tanh"
            unclear "relu," "missing"
            unclear "" "missing"
            testCase "a long one" (fun () -> isUnclear (String.replicate 100_000 "(") "longer")
        ]
