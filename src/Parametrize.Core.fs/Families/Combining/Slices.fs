namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal SliceSpaces =

    /// Closures that tensors made of pieces along a dimension can keep.
    let private kept =
        [
            Closure.Scaling
            Closure.Negation
            Closure.Zeroing
            Closure.EntrywiseMaps
            Closure.EntrywiseChoice
            Closure.Sum
        ]

    let along (dimension: int) (sizes: int64 list) (pieces: Space list) : Space =
        match List.distinct pieces with
        | [ only ] when only.IsClosedUnder Closure.EntrywiseChoice -> only
        | _ ->
            let names = List.map2 (fun size (space: Space) -> $"{size} of {space.Name}") sizes pieces
            let kept = kept |> List.filter ((<>) Closure.EntrywiseChoice)

            Space(
                (invariant $"""tensors of pieces along dimension {dimension}: {String.concat ", " names}"""),
                [],
                Space.common kept pieces
            )

/// Pieces of given sizes along one dimension, one behind another.
type internal SlicesNode(dimension: int, sizes: int64 list) =
    inherit PiecesNode()

    let axis (count: int) = if dimension < 0 then dimension + count else dimension

    let resized (size: int64) (form: Form) =
        let shape = Array.copy form.Shape
        shape[axis shape.Length] <- size
        { form with Shape = shape }

    member _.Sizes: int64 list = sizes

    override _.Code = Code.call "slices" [ Code.Integer dimension ]

    /// The sizes are typed with the pieces, not with the node.
    override this.Equals(other: obj) : bool =
        match other with
        | :? SlicesNode as node -> node.Sizes = this.Sizes && node.Code = this.Code
        | _ -> false

    override _.GetHashCode() : int = hash sizes

    override this.Inputs form =
        let total = List.sum sizes

        match Form.fault Requirement.vectors form, Form.withoutDimension dimension form with
        | Some error, _ -> Error(error (Node.text this))
        | None, Some expected -> Node.wrongShape this expected form
        | None, None when form.Shape[axis form.Shape.Length] <> total ->
            Node.wrongShape this (invariant $"a tensor of {total} in dimension {dimension}") form
        | None, None -> Ok(sizes |> List.map (fun size -> resized size form))

    override _.Output inputs = resized (List.sum sizes) inputs.Head
    override _.Domains = sizes |> List.map (fun _ -> Domain.AnySpace)
    override _.Codomain before = SliceSpaces.along dimension sizes before
    override _.IsBatched = dimension < 0
    override _.Forward(inputs, _) = torch.cat (inputs, int64 dimension)
    override _.Contains(_, _, _) = Ok()
    override _.Cut tensor = tensor.split (List.toArray sizes, int64 dimension)

    interface IVolumeBehind with
        member _.Measures before = before |> List.forall _.Dimension.IsSome

        /// Dimensions before the one that is cut are those of each piece.
        member _.LogVolume(inputs, _) =
            let count = inputs[0].shape.Length
            Tensors.forEach (count - axis count) 0.0 inputs[0]

    interface ICombines with
        member _.CodeWith inputs =
            let pieces = List.map2 (fun size input -> Code.Tuple [ Code.Long size; input ]) sizes inputs
            Code.call "slices" [ Code.Integer dimension; Code.Items pieces ]

namespace Parametrize.Values

open Parametrize

/// The value `slices`.
[<AutoOpen>]
module SlicesValues =

    /// Pieces one after another along a dimension, each with its own size and value: the four gates of a recurrent layer are
    /// `slices 0 [ (h, orthogonal); (h, orthogonal); (h, orthogonal); (h, orthogonal) ]`. Negative dimensions count from the end.
    /// Throws ArgumentException without pieces, and for a size below 1 or above 2^40.
    let slices (dimension: int) (pieces: (int64 * Parametrization) list) : Parametrization =
        let sizes = List.map fst pieces

        if sizes.IsEmpty then
            invalidArg (nameof pieces) "At least one piece is needed, but none was given."

        // No tensor is so long, and sums of sizes must not overflow.
        let most = 1L <<< 40

        match sizes |> List.tryFind (fun size -> size < 1L || size > most) with
        | Some size -> invalidArg (nameof pieces) $"A piece has a size of 1 to {most}, but one has {size}."
        | None -> Parametrization.join (SlicesNode(dimension, sizes)) (List.map snd pieces)
