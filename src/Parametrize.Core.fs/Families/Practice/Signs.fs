namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal SignsSpaces =

    let signs (name: string) (granularity: Granularity) : Space =
        Space(
            $"{name} ({granularity.InWords})",
            [],
            [
                Closure.Scaling
                Closure.Negation
                if granularity = Granularity.Tensor then
                    Closure.Reordering
                    Closure.Transposition
            ]
        )

/// `W = a sign X`, with a number a for all entries or for those of each channel. Gradients go straight through.
[<AbstractClass>]
type internal SignsNode(name: string, space: string, granularity: Granularity) =
    inherit Node()

    /// What a row becomes: in units of its largest modulus, which is 0 for zeros.
    abstract OfUnits: rows: torch.Tensor -> torch.Tensor

    /// How far moduli in these units are from those of an element.
    abstract Deviation: moduli: torch.Tensor -> torch.Tensor

    override _.Code = Code.call name [ granularity.Code ]

    override this.Inputs form =
        match Form.fault Requirement.realEntries form, Granularity.fault granularity form with
        | Some error, _ -> Error(error (Node.text this))
        | None, Some expected -> Node.wrongShape this expected form
        | None, None -> Ok [ form ]

    override _.Codomain _ = SignsSpaces.signs space granularity
    override _.IsBatched = false

    override this.Forward(inputs, _) =
        let rows = Granularity.rows granularity (inputs[0].detach())
        let largest = Norms.largest rows [| 1L |]
        let rounded = this.OfUnits(Norms.inUnits rows largest) * largest
        StraightThrough.join (Granularity.ofRows granularity inputs[0] rounded) inputs[0]

    override this.Contains(_, tensor, epsilon) =
        let rows = Granularity.rows granularity (Tensors.inDouble tensor)
        let largest = Norms.largest rows [| 1L |]
        let units = (Norms.inUnits rows largest).abs()
        let deviation = torch.where (largest.eq (0.0.AsScalar()), torch.zeros_like units, this.Deviation units)
        Violation.unless $"{space} (in units of the largest)" (Tensors.largest deviation) (Tensors.roundoff epsilon 1.0)

    override _.Invert(_, tensor, _, _) = NodeParts.ofInput tensor

    interface IStraightThrough with
        member _.Pass(_, _, gradient) = gradient.clone ()

/// a is the mean modulus, which makes W the nearest (XNOR-Net: Rastegari et al. 2016, eq. 6). O(n).
type internal BinaryNode(granularity: Granularity) =
    inherit SignsNode("binary", "tensors of one modulus", granularity)

    override _.OfUnits rows =
        let signs = rows.ge(0.0.AsScalar()).``to`` rows.dtype * 2.0.AsScalar() - 1.0.AsScalar()
        signs * rows.abs().mean([| 1L |], keepdim = true)

    override _.Deviation moduli = 1.0.AsScalar() .- moduli

/// Entries of at most 0.7 of the mean modulus become zero, and a is the mean modulus of the others (TWN: Li, Zhang & Liu
/// 2016, eqs. 4 and 6). O(n).
type internal TernaryNode(granularity: Granularity) =
    inherit SignsNode("ternary", "zeros and one modulus", granularity)

    override _.OfUnits rows =
        let moduli = rows.abs ()
        let threshold = moduli.mean ([| 1L |], keepdim = true) * 0.7.AsScalar()
        let stays = moduli.gt(threshold).``to`` rows.dtype
        let count = stays.sum([| 1L |], keepdim = true).clamp_min(1.0.AsScalar())
        let mean = (moduli * stays).sum([| 1L |], keepdim = true) / count
        rows.sign () * stays * mean

    override _.Deviation moduli = (1.0.AsScalar() .- moduli).minimum moduli

namespace Parametrize.Values

open Parametrize

/// The values `binary` and `ternary`.
[<AutoOpen>]
module SignsValues =

    /// `W = a sign X`, where a is the mean modulus of the tensor or of each channel (XNOR-Net: Rastegari et al. 2016), and
    /// sign 0 = 1. Gradients go straight through. Real tensors, O(n). The parameter is the tensor as it is; projects to the
    /// nearest.
    let binary (granularity: Granularity) : Parametrization = Parametrization.ofNode (BinaryNode granularity)

    /// `W = a t` with t of -1, 0 and 1: entries of modulus `0.7 mean |X|` at most become zero, and a is the mean modulus of
    /// the others, of the tensor or of each channel (ternary weight networks: Li, Zhang & Liu 2016). Gradients go straight
    /// through. Real tensors, O(n). The parameter is the tensor as it is; projects by the threshold, which is near the nearest.
    let ternary (granularity: Granularity) : Parametrization = Parametrization.ofNode (TernaryNode granularity)
