namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal GroupSparseSpaces =

    let groups (keep: int) (size: int) : Space =
        Space(
            $"tensors with at most {keep} of each {size} entries other than 0",
            [],
            [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Zeroing ]
        )

/// `W = mask X`, where the mask keeps the entries of largest modulus of each group in the last dimension, anew in each pass.
/// Gradients go straight through, also to entries that are hidden (Zhou et al. 2021, eq. 5). O(n).
type internal GroupSparseNode(keep: int, size: int) =
    inherit Node()

    /// Of equal ones, those in front stay.
    let mask (tensor: torch.Tensor) =
        let moduli = tensor.detach().abs().reshape(-1L, int64 size)
        let struct (_, places) = moduli.sort (1L, descending = true, stable = true)
        let first = places.narrow (1L, 0L, int64 keep)
        let kept = torch.zeros_like(moduli).scatter_(1L, first, torch.ones_like (first, dtype = moduli.dtype))
        kept.reshape tensor.shape

    override _.Code = Code.call "groupSparse" [ Code.Integer keep; Code.Integer size ]

    override this.Inputs form =
        match Form.fault Requirement.vectors form with
        | Some error -> Error(error (Node.text this))
        | None when Array.last form.Shape % int64 size <> 0L ->
            Node.wrongShape this $"a last dimension that {size} divides" form
        | None -> Ok [ form ]

    override _.Codomain _ = GroupSparseSpaces.groups keep size

    override _.Forward(inputs, _) = StraightThrough.join (inputs[0].detach() * mask inputs[0]) inputs[0]

    override _.Contains(_, tensor, _) =
        let hidden = tensor * (1.0.AsScalar() .- mask tensor)
        Violation.unless $"all but {keep} of {size} entries are 0" (Tensors.largest hidden) 0.0

    override _.Invert(_, tensor, _, _) = NodeParts.ofInput tensor

    interface IStraightThrough with
        member _.Pass(_, _, gradient) = gradient.clone ()

namespace Parametrize.Values

open Parametrize

/// The value `groupSparse`.
[<AutoOpen>]
module GroupSparseValues =

    /// At most `keep` of each `size` consecutive entries in the last dimension are other than 0: those of largest modulus, chosen
    /// again in each pass, with straight-through gradients (Zhou et al. 2021). `pruned (Pruning.Groups(keep, size))` chooses only
    /// once. O(n). The parameter is the tensor as it is; projects to the nearest. Throws ArgumentException unless
    /// `1 <= keep <= size`.
    let groupSparse (keep: int) (size: int) : Parametrization =
        if keep < 1 || keep > size then
            invalidArg
                (nameof keep)
                $"A group keeps at least 1 entry and at most all, but {keep} of {size} were asked for."

        Parametrization.ofNode (GroupSparseNode(keep, size))
