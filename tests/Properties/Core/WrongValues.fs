/// A value that can be wrong in one way at a time, for the laws to tell.
module internal Properties.Core.WrongValues

open System
open System.Collections.Generic
open Parametrize
open TorchSharp

/// What is done wrong.
[<RequireQualifiedAccess>]
type Mistake =
    | Nothing
    | InverseOffByFactor
    | InverseMissesAnEntry
    | MapLeavesSpace
    | ProjectionStaysOutside
    | ProjectionElsewhere
    | SampleIgnoresSeed
    | AcceptsEverything
    | RefusesLargeOnes
    | ForgetsGradient
    | HasNoGradient
    | IsRandom
    | MixesBatch
    | RoundsOnTheWay
    | DimensionOffByOne
    | VolumeOff
    | LeaksTensor
    | ChangesArgument
    | NeverEqual

/// Detached from every scope, and kept.
let private leaked = List<torch.Tensor>()

let private mean (tensor: torch.Tensor) : torch.Tensor = tensor.mean ([| -1L |], keepdim = true)

let private centre (tensor: torch.Tensor) : torch.Tensor = tensor - mean tensor

let private number (tensor: torch.Tensor) : float = tensor.``to``(torch.ScalarType.Float64).item<double>()

/// ..., -1, 0, 1, ...: of mean zero.
let private ramp (tensor: torch.Tensor) : torch.Tensor =
    let count = Array.last tensor.shape
    torch.arange (count, dtype = tensor.dtype, device = tensor.device) - float (count - 1L) / 2.0

let private withoutFirst (tensor: torch.Tensor) : torch.Tensor =
    let rest = tensor.clone ()
    rest.narrow(-1L, 0L, 1L).zero_() |> ignore
    rest

type private Rows(mistake: Mistake) =
    inherit Space("rows of mean zero")

    override _.Dimension form =
        let count = Array.fold (*) 1L form.Shape
        let tooMany = if mistake = Mistake.DimensionOffByOne then 1L else 0L
        Nullable(count - count / Array.last form.Shape + tooMany)

/// Rows of mean zero, by subtracting it.
type Rowwise(mistake: Mistake) =
    inherit Node()

    override _.Code =
        let number = if mistake = Mistake.NeverEqual then Random.Shared.Next() else 0
        Code.Call("rowwise", [ Code.Text(string mistake); Code.Integer number ])

    override this.Inputs form =
        Form.check (string this) { Dimensions = 1; Square = false; Complex = false } form
        |> Result.map (fun () -> [ form ])

    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Rows mistake

    override _.Forward(inputs, _) =
        let input = inputs[0]

        match mistake with
        | Mistake.MapLeavesSpace -> input - 0.9 * mean input
        | Mistake.ForgetsGradient -> input - (mean input).detach()
        | Mistake.HasNoGradient -> centre (input.detach ())
        | Mistake.IsRandom -> centre (input + torch.randn_like input)
        | Mistake.MixesBatch -> centre input + ramp input * (mean input).flip 0L
        | Mistake.RoundsOnTheWay -> centre (input.``to``(torch.ScalarType.Float32).``to`` input.dtype)
        | Mistake.LeaksTensor ->
            leaked.Add((torch.ones (1L)).DetachFromDisposeScope())
            centre input
        | Mistake.ChangesArgument ->
            if not input.requires_grad then
                input.sub_ (mean input) |> ignore

            centre input
        | _ -> centre input

    override _.Contains(_, tensor, epsilon) =
        let size = number ((mean tensor).abs().max())
        let largest = number (tensor.abs().max())
        let limit = 8.0 * epsilon * largest

        if mistake = Mistake.RefusesLargeOnes && largest > 100.0 then
            Error { Condition = "entries below 100"; Size = largest; Limit = 100.0 }
        elif size <= limit || mistake = Mistake.AcceptsEverything then
            Ok()
        else
            Error { Condition = "mean = 0"; Size = size; Limit = limit }

    override _.Invert(_, tensor, _, want) =
        match mistake with
        | Mistake.InverseOffByFactor -> NodeParts.ofInput (centre tensor * 1.01)
        | Mistake.InverseMissesAnEntry -> NodeParts.ofInput (withoutFirst (centre tensor))
        | _ -> NodeParts.ofInput (if want = Want.Exact then tensor else centre tensor)

    interface IProjects with
        member _.Nearest(tensor, _) =
            match mistake with
            | Mistake.ProjectionStaysOutside -> tensor - 0.9 * mean tensor
            | Mistake.ProjectionElsewhere -> centre tensor * 0.5
            | _ -> centre tensor

    interface ISampled with
        member _.Sample(form, generator) =
            Form.normal (if mistake = Mistake.SampleIgnoresSeed then null else generator) form

/// Tensors of positive entries, whose volume is the sum of the parameters.
type Exponential(mistake: Mistake) =
    inherit Node()
    override _.Code = Code.Call("exponential", [ Code.Text(string mistake) ])
    override _.Domains = [ Domain.free ]
    override _.Codomain _ = Space "positive tensors of my own"
    override _.Forward(inputs, _) = inputs[0].exp()

    override this.Inputs form =
        Form.check (string this) { Dimensions = 0; Square = false; Complex = false } form
        |> Result.map (fun () -> [ form ])

    override _.Contains(_, tensor, _) =
        let least = number (tensor.min ())

        if least > 0.0 then
            Ok()
        else
            Error { Condition = "positive"; Size = -least; Limit = 0.0 }

    override _.Invert(_, tensor, _, want) =
        NodeParts.ofInput (
            if want = Want.Exact then
                tensor.log ()
            else
                tensor.abs().clamp_min(0.01.ToScalar()).log()
        )

    interface IVolume with
        member _.LogVolume(inputs, _) =
            let volume = inputs[0].sum()
            if mistake = Mistake.VolumeOff then volume + 0.001 else volume
