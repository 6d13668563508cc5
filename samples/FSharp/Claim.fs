/// Claims that are printed with what was measured, and remembered when they do not hold.
module Claim

open TorchSharp

let private broken = ResizeArray<string>()

let that (claim: string) (holds: bool) (measured: string) : unit =
    let verdict = if holds then "ok  " else "FAIL"
    printfn $"{verdict} {claim}: {measured}"

    if not holds then
        broken.Add claim

let atMost (limit: float) (claim: string) (found: float) : unit = that claim (found <= limit) $"%.3g{found}"

/// The largest difference of two entries.
let distance (left: torch.Tensor) (right: torch.Tensor) : float = (left - right).abs().max().ToDouble()

/// How far the columns are from orthonormal.
let defect (matrix: torch.Tensor) : float = distance (matrix.mT.matmul matrix) (torch.eye matrix.shape[1])

let exitCode () : int = min broken.Count 1
