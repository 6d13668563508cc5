namespace Parametrize

open System.Collections.Concurrent
open System.Numerics
open System.Threading
open TorchSharp

/// Numbers for libtorch. TorchSharp (0.107.0) makes an object for each number, and does not keep it alive while libtorch reads
/// it. The garbage collector may free the object before that; the call then fails ("Unknown scalar type") or ends the process. So
/// the first 4096 numbers, which include all constants, are kept forever; each later one is kept until 4096 others have been made
/// after it.
[<AutoOpen>]
module internal Scalars =

    [<Literal>]
    let private Most = 4096

    let private first = ConcurrentDictionary<float, Scalar>()

    let private recent: Scalar[] = Array.zeroCreate Most

    let mutable private made = 0

    let private kept (scalar: Scalar) : Scalar =
        recent[Interlocked.Increment &made &&& (Most - 1)] <- scalar
        scalar

    let scalarOf (number: float) : Scalar =
        match first.TryGetValue number with
        | true, scalar -> scalar
        | _ when first.Count < Most -> first.GetOrAdd(number, (fun value -> value.ToScalar()))
        | _ -> kept (number.ToScalar())

    let private one: Scalar = (1L).ToScalar()

    let private two: Scalar = (2L).ToScalar()

    type torch.Tensor with

        /// The square of each entry. `square` of TorchSharp would make a number 2 of its own, which is not kept alive.
        member tensor.Squared() : torch.Tensor = tensor.pow two

    /// Adds two tensors. `+` of TorchSharp would make a number 1 of its own.
    [<CompiledName "Plus">]
    let (+.) (left: torch.Tensor) (right: torch.Tensor) : torch.Tensor = left.add (right, one)

    /// Adds a number to each entry. `+` of TorchSharp would make a number 1 of its own.
    [<CompiledName "PlusNumber">]
    let (.+) (left: torch.Tensor) (right: Scalar) : torch.Tensor = left.add (right, one)

    /// Subtracts each entry from a number. `-` of TorchSharp would make a number 1 of its own.
    let (.-) (left: Scalar) (right: torch.Tensor) : torch.Tensor = right.negative().add(left, one)

    type System.Double with

        member number.AsScalar() : Scalar = scalarOf number

    type System.Int64 with

        member number.AsScalar() : Scalar = kept (number.ToScalar())

    type System.Boolean with

        member truth.AsScalar() : Scalar = kept (truth.ToScalar())

    type System.Numerics.Complex with

        member number.AsScalar() : Scalar = kept (number.ToScalar())
