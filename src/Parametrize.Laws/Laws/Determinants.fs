/// Determinants and linear equations by the factors of a value, against factorizations of the matrix.
module internal Parametrize.Laws.Determinants

open FsCheck.FSharp
open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private isSquare (shape: int64[]) : bool = shape.Length = 2 && shape[0] = shape[1]

let private squares (subject: Subject) = Dimensions.smallCases subject |> Gen.where (fun case -> isSquare case.Shape)

/// Two of them where there are batches.
let private batched (subject: Subject) (case: Case) : Case =
    if Subject.isBatched subject then
        { case with Shape = Array.append [| 2L |] case.Shape }
    else
        case

/// Whether some tensors of the value are square matrices that are not singular.
let private hasSquares (subject: Subject) : bool =
    let isRegular (parts: Parts) =
        let matrix = Parametrization.forward subject.Value parts

        isSquare matrix.shape
        && (let values = torch.linalg.svdvals matrix
            values.numel () > 0L && (values.min () / values.max ()).ToDouble() > 1e-6)

    Dimensions.tellsOfSome isRegular subject

let private leaf (tensor: torch.Tensor) : torch.Tensor = tensor.detach().clone().requires_grad_ true

/// What singular values say of how many digits a determinant has.
let private conditionOf (matrix: torch.Tensor) : float =
    let values = torch.linalg.svdvals (matrix.detach ())
    let largest, least = values.amax ([| -1L |]), values.amin ([| -1L |])
    (largest / least).max().ToDouble()

let private withMatrix subject case (check: Parts -> torch.Tensor[] -> torch.Tensor -> Faults) : Faults =
    ok "parts" (Subject.parts 1UL subject (batched subject case)) (fun parts ->
        let at = parts.Parameters |> Seq.map leaf |> Seq.toArray
        let parts = Parametrization.ofTensorsLike parts at parts.Buffers subject.Value
        let matrix = Parametrization.forward subject.Value parts
        // Singular matrices have no determinant to compare.
        if conditionOf matrix < 1e6 then check parts at matrix else [])

let private isThatOfTheMatrix (subject: Subject) (case: Case) : Faults =
    withMatrix subject case (fun parts at matrix ->
        let struct (_, expected) = torch.linalg.slogdet matrix
        let found = Parametrization.logAbsDet subject.Value parts
        let allowed = 1e-9 * subject.Accuracy case.Scale * (1.0 + largest expected)

        let ofGradients =
            Array.map2
                (fun (expected: torch.Tensor) found ->
                    near "a gradient" (1e-7 * (1.0 + largest expected)) expected found)
                (gradients (expected.sum ()) at)
                (gradients (found.sum ()) at)

        near "log |det W|" allowed expected found @ List.concat ofGradients)

let private isSolvedAs (name: string) (subject: Subject) (case: Case) : Faults =
    withMatrix subject case (fun parts at matrix ->
        let shape = Array.append matrix.shape[.. matrix.shape.Length - 2] [| 3L |]
        let right = leaf (Case.normalOf shape 1.0 9UL case)
        let found = Parametrization.solve subject.Value parts right
        let made = matrix.matmul found
        let weights = Case.normalOf shape 1.0 10UL case

        let total (tensor: torch.Tensor) =
            let product = weights.conj () * tensor
            (if product.is_complex () then product.real else product).sum()

        let all = Array.append at [| right |]
        let expected = gradients (total (torch.linalg.solve (matrix, right))) all

        let ofGradients =
            Array.map2
                (fun (expected: torch.Tensor) found ->
                    near "a gradient" (1e-6 * (1.0 + largest expected)) expected found)
                expected
                (gradients (total found) all)

        let size = largest right + largest matrix * largest found

        near $"{name} (solve b) = b" (1e-10 * subject.Accuracy case.Scale * size) right made
        @ List.concat ofGradients)

/// Behind a transpose nodes are asked to solve with the transposed matrix.
let private isSolved (subject: Subject) (case: Case) : Faults =
    let transposed = { subject with Value = Parametrization.transposed subject.Value }
    isSolvedAs "W" subject case @ isSolvedAs "W^T" transposed case

let private ofSquares (law: Law) : Law =
    law
    |> Dimensions.onSmallCases
    |> on squares
    |> onlyFor "square matrices that are not singular" hasSquares

let laws: Law list =
    [
        law
            "11e"
            "determinants by factors are those of the matrix"
            "The logarithm of the modulus of the determinant, and its gradient, are those of the matrix."
            isThatOfTheMatrix
        |> ofSquares
        law
            "11f"
            "solving undoes the matrix"
            "The matrix, or its transpose, times the solution is the right-hand side, and gradients are those of a factorization."
            isSolved
        |> ofSquares
    ]
