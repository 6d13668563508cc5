namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal ProductSpaces =

    let invertible =
        Domain.OneOf
            [
                Domain.Within StiefelSpaces.stiefel
                Domain.Within GroupSpaces.square
                Domain.Within PositiveDefiniteSpaces.positiveDefinite
                Domain.Within InvertibleSpaces.positiveDeterminant
                Domain.Within(TriangularSpaces.unitTriangular Triangle.Lower)
                Domain.Within(TriangularSpaces.unitTriangular Triangle.Upper)
            ]

/// `W = A_1 A_2 ...`, where one factor is free, n x k as W, and the others are square and invertible.
type internal ProductNode(count: int, rest: int) =
    inherit Node()

    let product (factors: torch.Tensor[]) = Array.reduce (fun (left: torch.Tensor) right -> left.matmul right) factors

    let ofForm (size: int64) (form: Form) =
        { form with
            Shape = Array.append form.Shape[.. form.Shape.Length - 3] [| size; size |]
        }

    /// The inverse in double precision; infinite where there is none.
    let inverse (factor: torch.Tensor) =
        let struct (permutation, lower, upper) = torch.linalg.lu (Tensors.inDouble factor)
        let half = torch.linalg.solve_triangular (lower, permutation.mT, upper = false, unitriangular = true)
        torch.linalg.solve_triangular (upper, half, upper = true)

    override _.Code = Code.call "product" [ Code.Items(List.replicate count (Code.name "identity")) ]

    override this.Inputs form =
        match Form.fault Requirement.matrices form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let rows, columns = form.Shape[form.Shape.Length - 2], Array.last form.Shape

            Ok(
                List.init count (fun factor ->
                    if factor < rest then ofForm rows form
                    elif factor = rest then form
                    else ofForm columns form)
            )

    override _.Output inputs = inputs[rest]

    override _.Domains =
        List.init count (fun factor -> if factor = rest then Domain.free else ProductSpaces.invertible)

    override _.Codomain _ = Space.all
    override _.Forward(inputs, _) = product inputs
    override _.Contains(_, _, _) = Ok()

    /// The others start near the identity.
    override this.Invert(_, tensor, _, _) =
        let identity (form: Form) =
            let eye = torch.eye (Array.last form.Shape, dtype = form.Dtype, device = form.Device)
            eye.expand(form.Shape).clone()

        match this.Inputs(Form.ofTensor tensor) with
        | Error error -> Error error.Message
        | Ok forms ->
            let factor (position: int) (form: Form) = if position = rest then tensor else identity form
            Ok { Inputs = forms |> List.mapi factor |> List.toArray; Buffers = [||] }

    interface ICombines with
        member _.CodeWith inputs = Code.call "product" [ Code.Items inputs ]

    interface IKeepsInputs with
        member _.Rest = rest

        member _.RestOf(inputs, tensor) =
            let left = inputs[.. rest - 1] |> Array.map inverse |> Array.rev
            let right = inputs[rest + 1 ..] |> Array.map inverse |> Array.rev
            let found = (product (Array.concat [ left; [| Tensors.inDouble tensor |]; right ])).``to`` tensor.dtype
            // Factors that are close to singular lose it to rounding, as tensors of the caller's element type.
            let made =
                product (inputs |> Array.mapi (fun position factor -> if position = rest then found else factor))

            let allowed = Tensors.roundoff (Form.epsilon tensor.dtype) (Tensors.largest tensor)
            if Tensors.distance made tensor <= allowed then found else null

    interface IDeterminant with
        member _.LogAbsDet(_, _, ofInput) = Seq.init count ofInput.Invoke |> Seq.reduce (fun sum next -> sum +. next)

    interface ISolves with
        member _.Solve(_, _, right, isTransposed, solveInput) =
            let factors = if isTransposed then List.rev [ 0 .. count - 1 ] else [ 0 .. count - 1 ]

            (right, factors) ||> List.fold (fun right factor -> solveInput.Invoke(factor, right, isTransposed))

    interface IDimension with
        member _.Dimension(form, before, _) =
            if Dimension.fallsShort form before[rest] then None else Some(Form.reals form)

namespace Parametrize.Values

open Parametrize

/// The value `product`.
[<AutoOpen>]
module ProductValues =

    /// The matrix product `A_1 A_2 ...`: `product [ orthogonal; identity ]`. One factor is free, and n x k like the product. If a
    /// matrix is assigned, this factor changes so that the product equals it. The factors before it are n x n, those after it k x
    /// k; they are orthogonal, positive definite, unit triangular or invertible, and start near the identity. Throws
    /// ArgumentException without a free factor, with fewer than two, and for a factor that need not be invertible.
    let product (factors: Parametrization list) : Parametrization =
        let rest = Rest.positionIn "product" "factor" factors
        let isInvertible (factor: Parametrization) = Domain.accepts (Tree.space factor.Tree) ProductSpaces.invertible

        match factors |> List.removeAt rest |> List.tryFind (isInvertible >> not) with
        | None -> Parametrization.join (ProductNode(factors.Length, rest)) factors
        | Some factor ->
            invalidArg
                (nameof factors)
                $"All factors but one have to be {ProductSpaces.invertible}, but {factor} is not."
