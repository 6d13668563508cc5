namespace Parametrize

open TorchSharp

/// `W = X_1 + X_2 + ...`, where one term is free and takes what the others leave.
type internal SumNode(count: int, rest: int) =
    inherit Node()

    override _.Code = Code.call "sum" [ Code.Items(List.replicate count (Code.name "identity")) ]
    override _.Domains = List.init count (fun term -> if term = rest then Domain.free else Domain.AnySpace)
    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = Array.reduce (fun (sum: torch.Tensor) next -> sum +. next) inputs
    override _.Contains(_, _, _) = Ok()

    /// The others start near zero.
    override _.Invert(_, tensor, _, _) =
        let term (position: int) = if position = rest then tensor else torch.zeros_like tensor
        Ok { Inputs = Array.init count term; Buffers = [||] }

    interface ICombines with
        member _.CodeWith inputs = Code.call "sum" [ Code.Items inputs ]

    interface IChoosesRest with
        member _.WithRest position = SumNode(count, position)

    interface IKeepsInputs with
        member _.Rest = rest

        member _.RestOf(inputs, tensor) =
            let others = inputs |> Array.removeAt rest |> Array.map Tensors.inDouble
            let left = Array.fold (fun (left: torch.Tensor) term -> left - term) (Tensors.inDouble tensor) others
            left.``to`` tensor.dtype

    interface IDimension with
        member _.Dimension(form, before, _) =
            if Dimension.fallsShort form before[rest] then None else Some(Form.reals form)

namespace Parametrize.Values

open Parametrize

/// The value `sum`.
[<AutoOpen>]
module SumValues =

    /// `X_1 + X_2 + ...` of tensors of one shape: `sum [ identity; lowRank 4L ]`. If a tensor is assigned, the first free term
    /// becomes the tensor minus the other terms, which start near zero. Throws ArgumentException without a free term, or with
    /// fewer than two.
    let sum (terms: Parametrization list) : Parametrization =
        let rest = Rest.positionIn "sum" "term" terms
        Parametrization.join (SumNode(terms.Length, rest)) terms
