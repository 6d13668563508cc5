/// The layers of described models, before anything is registered.
module Properties.Core.Golden.Layers

open System
open Properties.Core.Golden.Arguments
open Properties.Core.Golden.Description
open TorchSharp

type Layer = torch.nn.Module<torch.Tensor, torch.Tensor>

let private pair (sizes: int64[]) : struct (int64 * int64) = struct (sizes[0], sizes[1])

let private triple (sizes: int64[]) : struct (int64 * int64 * int64) = struct (sizes[0], sizes[1], sizes[2])

let private linear (arguments: Argument list) : Layer =
    let given = bind "Linear" [ "in_features"; "out_features"; "bias" ] arguments
    torch.nn.Linear(whole "in_features" given, whole "out_features" given, truthOr "bias" true given)

/// The arguments that convolutions of either direction have.
type private Convolution =
    {
        In: int64
        Out: int64
        Kernel: int64[]
        Stride: int64[]
        Padding: int64[]
        OutputPadding: int64[]
        Dilation: int64[]
        Groups: int64
        Bias: bool
    }

let private convolutionOf (dimensions: int) (given: Bound) : Convolution =
    {
        In = whole "in_channels" given
        Out = whole "out_channels" given
        Kernel = sizes dimensions "kernel_size" given
        Stride = sizesOr dimensions "stride" 1L given
        Padding = sizesOr dimensions "padding" 0L given
        OutputPadding = sizesOr dimensions "output_padding" 0L given
        Dilation = sizesOr dimensions "dilation" 1L given
        Groups = wholeOr "groups" 1L given
        Bias = truthOr "bias" true given
    }

let private channels: string list =
    [ "in_channels"; "out_channels"; "kernel_size"; "stride"; "padding" ]

let private forwards (name: string) (dimensions: int) (arguments: Argument list) : Layer =
    let it =
        arguments |> bind name (channels @ [ "dilation"; "groups"; "bias" ]) |> convolutionOf dimensions

    match dimensions with
    | 1 ->
        torch.nn.Conv1d(
            it.In,
            it.Out,
            it.Kernel[0],
            it.Stride[0],
            it.Padding[0],
            it.Dilation[0],
            groups = it.Groups,
            bias = it.Bias
        )
    | 2 ->
        torch.nn.Conv2d(
            it.In,
            it.Out,
            pair it.Kernel,
            Nullable(pair it.Stride),
            Nullable(pair it.Padding),
            Nullable(pair it.Dilation),
            groups = it.Groups,
            bias = it.Bias
        )
    | _ ->
        torch.nn.Conv3d(
            it.In,
            it.Out,
            triple it.Kernel,
            Nullable(triple it.Stride),
            Nullable(triple it.Padding),
            Nullable(triple it.Dilation),
            groups = it.Groups,
            bias = it.Bias
        )

let private transposed (name: string) (dimensions: int) (arguments: Argument list) : Layer =
    let it =
        arguments
        |> bind name (channels @ [ "output_padding"; "groups"; "bias"; "dilation" ])
        |> convolutionOf dimensions

    match dimensions with
    | 1 ->
        torch.nn.ConvTranspose1d(
            it.In,
            it.Out,
            it.Kernel[0],
            it.Stride[0],
            it.Padding[0],
            it.OutputPadding[0],
            it.Dilation[0],
            groups = it.Groups,
            bias = it.Bias
        )
    | 2 ->
        torch.nn.ConvTranspose2d(
            it.In,
            it.Out,
            pair it.Kernel,
            Nullable(pair it.Stride),
            Nullable(pair it.Padding),
            Nullable(pair it.OutputPadding),
            Nullable(pair it.Dilation),
            groups = it.Groups,
            bias = it.Bias
        )
    | _ ->
        torch.nn.ConvTranspose3d(
            it.In,
            it.Out,
            triple it.Kernel,
            Nullable(triple it.Stride),
            Nullable(triple it.Padding),
            Nullable(triple it.OutputPadding),
            Nullable(triple it.Dilation),
            groups = it.Groups,
            bias = it.Bias
        )

let layer (name: string) (arguments: Argument list) : Layer =
    let found =
        match name with
        | "Linear" -> linear arguments
        | "Conv1d" -> forwards name 1 arguments
        | "Conv2d" -> forwards name 2 arguments
        | "Conv3d" -> forwards name 3 arguments
        | "ConvTranspose1d" -> transposed name 1 arguments
        | "ConvTranspose2d" -> transposed name 2 arguments
        | "ConvTranspose3d" -> transposed name 3 arguments
        | _ -> unclear $"there is no layer '{name}'"

    found.``to``(torch.ScalarType.Float64).``to``(Parametrize.Laws.Case.device) |> ignore
    found
