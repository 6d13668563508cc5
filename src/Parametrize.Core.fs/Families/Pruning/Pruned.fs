namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal PrunedSpaces =

    let masked: Space =
        Space(
            "tensors with a pattern of zeros",
            [],
            [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Zeroing; Closure.Sum ]
        )

/// Tensors with zeros at fixed places: `W = mask * X`. Entries under the mask keep their values in X. Prunings behind
/// one another are one node with one mask, because each has to know what the ones before it have kept.
type internal PrunedNode(stack: Pruning list, hidden: float) =
    inherit Node()

    let asMask (tensor: torch.Tensor) (kept: torch.Tensor) = kept.``to`` (tensor.dtype, tensor.device)

    let all (tensor: torch.Tensor) = torch.ones_like (tensor, dtype = torch.ScalarType.Bool)

    /// The mask in use, and that of one pattern, are known without looking at the tensor.
    let orFound (present: torch.Tensor[]) (tensor: torch.Tensor) find : Result<torch.Tensor, string> =
        match present, stack with
        | [| mask |], _ -> Ok mask
        | _, [ Pruning.Custom pattern ] -> Ok(pattern.ToTensor(Form.ofTensor tensor))
        | _ -> find () |> Result.map (asMask tensor)

    /// Behind a node that yields no zeros, all zeros are of prunings: of several, none needs to have made them all.
    let recognized (present: torch.Tensor[]) (tensor: torch.Tensor) =
        let isEveryZero = hidden <> 0.0 && stack.Length > 1

        orFound present tensor (fun () ->
            PruningStack.recognized tensor stack
            |> Result.map (fun kept -> if isEveryZero then kept.logical_and (tensor.ne (0.0.AsScalar())) else kept))

    let chosen (present: torch.Tensor[]) (tensor: torch.Tensor) =
        orFound present tensor (fun () -> PruningStack.ofTensor tensor (all tensor) stack)

    /// A custom pattern that transposing leaves as it is.
    let isSymmetric =
        lazy
            (match stack with
             | [ Pruning.Custom mask ] -> mask.IsSymmetric
             | _ -> false)

    let code =
        lazy
            (match stack with
             | [] -> Code.call "pruned" [ Pruning.Nothing.Code ]
             | first :: rest ->
                 (Code.call "pruned" [ first.Code ], rest)
                 ||> List.fold (fun before next -> Code.Then(before, Code.call "pruned" [ next.Code ], true)))

    new(pruning: Pruning) = PrunedNode([ pruning ], 0.0)

    member _.Stack: Pruning list = stack

    /// The node that has this mask, where one of its patterns keeps other entries.
    member this.Following(mask: torch.Tensor) : PrunedNode =
        let found = lazy (Mask.OfTensor mask)

        let agrees (pruning: Pruning) =
            match pruning with
            | Pruning.Custom pattern when stack.Length = 1 -> pattern = found.Value
            | Pruning.Custom pattern -> pattern.And found.Value = found.Value
            | _ -> true

        if List.forall agrees stack then
            this
        else
            PrunedNode([ Pruning.Custom found.Value ], hidden)

    override _.Code = code.Value

    override this.Inputs form =
        match Form.fault Requirement.entries form with
        | Some error -> Error(error (Node.text this))
        | None ->
            match stack |> List.tryPick (fun pruning -> PruningRules.expects pruning form.Shape) with
            | Some expected -> Node.wrongShape this expected form
            | None -> Ok [ form ]

    override _.Domains =
        [
            Domain.OneOf
                [
                    Domain.Needs [ Closure.Zeroing ]
                    Domain.Needs [ Closure.EntrywiseChoice ]
                    // Not of its subsets: positive ones, for example, have no zeros.
                    if isSymmetric.Value then
                        Domain.Exactly SymmetricSpaces.symmetric
                ]
        ]

    override _.Codomain before =
        let before = before.Head

        if before.IsClosedUnder Closure.Zeroing || isSymmetric.Value && before = SymmetricSpaces.symmetric then
            Space.intersect before PrunedSpaces.masked
        else
            Space.made
                PrunedSpaces.masked
                []
                [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Sum ]
                before

    override _.Buffers = [ { Name = "mask"; Role = BufferRole.Mask; FormFor = id } ]

    override _.IsBatched = false
    override _.Forward(inputs, buffers) = inputs[0] * buffers[0]

    override this.Equals(other: obj) : bool =
        match other with
        | :? PrunedNode as node -> node.Stack = this.Stack
        | _ -> false

    override _.GetHashCode() : int = hash stack

    override _.Contains(present, tensor, _) =
        let within (mask: torch.Tensor) =
            let hidden = tensor * mask.eq (0.0.AsScalar())
            Violation.unless "W_ij = 0 under the mask" (Tensors.largest hidden) 0.0

        recognized present tensor
        |> Result.mapError (fun reason -> { Condition = reason; Size = infinity; Limit = 0.0 })
        |> Result.bind within

    override _.Invert(present, tensor, _, want) =
        match want with
        | Want.Exact ->
            recognized present tensor
            |> Result.bind (fun mask ->
                if hidden = 0.0 then
                    NodeParts.carrying tensor [ mask ]
                else
                    // A number that the node before can yield.
                    NodeParts.carrying (tensor.masked_fill (mask.eq (0.0.AsScalar()), hidden.AsScalar())) [ mask ])
        | Want.Nearest
        | Want.Start -> chosen present tensor |> Result.bind (fun mask -> NodeParts.carrying tensor [ mask ])

    interface IFindsAlike with
        /// Of several, none knows which zeros are its own.
        member _.FindsAlike = stack.Length = 1 && hidden = 0.0

    interface ISpecialized with
        member this.Behind before =
            let before = before.Head

            if before.IsClosedUnder Closure.EntrywiseChoice && not (before.IsClosedUnder Closure.Zeroing) then
                PrunedNode(stack, before.Interior)
            else
                this

    interface IRepairs with
        member _.CanCarry(buffers, _) =
            let mask = Tensors.inDouble buffers[0]
            let nearest = mask.ne(0.0.AsScalar()).``to`` mask.dtype

            Violation.unless "mask_ij = 0 or 1" (Tensors.distance mask nearest) 0.0
            |> Result.mapError (fun violation -> "mask", violation)

        member _.Repair buffers = buffers

    interface IMerges with
        member _.TryMerge next =
            match next with
            | :? PrunedNode as next -> Some(PrunedNode(PruningStack.append stack next.Stack, hidden))
            | _ -> None

        member _.Continue(next, present, tensor) =
            match next with
            | :? PrunedNode as next ->
                PruningStack.ofTensor (Tensors.inDouble tensor) (present[0].ne(0.0.AsScalar())) next.Stack
                |> Result.map (fun kept -> [| asMask present[0] kept |])
            | _ -> Error $"{next} is no pruning."

    interface IVolumeBehind with
        /// Known only for parameters, because the node does not read all entries of its input.
        member _.Measures before = before.Head.IsLeaf
        member _.LogVolume(inputs, _) = Tensors.forEach 0 0.0 inputs[0]

    interface IDimension with
        /// The entries that the mask keeps, of those that the space before has at all.
        member _.Dimension(form, before, buffers) =
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            let stays = buffers[0].ne(0.0.AsScalar()).``to`` torch.ScalarType.Int64
            let space, dimension = before.Head
            let within (superset: Space) () = space.IsWithin superset
            let lower (mask: torch.Tensor) = mask.tril 0L
            let upper (mask: torch.Tensor) = mask.triu 0L

            let numbers (mask: torch.Tensor) = Form.reals { form with Shape = [||] } * mask.sum().item<int64>()

            // Where the numbers of the space before are: a space may have fewer, in other places, than the one in which it lies.
            [
                (fun () -> true), id
                within TriangularSpaces.diagonal, lower >> upper
                within (TriangularSpaces.triangular Triangle.Lower), lower
                within (TriangularSpaces.triangular Triangle.Upper), upper
                within SymmetricSpaces.symmetric, lower
            ]
            |> List.tryFind (fun (isWithin, part) ->
                isWithin () && dimension = Some(numbers (part (torch.ones_like stays))))
            |> Option.map (fun (_, part) -> numbers (part stays))

/// Functions that tell whether values are pruned, and by which masks.
[<RequireQualifiedAccess>]
module internal Pruned =

    /// How a value is typed, whatever chooses its masks.
    let rec private withoutChoices (code: Code) : Code =
        let pruned = Code.name "pruned"

        match code with
        | Code.Call("pruned", _) -> pruned
        | Code.Call(name, arguments) -> Code.Call(name, arguments |> List.map withoutChoices)
        | Code.Items items -> Code.Items(items |> List.map withoutChoices)
        | Code.Tuple items -> Code.Tuple(items |> List.map withoutChoices)
        | Code.Then(first, next, fits) ->
            match withoutChoices first, withoutChoices next with
            // Pruning what is pruned has one mask.
            | (Code.Call("pruned", _) | Code.Then(_, Code.Call("pruned", _), _)) as first, Code.Call("pruned", _) ->
                first
            | first, next -> Code.Then(first, next, fits)
        | _ -> code

    /// Whether two values differ at most in how masks are chosen: the parts of one are parts of the other.
    let areAlike (left: Parametrization) (right: Parametrization) : bool =
        withoutChoices left.Description = withoutChoices right.Description

    /// The value with the masks in use as custom patterns: a loaded state may have brought other masks than the value chooses.
    /// Its text tells what is computed, and registering it restores that.
    let following (value: Parametrization) (parts: Parts) : Parametrization =
        let buffers = System.Collections.Generic.Queue<torch.Tensor[]>(parts.BufferArrays)

        let rec go (tree: Tree) : Tree =
            match tree with
            | Tree.Leaf -> tree
            | Tree.Into(view, inner) -> Tree.Into(view, go inner)
            | Tree.OutOf(view, inner) -> Tree.OutOf(view, go inner)
            | Tree.Apply(node, inputs, fits) ->
                let inputs = List.map go inputs

                match node, buffers.Dequeue() with
                | :? PrunedNode as pruned, [| mask |] -> Tree.Apply(pruned.Following mask, inputs, fits)
                | _ -> Tree.Apply(node, inputs, fits)

        let followed = go value.Tree
        if followed = value.Tree then value else Parametrization followed

    /// Whether one of the nodes prunes.
    let isPruned (value: Parametrization) : bool = value.Program.Nodes |> Array.exists (fun node -> node :? PrunedNode)

    /// The mask of the last node, if it prunes, in the shape of the tensor, even if the node sees a view of it. Another pruning
    /// continues from this mask.
    let lastMask (value: Parametrization) (parts: Parts) : torch.Tensor option =
        let rec shown (form: Form) (tree: Tree) =
            match tree with
            | Tree.Apply(:? PrunedNode, _, _) -> Some((Array.last parts.BufferArrays)[0])
            | Tree.OutOf(view, inner) ->
                shown (View.formInto view form) inner |> Option.map (View.back view (fun () -> form.Shape))
            | _ -> None

        shown (Parametrization.form value parts) value.Tree

    /// Whether the last node prunes and sees the tensor itself, so that another pruning is merged with it.
    let isLast (value: Parametrization) : bool =
        match value.Tree with
        | Tree.Apply(:? PrunedNode, _, _) -> true
        | _ -> false

    /// Whether the share of all that a sound pruning goes up to is pruned by this mask already.
    let isReached (pruning: Pruning) (mask: torch.Tensor) : bool =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        (PruningRules.fault pruning).IsNone
        && (PruningRules.expects pruning mask.shape).IsNone
        && Selection.isReached pruning (mask.ne (0.0.AsScalar()))

namespace Parametrize.Values

open Parametrize

/// The value `pruned`.
[<AutoOpen>]
module PrunedValues =

    /// Tensors with zeros at fixed places; a second pruning prunes the entries that the first has left. Throws ArgumentException
    /// for shares and probabilities outside [0, 1], negative counts, norms of no power (NaN), and groups that keep more than they
    /// have.
    let pruned (pruning: Pruning) : Parametrization =
        match PruningRules.fault pruning with
        | Some fault -> invalidArg (nameof pruning) fault
        | None -> Parametrization.ofNode (PrunedNode pruning)
