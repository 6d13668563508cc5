namespace Parametrize

open TorchSharp

/// Computes the parameter from the tensor, for a value with one parameter that is one-to-one. Differentiable.
[<RequireQualifiedAccess>]
module internal Undoing =

    let private wholly (node: Node) : (torch.Tensor -> torch.Tensor) option =
        match box node with
        | :? IBijection as bijection -> Some(Contract.undone node bijection.Back)
        | :? IOneToOne as injection -> Some(Contract.undone node injection.Undo)
        | _ -> None

    let private ofRead (node: Node) : (torch.Tensor -> torch.Tensor) option =
        match box node with
        | :? IReadsSome as node -> Some node.UndoRead
        | _ -> wholly node

    let private backBy backOf (program: Program) (forms: Form[]) (tensor: torch.Tensor) : torch.Tensor =
        (tensor, Array.rev program.Steps)
        ||> Array.fold (fun tensor step ->
            match step with
            | Step.Compute(node, _, _, _) -> (Option.get (backOf node)) tensor
            | Step.OutOf(view, _) -> View.into view tensor
            | Step.Into(view, source, whole) ->
                let dimensions = forms[Program.wholeOf program whole].Shape.Length
                View.inputBack view dimensions (fun () -> forms[source].Shape) tensor)

    /// The first node that cannot be undone.
    let obstacle (program: Program) : Node option = program.Nodes |> Array.tryFind (wholly >> Option.isNone)

    /// What an allowed tensor comes from, in the caller's dispose scope. No node may be an obstacle.
    let back (program: Program) (forms: Form[]) (tensor: torch.Tensor) : torch.Tensor =
        backBy wholly program forms tensor

    /// The first node that cannot be undone up to what it does not read.
    let obstacleOfRead (program: Program) : Node option = program.Nodes |> Array.tryFind (ofRead >> Option.isNone)

    /// The same as `back` with zeros where nothing is read.
    let backOfRead (program: Program) (forms: Form[]) (tensor: torch.Tensor) : torch.Tensor =
        backBy ofRead program forms tensor
