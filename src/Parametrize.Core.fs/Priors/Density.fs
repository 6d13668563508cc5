namespace Parametrize

open TorchSharp

/// By which measure a density is one.
[<RequireQualifiedAccess>]
type Measure =
    /// Hausdorff's of the Frobenius norm: lengths, areas and volumes inside the space as its tensors have them. Every density is by
    /// this one, which does not depend on coordinates.
    | Frobenius
    /// The measure of textbooks and of `torch.distributions`: Lebesgue's of entries that tell the others (without the last one of a
    /// probability vector, below the diagonal of a correlation matrix, with the diagonal of a positive definite one), and the
    /// uniform probability of vectors of norm 1 and of matrices with orthonormal columns.
    | Textbook

/// Quantities of a matrix that are computed from the factors of its value. From the rounded entries of the matrix they would lose
/// digits.
[<NoComparison; NoEquality>]
type internal Factors = { LogAbsDet: unit -> torch.Tensor; Solve: torch.Tensor -> torch.Tensor }

/// A density of tensors of a space, as data: no tensors, no functions. Tensors come in float32, float64 or complex.
[<AbstractClass>]
type internal Density() =

    /// How it is typed.
    abstract Code: Code

    /// A value that yields the tensors of its space.
    abstract Support: Parametrization

    /// Whether tensors of that space have a density.
    abstract IsOn: space: Space -> bool
    default this.IsOn space = space.IsWithin(Tree.space this.Support.Tree)

    /// Whether the integral is 1, for tensors of that form.
    abstract IsNormalized: form: Form -> bool
    default _.IsNormalized _ = true

    /// The requirement that a form of the support does not meet; None when it meets all.
    abstract Fault: form: Form -> string option
    default _.Fault _ = None

    /// The log density by the measure of the Frobenius norm: one number for each independent problem of the batch, in the shape
    /// with which that of the tensor begins. Differentiable. It does not check that the tensor is in the space.
    abstract LogDensity: tensor: torch.Tensor -> torch.Tensor

    /// The same of a tensor that is computed, where the factors of which it is made are known.
    abstract LogDensityBy: tensor: torch.Tensor * factors: Factors voption -> torch.Tensor
    default this.LogDensityBy(tensor, _) = this.LogDensity tensor

    /// Whether tensors of float32 are computed with in double precision: constants of large numbers would take their digits.
    abstract IsWide: bool
    default _.IsWide = true

    /// Puts right what rounding did to samples.
    abstract Settle: samples: torch.Tensor -> torch.Tensor
    default _.Settle samples = samples

    /// The log density in the element type of the tensor, float32 for 16-bit ones.
    member this.Of(tensor: torch.Tensor, factors: Factors voption) : torch.Tensor =
        let wide = Tensors.widen tensor

        if this.IsWide && wide.dtype = torch.ScalarType.Float32 then
            this.LogDensityBy(wide.``to`` torch.ScalarType.Float64, factors).``to`` torch.ScalarType.Float32
        else
            this.LogDensityBy(wide, factors)

    /// The difference of the log density by the textbook's measure from the default one.
    abstract Correction: tensor: torch.Tensor -> torch.Tensor voption
    default _.Correction _ = ValueNone

    /// Draws independent tensors; None where there is no method of reasonable cost.
    abstract Sampler: (Form -> (torch.Generator | null) -> torch.Tensor) option
    default _.Sampler = None

    override this.Equals(other: obj) : bool =
        match other with
        | :? Density as density -> this.GetType() = density.GetType() && this.Code = density.Code
        | _ -> false

    override this.GetHashCode() : int = hash (this.GetType())

/// A density of tensors of a space, by the measure of the Frobenius norm (`Measure.Frobenius`): an immutable value without tensors,
/// compared by its description and printed as it is typed in F#.
[<Sealed; StructuredFormatDisplay("{Code}")>]
type Prior internal (density: Density) =

    member internal _.Density: Density = density

    /// The tensors that have a density.
    member _.Space: Space = Tree.space density.Support.Tree

    /// Its description as data.
    member _.Description: Code = density.Code

    /// The prior as it is typed in F#, such as `Prior.normal 1.0`.
    member _.Code: string = FSharpText.ofCode density.Code

    override _.Equals(other: obj) : bool =
        match other with
        | :? Prior as prior -> density.Equals prior.Density
        | _ -> false

    override _.GetHashCode() : int = density.GetHashCode()

    /// C#'s `==`: as `Equals`.
    static member op_Equality(left: Prior | null, right: Prior | null) : bool = obj.Equals(left, right)

    /// C#'s `!=`.
    static member op_Inequality(left: Prior | null, right: Prior | null) : bool = not (obj.Equals(left, right))

    override this.ToString() : string = this.Code

/// Arrays of numbers in densities.
[<RequireQualifiedAccess>]
module internal Numbers =

    let code (numbers: float[]) : Code = Code.Items [ for number in numbers -> Code.Float number ]

    let matrixCode (matrix: float[,]) : Code =
        let row (index: int) = code matrix[index, *]
        Code.Call("array2D", [ Code.Items [ for index in 0 .. Array2D.length1 matrix - 1 -> row index ] ])

    let vector (like: torch.Tensor) (numbers: float[]) : torch.Tensor =
        let wide = torch.tensor (numbers, dtype = torch.ScalarType.Float64, device = torch.CPU)
        wide.``to`` (like.dtype, like.device)

    let matrix (like: torch.Tensor) (numbers: float[,]) : torch.Tensor =
        let wide = torch.tensor (numbers, dtype = torch.ScalarType.Float64, device = torch.CPU)
        wide.``to`` (like.dtype, like.device)

    let requireFinite (name: string) (numbers: float seq) : unit =
        match numbers |> Seq.tryFind (System.Double.IsFinite >> not) with
        | Some number -> invalidArg name (invariant $"Numbers must be finite, but one is {number}.")
        | None -> ()
