namespace Parametrize

/// How a constrained tensor is computed from unconstrained ones: a chain of links, read from left to right. An
/// immutable value without tensors, compared by its description and printed as it is typed.
[<StructuralEquality; NoComparison; StructuredFormatDisplay("{Code}")>]
type Parametrization =
    private
    | Chain of Link list

    /// The links, first the one that reads what the optimizer trains. The identity has none.
    member this.Links: Link list =
        let (Chain links) = this
        links

    /// The value as it is typed, such as `skew >>> cayley`.
    member this.Code: string =
        match this.Links with
        | [] -> "identity"
        | links -> links |> List.map _.Code |> String.concat " >>> "

    override this.ToString() : string = this.Code

/// How chains are made: flat, associative, and checked where two links meet.
[<RequireQualifiedAccess>]
module internal Composition =

    let ofLinks (links: Link list) : Parametrization = Chain links

    let mapLinks (change: Link -> Link) (value: Parametrization) : Parametrization = Chain(List.map change value.Links)

    let private neighboursFit (left: Link) (right: Link) : Result<unit, ParametrizationError> =
        if right.InputCount > 1 then
            Error(ParametrizationError.ReadsSeveralTensors(left.Code, right.Code))
        elif not (Domain.accepts left.Codomain right.Domain) then
            Error(ParametrizationError.SpacesDoNotFit(left.Code, string left.Codomain, right.Code, string right.Domain))
        else
            Ok()

    /// Two links that become one when they are neighbours.
    let private asOne (left: Link) (right: Link) : Link option =
        match left with
        | :? StackedLink as stacked -> stacked.Absorb right |> Option.map (fun link -> link :> Link)
        | _ -> None

    let private joined (before: Link list) (after: Link list) : Link list =
        match asOne (List.last before) (List.head after) with
        | Some one -> List.take (before.Length - 1) before @ one :: List.tail after
        | None -> before @ after

    /// First `left`, then `right`; `Error` names both neighbours when their spaces do not fit.
    let join (left: Parametrization) (right: Parametrization) : Result<Parametrization, ParametrizationError> =
        match left.Links, right.Links with
        | [], _ -> Ok right
        | _, [] -> Ok left
        | before, next :: rest ->
            let neighbour = List.last before

            neighboursFit neighbour next
            |> Result.map (fun () -> Chain(joined before (next.Behind neighbour.Codomain :: rest)))
