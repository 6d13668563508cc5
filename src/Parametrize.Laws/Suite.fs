namespace Parametrize.Laws

module internal Suite =

    /// All laws, in the order of their numbers.
    let laws: Law list =
        [
            Membership.laws
            Inverses.laws
            Gradients.laws
            Forms.laws
            Algebra.laws
            Resources.laws
            Dimensions.laws
            Undoings.laws
            Volumes.laws
            Determinants.laws
            Carrying.laws
            Orthogonality.laws
            Training.laws
        ]
        |> List.concat
        |> List.sortBy (fun law -> int (law.Number.TrimEnd([| 'a' .. 'z' |])), law.Number)
