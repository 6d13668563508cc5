namespace Parametrize.Laws

open FsCheck.FSharp
open FsCheck
open Parametrize
open TorchSharp

/// A value with what the laws need to know about it: a line of the generators.
[<NoComparison; NoEquality>]
type internal Subject =
    {
        Name: string
        Value: Parametrization
        /// An equal value, built anew.
        Rebuilt: unit -> Parametrization
        /// Shapes of single problems, or of all when the value has no batches.
        Shapes: Gen<int64[]>
        Dtypes: torch.ScalarType list
        Devices: torch.Device list
        /// Sizes of the unconstrained entries.
        Scales: float list
        /// The largest size that 16-bit floats resolve.
        HalfLimit: float
        /// The part of the parameter that the map reads, for bijections.
        Reads: (torch.Tensor -> torch.Tensor) option
        /// A tensor just outside the space, from one inside.
        Miss: (torch.Tensor -> torch.Tensor) option
        /// Whether the map has derivatives at zero.
        SmoothAtZero: bool
        /// How much more rounding than that of a few products is admitted, given the size of the entries.
        Accuracy: float -> float
        /// The size of the terms of which results are differences: smaller results have their rounding errors.
        Ground: float
    }

module internal Subject =

    /// What rounding may do to results of this size: some hundred units of the last digit for each term of a sum.
    let slack (subject: Subject) (case: Case) (reference: torch.Tensor) : float =
        let terms = reference.shape |> Array.fold max 4L |> float
        let size = max subject.Ground (Measures.largest reference)
        // Below the normal numbers the last digit is all that there is.
        subject.Accuracy case.Scale * 64.0 * Form.epsilon reference.dtype * terms * size
        + 4.0 * Form.smallest reference.dtype

    let isBatched (subject: Subject) : bool = Parametrization.isBatched subject.Value

    /// Whether all of its nodes are those of the library.
    let isOfLibrary (subject: Subject) : bool =
        Parametrization.nodes subject.Value
        |> List.forall (fun node -> node.GetType().Assembly = typeof<Node>.Assembly)

    /// Whether gradients are those of the map: not behind rounding, which they go straight through.
    let hasDerivative (subject: Subject) : bool =
        Parametrization.nodes subject.Value
        |> List.forall (fun node -> not ((box node) :? IStraightThrough))

    let learns (subject: Subject) : bool = Parametrization.learns subject.Value

    let doubles (subject: Subject) : torch.ScalarType list =
        [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ]
        |> List.filter (fun dtype -> List.contains dtype subject.Dtypes)

    let hasDoubles (subject: Subject) : bool = not (doubles subject).IsEmpty

    let hasRightInverse (subject: Subject) : bool = Parametrization.hasRightInverse subject.Value

    let private withBatch (subject: Subject) : Gen<int64[]> =
        gen {
            let! batch = Gen.elements [ [| 1L |]; [| 2L |]; [| 3L |]; [| 2L; 2L |] ]
            let! shape = subject.Shapes
            return Array.append batch shape
        }

    /// Whether the element type can hold and resolve entries of this size: float16 ends at 65504.
    let private fits (subject: Subject) (dtype: torch.ScalarType) (scale: float) : bool =
        not (Form.isHalf dtype)
        || scale <= subject.HalfLimit
           && (dtype = torch.ScalarType.BFloat16 || scale = 0.0 || scale >= 1e-3 && scale <= 1e3)

    /// Whether a case of this size is one of the value's.
    let admits (subject: Subject) (dtype: torch.ScalarType) (scale: float) : bool =
        List.contains dtype subject.Dtypes && List.contains scale subject.Scales && fits subject dtype scale

    let private casesOf (subject: Subject) (shapes: Gen<int64[]>) (dtypes: torch.ScalarType list) scales : Gen<Case> =
        let ofDtype (dtype: torch.ScalarType) = List.filter (fits subject dtype) scales

        gen {
            let! shape = shapes
            let! dtype = Gen.elements (dtypes |> List.filter (ofDtype >> List.isEmpty >> not))
            let! scale = Gen.elements (ofDtype dtype)
            let! seed = Gen.choose (0, 1_000_000)
            let! device = Gen.elements subject.Devices

            return
                {
                    Shape = shape
                    Dtype = dtype
                    Scale = scale
                    Seed = uint64 seed
                    Device = device
                }
        }

    /// Any case that the value accepts.
    let cases (subject: Subject) : Gen<Case> =
        let shapes =
            if isBatched subject then
                Gen.frequency [ 3, subject.Shapes; 1, withBatch subject ]
            else
                subject.Shapes

        casesOf subject shapes subject.Dtypes subject.Scales

    let batchedCases (subject: Subject) : Gen<Case> = casesOf subject (withBatch subject) subject.Dtypes subject.Scales

    /// Double precision, at moderate points, where finite differences see something.
    let smoothCases (subject: Subject) : Gen<Case> =
        let scales = if subject.SmoothAtZero then [ 0.0; 0.3; 1.0 ] else [ 0.3; 1.0 ]
        casesOf subject subject.Shapes (doubles subject) scales

    /// Random parts: what is carried belongs to a random tensor, and the parameters are drawn anew. Vectors that are
    /// learnt belong to the tensor in the parameters.
    let parts (use': uint64) (subject: Subject) (case: Case) : Result<Parts, ParametrizationError> =
        if learns subject then
            Parametrization.initializeNearest subject.Value (Case.normal use' case)
        else
            Parametrization.initializeNearest subject.Value (Case.unit use' case)
            |> Result.map (fun near ->
                let redrawn =
                    near.Parameters
                    |> Seq.mapi (fun position parameter ->
                        Case.normalOf parameter.shape case.Scale (use' + 100UL + uint64 position) case)

                Parametrization.ofTensorsLike near redrawn near.Buffers subject.Value)

    let sample (use': uint64) (subject: Subject) (case: Case) : torch.Tensor =
        use generator = Case.generator use' case
        Parametrization.sample subject.Value (Case.form case) (Some generator)
