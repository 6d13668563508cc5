namespace Parametrize

/// Requirements on the values of factors, so that a decomposition of what they yield finds factors that they can yield. A
/// decomposition finds vectors and numbers in its own order, and vectors up to signs.
[<RequireQualifiedAccess>]
module internal Decomposition =

    let private isFree (space: Space) = space.IsClosedUnder Closure.Everything

    /// Whether a space of numbers knows neither an order nor a bound of them, so that its matrices make a cone.
    let isCone (numbers: Space) : bool =
        isFree numbers
        || numbers.Equals PositiveSpaces.positive
        || numbers.Equals PositiveSpaces.nonNegative

    /// The domain of vectors: all tensors, or all matrices with orthonormal columns.
    let vectors: Domain = Domain.OneOf [ Domain.free; Domain.Exactly StiefelSpaces.stiefel ]

    /// The domain of numbers, given the spaces of the vectors. Vectors of any length can absorb any positive factor of a number.
    let numbers (vectors: Space list) : Domain =
        if List.exists isFree vectors then
            Domain.Needs [ Closure.Scaling; Closure.EntrywiseChoice; Closure.Reordering ]
        else
            Domain.OneOf [ Domain.Needs [ Closure.Reordering ]; Domain.Within OrderedSpaces.ordered ]

    /// The dimension of the matrices that vectors and numbers of these spaces yield, given the dimension for all numbers. If all
    /// numbers differ, a decomposition finds them again, so each number that is not free lowers the dimension by one.
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
