namespace Parametrize

/// What the values of factors have to be so that a decomposition finds what they yield again: vectors and numbers in an order
/// of its own, up to signs.
[<RequireQualifiedAccess>]
module internal Decomposition =

    let private isFree (space: Space) = space.IsClosedUnder Closure.Everything

    /// Whether a space of numbers knows neither an order nor a bound of them, so that its matrices make a cone.
    let isCone (numbers: Space) : bool =
        isFree numbers
        || numbers.Equals PositiveSpaces.positive
        || numbers.Equals PositiveSpaces.nonNegative

    /// Of vectors: any, or any that are orthonormal.
    let vectors: Domain = Domain.OneOf [ Domain.free; Domain.Exactly StiefelSpaces.stiefel ]

    /// Of numbers beside vectors of these spaces. Vectors of any lengths can take numbers to any others of their signs.
    let numbers (vectors: Space list) : Domain =
        if List.exists isFree vectors then
            Domain.Needs [ Closure.Scaling; Closure.EntrywiseChoice; Closure.Reordering ]
        else
            Domain.OneOf [ Domain.Needs [ Closure.Reordering ]; Domain.Within OrderedSpaces.ordered ]

    /// The dimension of what vectors and numbers of these spaces yield, given that by all numbers. A decomposition finds numbers
    /// that differ from each other again, so that each number that is not free makes it one less.
    let dimension
        (byAllNumbers: int64)
        (vectors: (Form * (Space * int64 option)) list)
        (form: Form, numbers: Space * int64 option)
        : int64 option =
        let isWhole (form: Form, (space: Space, dimension: int64 option)) =
            dimension.IsSome && dimension = Option.ofNullable (space.Dimension form)

        let missing = snd numbers |> Option.map (fun known -> Form.reals form - known)
        let areFree = vectors |> List.exists (fun (_, (space, _)) -> isFree space)

        match missing with
        | Some missing when List.forall isWhole vectors && (missing = 0L || not areFree) -> Some(byAllNumbers - missing)
        | _ -> None
