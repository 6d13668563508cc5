namespace Parametrize

open System.Collections.Concurrent
open TorchSharp

/// Numbers for libtorch. TorchSharp (0.107.0) makes an object of each, and does not keep it alive while libtorch reads it: the
/// garbage collector may take it before, and the call fails ("Unknown scalar type"). So those of constants are made once.
[<AutoOpen>]
module internal Scalars =

    /// Numbers that are computed are few; where there are more, they are no constants.
    [<Literal>]
    let private Most = 4096

    let private kept = ConcurrentDictionary<float, Scalar>()

    type System.Double with

        member number.AsScalar() : Scalar =
            match kept.TryGetValue number with
            | true, scalar -> scalar
            | _ when kept.Count < Most -> kept.GetOrAdd(number, (fun value -> value.ToScalar()))
            | _ -> number.ToScalar()
