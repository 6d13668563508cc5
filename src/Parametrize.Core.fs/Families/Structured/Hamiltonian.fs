namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal HamiltonianSpaces =

    let hamiltonian: Space =
        { new Space("Hamiltonian matrices",
                    [],
                    [ Closure.Scaling; Closure.Negation; Closure.Sum; Closure.Transposition ]) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> Dimension.ofHalf one.Reals one) form
        }

/// The matrix `J = [0, I; -I, 0]` of even size.
[<RequireQualifiedAccess>]
module internal SymplecticForm =

    /// `J W`.
    let times (matrix: torch.Tensor) : torch.Tensor =
        let half = Tensors.rows matrix / 2L
        torch.cat ([| matrix.narrow (-2L, half, half); -(matrix.narrow (-2L, 0L, half)) |], -2L)

    /// `J^T W`, which undoes that.
    let back (matrix: torch.Tensor) : torch.Tensor =
        let half = Tensors.rows matrix / 2L
        torch.cat ([| -(matrix.narrow (-2L, half, half)); matrix.narrow (-2L, 0L, half) |], -2L)

    /// The input forms of a node of square matrices of even size.
    let inputs (node: Node) (requirement: Requirement) (form: Form) : Result<Form list, ParametrizationError> =
        Node.same node requirement form
        |> Result.bind (fun forms ->
            if Array.last form.Shape % 2L = 0L then
                Ok forms
            else
                Node.wrongShape node "square matrices of an even size" form)

/// Hamiltonian 2n x 2n matrices: `J W` is symmetric, from its upper triangle. J only moves entries and signs.
type internal HamiltonianNode() =
    inherit LinearNode(HamiltonianSpaces.hamiltonian)

    let mirrored (symmetric: torch.Tensor) = symmetric / 2.0.AsScalar() +. symmetric.mT / 2.0.AsScalar()

    let through (map: torch.Tensor -> torch.Tensor) (matrix: torch.Tensor) =
        SymplecticForm.back (map (SymplecticForm.times matrix))

    override _.Code = Code.name "hamiltonian"
    override _.Requirement = Requirement.squares
    override this.Inputs form = SymplecticForm.inputs this Requirement.squares form
    override _.Condition = "J W = (J W)^T"
    override _.Fill matrix = matrix |> through (fun s -> s.triu 0L +. (s.triu 1L).mT)
    override _.Restrict matrix = matrix |> through (fun s -> s.triu 0L)
    override _.Nearest matrix = through mirrored matrix
    override _.Doubled one = one.Reals * one.Rows * (one.Rows - 1L) / 2L

namespace Parametrize.Values

open Parametrize

/// The value `hamiltonian`.
[<AutoOpen>]
module HamiltonianValues =

    /// Hamiltonian 2n x 2n matrices `[A, B; C, -A^T]` with symmetric B and C: `J W` is symmetric, J = [0, I; -I, 0]. From the
    /// upper triangle of `J W`. Projects to the nearest one, `J^T (J W + (J W)^T) / 2`.
    let hamiltonian: Parametrization = Parametrization.ofNode (HamiltonianNode())
