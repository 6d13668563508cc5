namespace Parametrize

open System.Runtime.CompilerServices

/// How a tensor is computed from the parameters: these are the leaves, from left to right.
[<RequireQualifiedAccess; CustomEquality; NoComparison>]
type internal Tree =
    | Leaf
    /// `fits`: whether the spaces of the inputs were found to suit the node.
    | Apply of node: Node * inputs: Tree list * fits: bool
    /// The view of the tensor of the inner tree.
    | Into of View * Tree
    /// The tensor whose view is the tensor of the inner tree.
    | OutOf of View * Tree

    override this.Equals(other: obj) : bool =
        let rec equal (left: Tree) (right: Tree) : bool =
            match left, right with
            | Leaf, Leaf -> true
            | Apply(node, inputs, fits), Apply(other, others, alike) ->
                fits = alike
                && node.Equals other
                && inputs.Length = others.Length
                && List.forall2 equal inputs others
            | Into(view, inner), Into(other, another)
            | OutOf(view, inner), OutOf(other, another) -> view = other && equal inner another
            | _ -> false

        match other with
        | :? Tree as tree -> obj.ReferenceEquals(this, tree) || equal this tree
        | _ -> false

    override this.GetHashCode() : int =
        match this with
        | Leaf -> 0
        | Apply(node, inputs, _) -> hash (node, inputs)
        | Into(view, inner) -> hash (view, inner)
        | OutOf(view, inner) -> hash (view, inner) + 1

/// Makes trees, and checks that the space of each output suits the input that reads it.
[<RequireQualifiedAccess>]
module internal Tree =

    let rec leaves (tree: Tree) : int =
        match tree with
        | Tree.Leaf -> 1
        | Tree.Apply(_, inputs, _) -> List.sumBy leaves inputs
        | Tree.Into(_, inner)
        | Tree.OutOf(_, inner) -> leaves inner

    /// Found once for each tree, because a chain needs the spaces of all its beginnings.
    let private spaces = ConditionalWeakTable<Tree, Space>()

    /// The codomain of the tree.
    let rec space (tree: Tree) : Space =
        match tree with
        | Tree.Leaf -> Space.all
        | _ ->
            match spaces.TryGetValue tree with
            | true, (known: Space) -> known
            | _ ->
                let found =
                    match tree with
                    | Tree.Leaf -> Space.all
                    | Tree.Apply(node, inputs, _) -> node.Codomain(List.map space inputs)
                    | Tree.OutOf(view, inner) -> View.space view (space inner)
                    | Tree.Into(view, inner) -> spaceInto view inner

                spaces.AddOrUpdate(tree, found)
                found

    and private spaceInto (view: View) (inner: Tree) : Space =
        match inner with
        | Tree.OutOf(other, matrix) when view = other -> space matrix
        | _ ->
            let outer = space inner
            if outer = Space.all then outer else View.spaceInto view outer

    let private viewed (view: View) (tree: Tree) : Tree =
        match tree with
        | Tree.OutOf(other, inner) when view = other -> inner
        | other -> Tree.Into(view, other)

    /// Whether the tree is a leaf, possibly seen through views.
    let rec private isBare (tree: Tree) : bool =
        match tree with
        | Tree.Leaf -> true
        | Tree.Into(_, inner) -> isBare inner
        | _ -> false

    let rec code (tree: Tree) : Code =
        match tree with
        | Tree.Leaf -> Code.name "identity"
        | Tree.Apply(node, inputs, fits) ->
            match box node, inputs with
            | (:? ICombines as combining), several -> combining.CodeWith(List.map code several)
            | _, several when List.forall isBare several -> node.Code
            | _, [ only ] -> Code.Then(code only, node.Code, fits)
            | _, several -> Code.call "joined" [ Code.Items(List.map code several); node.Code ]
        | Tree.Into(_, inner) -> code inner
        | Tree.OutOf(view, inner) -> codeUnder [ view ] inner

    /// A chain under views, the innermost first, is typed as views of its nodes, which is the same value.
    and private codeUnder (views: View list) (inner: Tree) : Code =
        match inner with
        | Tree.OutOf(view, deeper) -> codeUnder (view :: views) deeper
        | Tree.Apply(node, [ input ], fits) when not ((box node) :? ICombines) ->
            let own = typedUnder views node.Code

            match peeled views input with
            | [], before when isBare before -> own
            | [], before -> Code.Then(code before, own, fits)
            | _, (Tree.Leaf | Tree.Into _) -> typedUnder views (code inner)
            | rest, before -> Code.Then(codeUnder rest before, own, fits)
        | other -> typedUnder views (code other)

    and private typedUnder (views: View list) (inner: Code) : Code =
        views |> List.fold (fun code view -> Code.call (View.name view) [ code ]) inner

    /// The tree that is read through these views, and the views that are left over.
    and private peeled (views: View list) (tree: Tree) : View list * Tree =
        match views, tree with
        | view :: outer, Tree.Into(other, inner) when view = other -> peeled outer inner
        | _ -> views, tree

    /// The last node, in the order of evaluation.
    let rec last (tree: Tree) : Node option =
        match tree with
        | Tree.Leaf -> None
        | Tree.Apply(node, _, _) -> Some node
        | Tree.Into(_, inner)
        | Tree.OutOf(_, inner) -> last inner

    /// The value that ends with the last node, as errors name it.
    let private neighbour (tree: Tree) : string =
        let ending (tree: Tree) =
            match tree with
            | Tree.Apply(node, _, _) when not (box node :? ICombines) -> node.Code
            | other -> code other

        match tree with
        | Tree.OutOf(view, inner) -> Code.call (View.name view) [ ending inner ]
        | other -> ending other
        |> FSharpText.ofCode

    let private misfit (under: View list) (node: Node) (input: Tree) (domain: Domain) : ParametrizationError =
        let underViews =
            under
            |> List.fold (fun code view -> Code.call (View.name view) [ code ]) node.Code
            |> FSharpText.ofCode

        ParametrizationError.SpacesDoNotFit(neighbour input, (space input).Name, underViews, string domain)

    /// The node with an unconstrained input taking the remainder, if there is such an input.
    let private takingRest (node: Node) (inputs: Tree list) : Node =
        let isFree (input: Tree) = (space input).IsClosedUnder Closure.Everything

        match box node with
        | :? IChoosesRest as choosing when not (isFree inputs[choosing.Rest]) ->
            inputs |> List.tryFindIndex isFree |> Option.map choosing.WithRest |> Option.defaultValue node
        | _ -> node

    /// A node behind its inputs; merged with the node before if both are of the same kind.
    let rec private apply (mustFit: bool) (under: View list) (node: Node) (inputs: Tree list) (fits: bool) =
        let node = takingRest node inputs

        let reads (input: Tree) (domain: Domain) =
            isBare input && not (box node :? IRelatesInputs) || Domain.accepts (space input) domain

        let unfit =
            List.zip inputs (node |> Node.domainsBehind (inputs |> List.map space))
            |> List.tryFind (fun (input, domain) -> not (reads input domain))

        let merged =
            match inputs with
            | [ Tree.Apply(before, others, fitted) ] ->
                match box before with
                | :? IMerges as merging -> merging.TryMerge node |> Option.map (fun one -> struct (one, others, fitted))
                | _ -> None
            | _ -> None

        match merged, unfit with
        | Some(one, others, fitted), _ -> apply mustFit under one others (fits && fitted)
        | None, Some(input, domain) when mustFit && fits -> Error(misfit under node input domain)
        | None, _ -> Ok(Tree.Apply(node, inputs, fits && unfit.IsNone))

    let private collect (results: Result<'a, 'e> list) : Result<'a list, 'e> =
        List.foldBack
            (fun next state -> state |> Result.bind (fun rest -> next |> Result.map (fun one -> one :: rest)))
            results
            (Ok [])

    /// The tree with these in place of its leaves, left to right.
    let substitute (mustFit: bool) (replacements: Tree list) (tree: Tree) : Result<Tree, ParametrizationError> =
        let mutable rest = replacements

        let rec go (under: View list) (tree: Tree) : Result<Tree, ParametrizationError> =
            match tree with
            | Tree.Leaf ->
                let next = List.head rest
                rest <- List.tail rest
                Ok next
            | Tree.Into(view, inner) -> go under inner |> Result.map (viewed view)
            | Tree.OutOf(view, inner) -> go (view :: under) inner |> Result.map (fun inner -> Tree.OutOf(view, inner))
            | Tree.Apply(node, inputs, fits) ->
                let replaced = inputs |> List.map (go under)
                collect replaced |> Result.bind (fun inputs -> apply mustFit under node inputs fits)

        go [] tree

    /// First `left`, then `right`; an error names both neighbours when they do not fit.
    let andThen (mustFit: bool) (right: Tree) (left: Tree) : Result<Tree, ParametrizationError> =
        match left, right with
        | Tree.Leaf, _ -> Ok right
        | _, Tree.Leaf -> Ok left
        | _ when leaves right > 1 ->
            Error(ParametrizationError.ReadsSeveralTensors(neighbour left, FSharpText.ofCode (code right)))
        | _ -> substitute mustFit [ left ] right

    /// The tree applied to the view of tensors. A single input is viewed as well; several inputs are not.
    let under (view: View) (tree: Tree) : Tree =
        match tree with
        | Tree.Leaf -> Tree.Leaf
        | _ when leaves tree = 1 ->
            match substitute false [ Tree.Into(view, Tree.Leaf) ] tree with
            | Ok viewed -> Tree.OutOf(view, viewed)
            | Error error -> invalidArg (nameof tree) error.Message
        | several -> Tree.OutOf(view, several)
