namespace Parametrize

open TorchSharp

/// A value of bijections read backwards: what it computes is their inverse, and what undoes it is the value itself.
type internal InverseNode(value: Parametrization) =
    inherit Node()

    let program = value.Program
    let image = Tree.space value.Tree

    let formsOf (tensor: torch.Tensor) : Form[] =
        match Program.forms program (Form.ofTensor tensor) with
        | Ok forms -> forms
        | Error error -> invalidOp error.Message

    let forward (tensor: torch.Tensor) =
        Parametrization.forward value (new Parts(tensor.shape, [| tensor |], Array.create program.Nodes.Length [||]))

    let back (tensor: torch.Tensor) =
        let forms = if program.HasViews then formsOf tensor else [||]
        Undoing.back program forms tensor

    /// The image in the range of a 16-bit type, so that rounding makes no entry zero or infinite.
    let inNumbers (epsilon: float) (tensor: torch.Tensor) =
        match Form.halfOf epsilon with
        | None -> tensor
        | Some half when image.IsLeftByRounding -> Entrywise.inRangeOf half tensor
        | Some half -> Entrywise.within (Form.greatest half) tensor

    member _.Value: Parametrization = value

    override _.Code = Code.call "inverse" [ value.Description ]
    override _.Inputs form = Program.forms program form |> Result.map (fun _ -> [ form ])
    override _.Domains = [ (if image.Equals Space.all then Domain.AnySpace else Domain.Within image) ]

    /// All tensors come from the whole image; from a part of it, a part of them.
    override _.Codomain before =
        if before.Head.Equals image || before.Head.IsClosedUnder Closure.Everything then
            Space.all
        else
            Space $"what {value} makes {before.Head.Name} from"

    override _.IsBatched = program.IsBatched
    override _.Forward(inputs, _) = back inputs[0]

    /// Whether the tensor comes back from its image, rounded or not: the image must tell neighbouring numbers apart.
    member private _.ContainsFrom(input: torch.Tensor, tensor: torch.Tensor, epsilon: float) =
        let residual = Tensors.distance tensor (back input)
        let scale = max 1.0 (Tensors.largest tensor)
        Violation.unless $"W comes back from {value}" residual (Tensors.roundoff epsilon scale)

    override this.Contains(_, tensor, epsilon) =
        this.ContainsFrom(Entrywise.roundedTo epsilon (inNumbers epsilon (forward tensor)), tensor, epsilon)

    override _.Invert(_, tensor, epsilon, want) =
        let there = forward tensor
        NodeParts.ofInput (if want = Want.Exact then there else inNumbers epsilon there)

    interface IRoundsParameter with
        member this.ContainsBehind(tensor, epsilon) = this.ContainsFrom(forward tensor, tensor, epsilon)

    interface IBijection with
        member _.Back tensor = forward tensor

    interface IVolumeBehind with
        member _.Measures before =
            let before = before.Head
            before.IsOpen && Volume.isKnownFor program before.Form

        /// Minus that of the value, for each tensor that is computed by itself.
        member _.LogVolume(inputs, _) =
            let x = back inputs[0]
            let parts = new Parts(inputs[0].shape, [| x |], Array.create program.Nodes.Length [||])

            match Volume.ofEach program parts with
            | Some volumes -> -volumes
            | None -> invalidOp $"The volume of {value} is not known."

    interface IDimension with
        member _.Dimension(_, before, _) = snd before.Head

namespace Parametrize.Values

open Parametrize

/// The value `inverse`.
[<AutoOpen>]
module InverseValues =

    /// The inverse of a value of bijections: `inverse (positiveBy PositiveMap.Exp)` is the logarithm. It stands behind a value
    /// whose tensors lie in its domain; alone, its parameter has to stay in that domain. Throws ArgumentException for other
    /// values than `scale`, `shift`, `positive`, `bounded`, and what is composed of them.
    let inverse (value: Parametrization) : Parametrization =
        let other = value.Program.Nodes |> Array.tryFind (fun node -> not (box node :? IBijection))

        match value.Tree, other with
        | Tree.Leaf, _ -> value
        | Tree.Apply(:? InverseNode as node, [ Tree.Leaf ], _), _ -> node.Value
        | _, Some node ->
            invalidArg
                (nameof value)
                $"{node} is not a bijection of entries, so it has no inverse. Use scale, shift, positive, bounded, or a chain of these."
        | _ -> Parametrization.ofNode (InverseNode value)
