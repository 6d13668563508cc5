namespace Parametrize.LinearAlgebra

open System.Runtime.InteropServices
open TorchSharp
open Parametrize

/// Complex eigenvalues of real matrices in double precision. LAPACK gives up on some that have many equal ones, such as matrices of
/// equal entries; then these are those of a matrix that differs by roundoff.
[<RequireQualifiedAccess>]
module internal Eigenvalues =

    let private near (matrices: torch.Tensor) : torch.Tensor =
        // The same for the same matrix, whatever was drawn before.
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

    /// With eigenvectors. Of complex matrices: where LAPACK gives up on a real one, libtorch (of TorchSharp 0.107.0) still makes
    /// complex vectors of what it has, and writes beyond their memory.
    let withVectors (matrices: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        matrices
        |> orOfNear (fun matrices -> torch.linalg.eig (matrices.``to`` torch.ScalarType.ComplexFloat64))
