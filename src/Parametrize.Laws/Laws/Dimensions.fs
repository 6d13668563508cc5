/// Degrees of freedom against the rank of the derivative.
module internal Parametrize.Laws.Dimensions

open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private leaf (tensor: torch.Tensor) : torch.Tensor = tensor.detach().clone().requires_grad_ true

/// A row for each real number of the result, a column for each of the parameters.
let jacobian (value: Parametrization) (parts: Parts) : torch.Tensor =
    let flat (tensor: torch.Tensor) = (if tensor.is_complex () then tensor.view_as_real () else tensor).reshape -1L
    let at = parts.Parameters |> Seq.map leaf |> Seq.toArray

    let result =
        flat (Parametrization.forward value (Parametrization.ofTensorsLike parts at parts.Buffers value))

    let row (entry: int64) = gradients result[entry] at |> Array.map flat

    torch.stack [| for entry in 0L .. result.numel () - 1L -> torch.cat (row entry, 0L) |]

let rank (matrix: torch.Tensor) : int64 =
    let values = torch.linalg.svdvals matrix
    // Rounding is a million times smaller, and what is a derivative at these points a thousand times larger.
    values.gt((1e-10 * max 1.0 (largest values)).ToScalar()).sum().item<int64>()

let private rankIsDimension (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let rank = rank (jacobian subject.Value parts)

        match Dimension.tryOf subject.Value parts with
        | Some dimension -> fault (rank <> dimension) $"the derivative has rank {rank}, the dimension is {dimension}"
        | None -> [ Fault.said $"the dimension is not known, the derivative has rank {rank}" ])

/// Complex vectors and matrices whose phase is that of what they carry, a base or the singular vectors: it is moved by
/// assignments and by power iteration, not by gradients.
let carriesPhase (subject: Subject) : bool =
    Parametrization.nodes subject.Value
    |> List.exists (fun node ->
        node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Learned)
        || node.ToString().StartsWith "sphereExp")

let private isSmall (shape: int64[]) : bool = Array.fold (*) 1L shape <= 24L

/// Away from zero, where squares have no derivative, and small: a row of the derivative costs a backward pass.
let smallCases (subject: Subject) =
    Subject.smoothCases subject
    |> Gen.where (fun case ->
        case.Scale > 0.0 && isSmall case.Shape && not (Case.isComplex case && carriesPhase subject))

let private isOfCatalogue (subject: Subject) : bool =
    Catalogue.entries |> List.exists (fun entry -> entry.Value = subject.Value)

let private someShapes (subject: Subject) : int64[][] = subject.Shapes |> Gen.sampleWithSeed (Rnd(1UL, 1UL)) 10 50

/// Whether there are small cases.
let private hasSmall (subject: Subject) : bool =
    Subject.doubles subject
    |> List.exists (fun dtype -> dtype = torch.ScalarType.Float64 || not (carriesPhase subject))
    && Array.exists isSmall (someShapes subject)

let onSmallCases (law: Law) : Law = law |> on smallCases |> onlyFor "small tensors of double precision" hasSmall

let private tellsOf (what: Parts -> bool) (subject: Subject) (dtype: torch.ScalarType) (shape: int64[]) : bool =
    use _ = torch.NewDisposeScope()

    let case =
        {
            Shape = shape
            Dtype = dtype
            Scale = 1.0
            Seed = 1UL
            Device = List.head subject.Devices
        }

    // What an own node throws is a fault, of the laws that are about it.
    try
        match Subject.parts 1UL subject case with
        | Ok parts -> what parts
        | Error _ -> false
    with _ ->
        false

/// Whether a value of a user's own tells something of its parts, looked at where the law would be tried.
let tells (what: Parts -> bool) (subject: Subject) : bool =
    match Array.tryFind isSmall (someShapes subject) with
    | Some shape when List.contains torch.ScalarType.Float64 subject.Dtypes ->
        tellsOf what subject torch.ScalarType.Float64 shape
    | _ -> false

/// Whether it tells that for some small shape, which may be square, of real or complex numbers.
let tellsOfSome (what: Parts -> bool) (subject: Subject) : bool =
    let shapes = someShapes subject |> Array.filter isSmall |> Array.distinct

    Subject.doubles subject
    |> List.exists (fun dtype -> Array.exists (tellsOf what subject dtype) shapes)

/// No value of the catalogue may lack it. What is learnt belongs to projections of random tensors, on the edge of open sets.
let private isApplicable (subject: Subject) : bool =
    isOfCatalogue subject
    || not (Subject.learns subject)
       && tells (fun parts -> (Dimension.tryOf subject.Value parts).IsSome) subject

let laws: Law list =
    [
        law
            "11"
            "the dimension of a space is the rank of the derivative"
            "The dimension is the rank of the derivative of the map."
            rankIsDimension
        |> onSmallCases
        |> onlyFor "a derivative" Subject.hasDerivative
        |> onlyFor "a dimension, and parts that do not learn" isApplicable
    ]
