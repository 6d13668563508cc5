namespace Parametrize.Laws

open System.Globalization
open Parametrize
open TorchSharp

/// One random case: everything else about it is computed from these five, so that a line of a log replays it.
[<NoComparison>]
type Case =
    {
        /// The shape of the tensor that the value yields.
        Shape: int64[]
        /// Its element type.
        Dtype: torch.ScalarType
        /// How large the entries of the unconstrained tensors are.
        Scale: float
        /// The seed of all random numbers.
        Seed: uint64
        /// The device of its tensors.
        Device: torch.Device
    }

    /// All five: `shape [3, 4], Float64, scale 1, seed 17, on cpu`.
    override this.ToString() : string =
        let scale = this.Scale.ToString("g", CultureInfo.InvariantCulture)
        $"shape {Form.Shown this.Shape}, {this.Dtype}, scale {scale}, seed {this.Seed}, on {this.Device}"

module internal Case =

    /// The first CUDA device if there is one, else the CPU. The number is given, as in the devices of tensors.
    let device: torch.Device = if torch.cuda.is_available () then torch.device ("cuda", 0) else torch.CPU

    let form (case: Case) : Form = { Shape = case.Shape; Dtype = case.Dtype; Device = case.Device }

    let isHalf (case: Case) : bool = Form.isHalf case.Dtype

    let isComplex (case: Case) : bool = Form.isComplex case.Dtype

    /// A generator of its own for each use, so that a law can draw several tensors from one case.
    let generator (use': uint64) (case: Case) : torch.Generator =
        new torch.Generator(case.Seed * 1009UL + use', torch.CPU)

    /// Normal entries times a number, of any shape. Drawn in double precision on the CPU: the same on every device.
    let normalOf (shape: int64[]) (scale: float) (use': uint64) (case: Case) : torch.Tensor =
        use generator = new torch.Generator(case.Seed * 1009UL + use', torch.CPU)

        let wide =
            if isComplex case then
                torch.ScalarType.ComplexFloat64
            else
                torch.ScalarType.Float64

        use drawn = torch.randn (shape, dtype = wide, device = torch.CPU, generator = generator)
        use scaled = drawn * scale
        scaled.``to`` (case.Dtype, case.Device)

    /// Normal entries of the shape and the scale of the case.
    let normal (use': uint64) (case: Case) : torch.Tensor = normalOf case.Shape case.Scale use' case

    /// Normal entries of scale 1.
    let unit (use': uint64) (case: Case) : torch.Tensor = normalOf case.Shape 1.0 use' case
