namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal StandardizedSpaces =

    let standardized (dimension: int) : Space =
        { new Space((invariant $"tensors whose channels (dimension {dimension}) have mean 0 and standard deviation 1"),
                    [],
                    [ Closure.Negation ]) with
            override _.Dimension form =
                let channels = (Granularity.shape (Granularity.Channel dimension) form)[0]
                System.Nullable(Form.reals form - 2L * channels)
        }

/// `W = (X - mean X) / std X` of each channel (Qiao et al. 2019, eq. 8, without a floor under the deviation). O(n).
type internal WeightStandardizedNode(dimension: int) =
    inherit Node()

    let channel = Granularity.Channel dimension

    let along (tensor: torch.Tensor) =
        let count = int (tensor.dim ())
        Norms.others tensor (int64 ((dimension + count) % count))

    let entriesOf (tensor: torch.Tensor) (along: int64[]) =
        along |> Array.fold (fun count place -> count * tensor.size (int place)) 1L

    let centred (along: int64[]) (tensor: torch.Tensor) = tensor - tensor.mean (along, keepdim = true)

    /// What stands for the direction of a constant channel: the first entry against the others.
    let anyDirection (tensor: torch.Tensor) (along: int64[]) =
        let first = torch.zeros_like (tensor, requires_grad = false)

        let corner = along |> Array.fold (fun (part: torch.Tensor) place -> part.narrow (place, 0L, 1L)) first

        corner.fill_ (1.0.AsScalar()) |> ignore
        centred along first

    /// By the formula, where every channel is known to deviate from its mean by much more than rounding.
    let byFormula (tensor: torch.Tensor) : torch.Tensor voption =
        let along = along tensor
        let deviations = centred along tensor

        match Norms.byFormula deviations along with
        | ValueSome norms when norms.numel () > 0L ->
            let deviation = norms / (sqrt (float (entriesOf tensor along))).AsScalar()

            if Tensors.number (deviation.detach().min()) >= Tensors.largest tensor / 8.0 then
                ValueSome(deviations / deviation)
            else
                ValueNone
        | _ -> ValueNone

    /// A constant channel is one whose deviations are rounding. The mean is taken twice: what rounding leaves of a large one
    /// counts beside small deviations.
    let standardized (tensor: torch.Tensor) =
        let along = along tensor
        let deviations = centred along (Norms.inUnits tensor (Norms.largest tensor along))
        let size = Norms.largest deviations along
        let isFlat = size.le ((4.0 * Form.epsilon tensor.dtype).AsScalar())
        let direction = centred along (Norms.inUnits deviations size)
        let direction = torch.where (isFlat, anyDirection tensor along, direction)
        let direction = Norms.inUnits direction (Norms.largest direction along)
        let root = sqrt (float (entriesOf tensor along))
        struct (direction / Norms.ofUnits direction along * root.AsScalar(), isFlat)

    override _.Code = Code.call "weightStandardized" [ Code.Integer dimension ]

    override this.Inputs form =
        match Form.fault { Requirement.vectors with Complex = false } form, Form.withoutDimension dimension form with
        | Some error, _ -> Error(error (Node.text this))
        | None, Some expected -> Node.wrongShape this expected form
        | None, None when Form.entries form < 2L * (Granularity.shape channel form)[0] ->
            Node.wrongShape
                this
                (invariant $"a tensor of at least 2 entries in each channel of dimension {dimension}")
                form
        | None, None -> Ok [ form ]

    override _.Codomain _ = StandardizedSpaces.standardized dimension
    override _.IsBatched = false

    override _.Forward(inputs, _) =
        match byFormula inputs[0] with
        | ValueSome result -> result
        | ValueNone ->
            let struct (result, _) = standardized inputs[0]
            result

    override _.Contains(_, tensor, epsilon) =
        let wide = Tensors.inDouble tensor
        let along = along wide
        let limit = Tensors.roundoff epsilon 1.0
        // In this range alone are squares numbers.
        let wide = Entrywise.within 1e100 wide
        let mean = wide.mean (along, keepdim = true)
        let deviation = (wide - mean).Squared().mean(along, keepdim = true).sqrt()

        Violation.unless "mean = 0" (Tensors.largest mean) limit
        |> Result.bind (fun () -> Violation.unless "std = 1" (Tensors.largest (deviation - 1.0.AsScalar())) limit)

    /// Constant channels, which have no direction, start with one.
    override _.Invert(_, tensor, _, want) =
        if want = Want.Exact then
            NodeParts.ofInput tensor
        else
            let struct (nearest, isFlat) = standardized tensor
            NodeParts.ofInput (torch.where (isFlat, nearest, tensor))

namespace Parametrize.Values

open Parametrize

/// The value `weightStandardized`.
[<AutoOpen>]
module WeightStandardizedValues =

    /// Tensors whose channels of a dimension (0 for weights `[out, ...]`) have mean 0 and variance 1, as the mean of the squares:
    /// `(X - mean X) / std X` (weight standardization: Qiao et al. 2019). Real tensors with at least 2 entries in each channel,
    /// O(n). The parameter is the tensor as it is; projects to the nearest. A constant channel has no direction; it is projected
    /// as if its first entry differed from the others.
    let weightStandardized (dimension: int) : Parametrization =
        Parametrization.ofNode (WeightStandardizedNode dimension)
