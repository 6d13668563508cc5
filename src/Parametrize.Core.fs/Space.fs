namespace Parametrize

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open TorchSharp

/// An operation under which a space can be closed: applied to members, it gives a member.
[<RequireQualifiedAccess>]
type Closure =
    /// Multiply it by a positive number.
    | Scaling
    /// Multiply each of its vectors (the last dimension) by a positive number of its own.
    | RowScaling
    /// Change its sign.
    | Negation
    /// Permute the entries of each of its vectors (the last dimension), each vector by a permutation of its own.
    | Reordering
    /// Set some of its entries to zero.
    | Zeroing
    /// Apply one function to every entry.
    | EntrywiseMaps
    /// Take some of its entries from another member.
    | EntrywiseChoice
    /// Add another member.
    | Sum
    /// Transpose it.
    | Transposition
    /// Put it beside other members as the blocks of a block diagonal matrix.
    | DirectSum
    /// Anything: only the space of all tensors is closed under this.
    | Everything

    /// The words for a space that is closed in this way, for the text of a domain.
    member internal this.InWords: string =
        match this with
        | Scaling -> "a space closed under positive multiples"
        | RowScaling -> "a space closed under positive multiples of each row"
        | Negation -> "a space closed under a change of sign"
        | Reordering -> "a space closed under any order of the entries of a vector"
        | Zeroing -> "a space closed under setting entries to zero"
        | EntrywiseMaps -> "a space closed under functions of single entries"
        | EntrywiseChoice -> "a space in which each entry is free of the others"
        | Sum -> "a space closed under sums"
        | Transposition -> "a space closed under transposition"
        | DirectSum -> "a space in which block diagonal matrices of its members lie"
        | Everything -> "all tensors"

/// A set of tensors, described by the larger sets that contain it and the operations under which it is closed. Spaces with equal
/// names are equal.
type Space(name: string, [<Optional>] supersets: Space seq | null, [<Optional>] closedUnder: Closure seq | null) =

    let supersets: Space list = supersets |> Option.ofObj |> Option.map List.ofSeq |> Option.defaultValue []

    let closedUnder: Set<Closure> =
        closedUnder |> Option.ofObj |> Option.map Set.ofSeq |> Option.defaultValue Set.empty

    do
        if String.IsNullOrWhiteSpace name then
            invalidArg (nameof name) "A space needs a name."

    /// The name of its members, in the plural: `symmetric matrices`.
    member _.Name: string = name

    /// Larger spaces. The spaces that contain these need not be repeated.
    member _.Supersets: IReadOnlyList<Space> = supersets

    /// The operations under which it is closed.
    member _.ClosedUnder: IReadOnlyCollection<Closure> = closedUnder

    member internal _.Closures: Set<Closure> = closedUnder

    /// The dimension of the space for tensors of that form, in real numbers; null when it is not known.
    abstract Dimension: form: Form -> Nullable<int64>
    default _.Dimension _ = Nullable()

    /// A number that every entry may have, for spaces closed under `EntrywiseChoice`. Default: 0.
    abstract Interior: float
    default _.Interior = 0.0

    /// Whether a member can leave the space when it is rounded to an element type: a positive number could become zero. Default:
    /// false.
    abstract IsLeftByRounding: bool
    default _.IsLeftByRounding = false

    /// A member rounded to an element type: the nearest member that the element type can represent.
    abstract Rounded: tensor: torch.Tensor * dtype: torch.ScalarType -> torch.Tensor
    default _.Rounded(tensor, dtype) = tensor.``to`` dtype

    /// Whether the space is closed under the operation.
    member this.IsClosedUnder(closure: Closure) : bool =
        closedUnder.Contains closure || closedUnder.Contains Closure.Everything

    /// Whether its members are members of the other as well.
    member this.IsWithin(other: Space) : bool =
        this.Equals other
        || other.IsClosedUnder Closure.Everything
        || supersets |> List.exists _.IsWithin(other)

    override _.Equals(other: obj) : bool =
        match other with
        | :? Space as space -> space.Name = name
        | _ -> false

    override _.GetHashCode() : int = hash name

    override _.ToString() : string = name

/// A space of matrices whose square members all have the same modulus of the determinant.
type internal IFixedDeterminant =
    /// `log |det W|` of matrices of that size.
    abstract LogAbsDet: size: int64 -> float

/// A structure of matrices that makes linear equations easy to solve.
[<RequireQualifiedAccess>]
type internal Structure =
    /// `W^H W = I` for square members.
    | Orthonormal
    | LowerTriangular
    | UpperTriangular

/// A space of matrices of a structure.
type internal IStructured =
    abstract Structure: Structure

/// The tensors that lie in both spaces.
type internal Intersection(left: Space, right: Space) =
    inherit Space($"{left.Name} that are {right.Name}", [ left; right ], Set.intersect left.Closures right.Closures)

    override _.Interior =
        if left.IsClosedUnder Closure.EntrywiseChoice then
            left.Interior
        else
            right.Interior

    override _.IsLeftByRounding = left.IsLeftByRounding || right.IsLeftByRounding
    override _.Rounded(tensor, dtype) = right.Rounded(left.Rounded(tensor, dtype).``to`` tensor.dtype, dtype)

/// The space of all tensors, and functions on spaces.
[<RequireQualifiedAccess>]
module Space =

    /// Every finite tensor.
    let all: Space =
        { new Space("all tensors", [], [ Closure.Everything ]) with
            override _.Dimension form = Nullable(Form.reals form)
        }

    /// The tensors that lie in both.
    let intersect (left: Space) (right: Space) : Space =
        if left.IsWithin right then left
        elif right.IsWithin left then right
        else Intersection(left, right)

    /// The first answer of `tell` for the space or one of its supersets.
    let rec internal tryTell (tell: Space -> 'a option) (space: Space) : 'a option =
        match tell space with
        | Some told -> Some told
        | None -> space.Supersets |> Seq.tryPick (tryTell tell)

    /// `log |det W|` of the square members of a size, if it is the same for all.
    let internal logAbsDet (size: int64) (space: Space) : float option =
        space
        |> tryTell (fun space ->
            match box space with
            | :? IFixedDeterminant as fixing -> Some(fixing.LogAbsDet size)
            | :? IStructured as structured when structured.Structure = Structure.Orthonormal -> Some 0.0
            | _ -> None)

    let internal structure (space: Space) : Structure option =
        space
        |> tryTell (fun space ->
            match box space with
            | :? IStructured as structured -> Some structured.Structure
            | _ -> None)

    /// The closures of the list under which all of the spaces are closed.
    let internal common (closures: Closure list) (spaces: Space list) : Closure list =
        closures |> List.filter (fun closure -> spaces |> List.forall _.IsClosedUnder(closure))

    /// The codomain of a map onto `whole`. If the space before is all tensors or one of `sources`, it is `whole`. Otherwise it is a
    /// subset of `whole`, closed under those of `closures` under which both `whole` and the space before are closed.
    let internal made (whole: Space) (sources: Space list) (closures: Closure list) (before: Space) : Space =
        if before.IsClosedUnder Closure.Everything || List.contains before sources then
            whole
        else
            Space($"{whole.Name} made from {before.Name}", [ whole ], common closures [ whole; before ])

/// The spaces that may stand before a node: the result of its right inverse must lie in them.
[<RequireQualifiedAccess>]
type Domain =
    /// Any space: the node before decides whether it can yield the result of the right inverse.
    | AnySpace
    /// A space and its subsets.
    | Within of Space
    /// A space, but none of its subsets.
    | Exactly of Space
    /// Spaces that are closed under these operations.
    | Needs of Closure list
    /// One of these.
    | OneOf of Domain list
    /// All of these at once.
    | AllOf of Domain list

    /// The domain in words.
    override this.ToString() : string =
        match this with
        | AnySpace -> "any space"
        | Within space -> space.Name
        | Exactly space -> $"all {space.Name}"
        | Needs closures -> closures |> List.map _.InWords |> String.concat " and "
        | OneOf domains -> domains |> List.map string |> String.concat ", or "
        | AllOf domains -> domains |> List.map (fun domain -> $"({domain})") |> String.concat " and "

/// Whether a space suits a node that reads it.
[<RequireQualifiedAccess>]
module Domain =

    /// Only the space of all tensors: the node needs an unconstrained input.
    let free: Domain = Domain.Needs [ Closure.Everything ]

    /// Whether the domain requires this closure of at least some spaces.
    let rec internal mayNeed (closure: Closure) (domain: Domain) : bool =
        match domain with
        | Domain.Needs closures -> List.contains closure closures
        | Domain.OneOf domains
        | Domain.AllOf domains -> domains |> List.exists (mayNeed closure)
        | Domain.AnySpace
        | Domain.Within _
        | Domain.Exactly _ -> false

    /// Whether a node of this domain may read all tensors of the space.
    let rec accepts (space: Space) (domain: Domain) : bool =
        match domain with
        | Domain.AnySpace -> true
        | Domain.Within larger -> space.IsWithin larger
        | Domain.Exactly same -> space.Equals same
        | Domain.Needs closures -> closures |> List.forall space.IsClosedUnder
        | Domain.OneOf domains -> domains |> List.exists (accepts space)
        | Domain.AllOf domains -> domains |> List.forall (accepts space)
