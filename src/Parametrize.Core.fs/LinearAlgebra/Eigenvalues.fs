namespace Parametrize.LinearAlgebra

open System.Runtime.InteropServices
open TorchSharp
open Parametrize

/// Complex eigenvalues of real matrices in double precision. LAPACK fails for some matrices with many equal eigenvalues, such as
/// matrices of equal entries; the result is then that of a matrix that differs by roundoff.
[<RequireQualifiedAccess>]
module internal Eigenvalues =

    let private near (matrices: torch.Tensor) : torch.Tensor =
        // A generator of its own gives the same result for the same matrix, whatever was drawn before.
        use generator = new torch.Generator(1UL, torch.CPU)
        let roundoff = Form.epsilon torch.ScalarType.Float64
        let largest = matrices.abs().amax([| -2L; -1L |], keepdim = true)
        matrices +. Form.normal generator (Form.ofTensor matrices) * largest * roundoff.AsScalar()

    let private orOfNear (decompose: torch.Tensor -> 'a) (matrices: torch.Tensor) : 'a =
        try
            decompose matrices
        with :? ExternalException ->
            decompose (near matrices)

    let values (matrices: torch.Tensor) : torch.Tensor = orOfNear torch.linalg.eigvals matrices

    /// Eigenvalues and eigenvectors. The matrix is converted to complex numbers first: if LAPACK fails for a real one, libtorch
    /// (of TorchSharp 0.107.0) still makes complex vectors from its output, and writes beyond their memory.
    let withVectors (matrices: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        matrices
        |> orOfNear (fun matrices -> torch.linalg.eig (matrices.``to`` torch.ScalarType.ComplexFloat64))
