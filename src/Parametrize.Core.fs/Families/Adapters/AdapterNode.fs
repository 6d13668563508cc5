namespace Parametrize

open TorchSharp

/// A change of a frozen weight by few numbers, which are zero where it changes nothing. The frozen weight is the base: assigning
/// moves it to the tensor, and `rebase` merges what was learnt and starts again. Reads a tensor of n x (k...) entries as a matrix.
[<AbstractClass>]
type internal AdapterNode() =
    inherit Node()

    /// The number of rows, and of entries in each row.
    static member Sizes(shape: int64[]) : struct (int64 * int64) = struct (shape[0], Array.fold (*) 1L shape[1..])

    /// The tensors that are trained, at the start.
    abstract Starting: tensor: torch.Tensor -> torch.Tensor[]

    override _.Buffers = [ { Name = "frozen"; Role = BufferRole.Base; FormFor = id } ]
    override _.Codomain _ = Space.all
    override _.IsBatched = false
    override _.Contains(_, _, _) = Ok()

    override this.Invert(_, tensor, _, _) = Ok { Inputs = this.Starting tensor; Buffers = [| tensor.clone () |] }
