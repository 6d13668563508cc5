namespace Parametrize

open TorchSharp

/// The measure with respect to which a density is given.
[<RequireQualifiedAccess>]
type Measure =
    /// The Hausdorff measure of the Frobenius norm: lengths, areas and volumes inside the space, as its tensors have them. It is
    /// the default of every density, and does not depend on coordinates.
    | Frobenius
    /// The measure of textbooks and of `torch.distributions`: the Lebesgue measure of the entries that determine the others. Of a
    /// probability vector these are all but the last one. Of a correlation matrix they lie below the diagonal, of a positive definite
    /// matrix on and below it. For vectors of norm 1 and matrices with orthonormal columns it is the
    /// uniform probability.
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

    /// The log density with respect to the Frobenius measure: one number for each independent problem of the batch; its shape is
    /// the beginning of the tensor's shape. Differentiable. It does not check that the tensor is in the space.
    abstract LogDensity: tensor: torch.Tensor -> torch.Tensor

    /// The log density of a tensor whose factors are known, since a value has computed it from them.
    abstract LogDensityBy: tensor: torch.Tensor * factors: Factors voption -> torch.Tensor
    default this.LogDensityBy(tensor, _) = this.LogDensity tensor

    /// Whether float32 tensors are converted to double precision: beside large constants, they would lose digits.
    abstract IsWide: bool
    default _.IsWide = true

    /// Corrects samples that rounding has moved out of the space.
    abstract Settle: samples: torch.Tensor -> torch.Tensor
    default _.Settle samples = samples

    /// The log density in the element type of the tensor, float32 for 16-bit ones.
    member this.Of(tensor: torch.Tensor, factors: Factors voption) : torch.Tensor =
        let wide = Tensors.widen tensor

        if this.IsWide && wide.dtype = torch.ScalarType.Float32 then
            this.LogDensityBy(wide.``to`` torch.ScalarType.Float64, factors).``to`` torch.ScalarType.Float32
        else
            this.LogDensityBy(wide, factors)

    /// The log density of the textbook's measure minus the default one; ValueNone if they are equal.
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
