namespace Parametrize

open TorchSharp

/// The spectral norm of several matrices at once, g x n x m, with vectors g x n and g x m: by the formulas, where their numbers
/// are known to be neither tiny nor huge.
[<RequireQualifiedAccess>]
module internal StackedSpectralNorm =

    let private times (matrices: torch.Tensor) (vectors: torch.Tensor) =
        matrices.matmul(vectors.unsqueeze -1L).squeeze -1L

    let private directions (vectors: torch.Tensor) : torch.Tensor voption =
        let norms = Norms.formula vectors [| 1L |] true
        if Norms.areModerate norms then ValueSome(vectors / norms) else ValueNone

    /// Power iterations.
    let rec iterate (count: int) (matrices: torch.Tensor) (u: torch.Tensor, v: torch.Tensor) =
        if count = 0 then
            ValueSome(u, v)
        else
            match directions (times matrices v) with
            | ValueNone -> ValueNone
            | ValueSome next ->
                match directions (times matrices.mH next) with
                | ValueNone -> ValueNone
                | ValueSome other -> iterate (count - 1) matrices (next, other)

    /// `|u^H X v|` of each, where all are larger than this. Differentiable.
    let norms (least: float) (matrices: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) : torch.Tensor voption =
        if Norms.isLong (matrices.size 1) || Norms.isLong (matrices.size 2) then
            ValueNone
        else
            let norms = (u.conj () * times matrices v).sum([| -1L |]).abs()
            let seen = norms.detach ()

            if Norms.areModerate seen && Tensors.number (seen.min ()) > least then
                ValueSome norms
            else
                ValueNone
