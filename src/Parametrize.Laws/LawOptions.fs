namespace Parametrize.Laws

open Parametrize
open TorchSharp

/// How a value is tried. Start from `LawOptions.Default`, and change what has to be: `{ LawOptions.Default with Cases = 20 }`.
[<NoComparison; NoEquality>]
type LawOptions =
    {
        /// How many random cases each law is tried on.
        Cases: int
        /// The seed. All random numbers come from it and from the names of the law and the value.
        Seed: int
        /// The element types that are tried. None: those that the value accepts.
        ElementTypes: torch.ScalarType list option
        /// How large the entries of the parameters are.
        Scales: float list
        /// How much more rounding than that of a few products is admitted.
        Accuracy: float
        /// The devices that are tried. None: CUDA if there is one, else the CPU.
        Devices: torch.Device list option
        /// A tensor that has to be refused, from one that is allowed. With it the law about near misses applies.
        Outside: (torch.Tensor -> torch.Tensor) option
        /// Whether the map is one to one, so that the right inverse is the inverse: one more law applies.
        IsBijective: bool
        /// An equal value, built anew: equality is then more than identity.
        Again: (unit -> Parametrization) option
    }

    /// 100 cases, entries of size 0.001, 1 and 1000, and all that the value accepts.
    static member Default: LawOptions =
        {
            Cases = 100
            Seed = 1
            ElementTypes = None
            Scales = [ 1e-3; 1.0; 1e3 ]
            Accuracy = 1.0
            Devices = None
            Outside = None
            IsBijective = false
            Again = None
        }
