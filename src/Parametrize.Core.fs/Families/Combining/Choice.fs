namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal ChoiceSpaces =

    let private kept =
        [
            Closure.Scaling
            Closure.RowScaling
            Closure.Negation
            Closure.Zeroing
            Closure.EntrywiseMaps
            Closure.Sum
        ]

    let between (where: Space) (elsewhere: Space) : Space =
        if where.Equals elsewhere then
            where
        else
            Space(
                $"tensors with entries of {where.Name} and, elsewhere, of {elsewhere.Name}",
                [],
                Space.common kept [ where; elsewhere ]
            )

/// Entries of one tensor where a mask is true, of another elsewhere. The right inverse puts `unusedWhere` or `unusedElsewhere` at
/// entries that are not taken: a number that the space of the tensor contains.
type internal ChoiceNode(mask: Mask, unusedWhere: float, unusedElsewhere: float) =
    inherit Node()

    let takes (buffers: torch.Tensor[]) = buffers[0].ne(0.0.AsScalar())

    let filled (taken: torch.Tensor) (number: float) (tensor: torch.Tensor) =
        tensor.masked_fill (taken.logical_not (), number.AsScalar())

    override _.Code = Code.call "where" [ mask.Code; Code.name "identity"; Code.name "identity" ]

    override this.Inputs form =
        match Form.fault Requirement.entries form with
        | Some error -> Error(error (Node.text this))
        | None when form.Shape <> mask.ShapeOf ->
            Node.wrongShape this $"a tensor of the mask's shape {Form.Shown mask.ShapeOf}" form
        | None -> Ok [ form; form ]

    override _.Domains = List.replicate 2 (Domain.Needs [ Closure.EntrywiseChoice ])
    override _.Codomain before = ChoiceSpaces.between before[0] before[1]
    override _.Buffers = [ { Name = "mask"; Role = BufferRole.Constant; FormFor = id } ]
    override _.IsBatched = false
    override _.Forward(inputs, buffers) = torch.where (takes buffers, inputs[0], inputs[1])
    override _.Contains(_, _, _) = Ok()

    override _.Invert(_, tensor, _, _) =
        let buffer = mask.ToTensor(Form.ofTensor tensor)
        let taken = takes [| buffer |]

        Ok
            {
                Inputs = [| filled taken unusedWhere tensor; filled (taken.logical_not ()) unusedElsewhere tensor |]
                Buffers = [| buffer |]
            }

    interface ICombines with
        member _.CodeWith inputs = Code.call "where" (mask.Code :: inputs)

    interface IPlacesEntries

    interface ICuts with
        member _.Cut tensor = [| tensor; tensor |]

    interface IRepairs with
        /// The mask belongs to the value.
        member _.CanCarry(buffers, _) =
            let given = buffers[0]

            Violation.unless
                "mask = the mask of the value"
                (Tensors.distance given (mask.ToTensor(Form.ofTensor given)))
                0.0
            |> Result.mapError (fun violation -> "mask", violation)

        member _.Repair buffers = buffers

    interface IVolumeBehind with
        /// Of two tensors that are computed, not all entries are read.
        member _.Measures before = before |> List.forall _.IsLeaf
        member _.LogVolume(inputs, _) = Tensors.forEach 0 0.0 inputs[0]

    interface ISpecialized with
        member _.Behind before = ChoiceNode(mask, before[0].Interior, before[1].Interior)

    interface IDimension with
        /// Where every entry is free to move, so are those that are taken.
        member _.Dimension(form, before, _) =
            if before |> List.forall (fun (_, dimension) -> dimension = Some(Form.reals form)) then
                Some(Form.reals form)
            else
                None

namespace Parametrize.Values

open Parametrize

/// The value `where`.
[<AutoOpen>]
module ChoiceValues =

    /// Entries of the first value where the mask is true, of the second elsewhere: `where diagonal positive identity`. The
    /// entries of both values must be independent of one another. Entries that are not taken get no gradient. Throws
    /// ArgumentException for other values.
    let where (mask: Mask) (value: Parametrization) (elsewhere: Parametrization) : Parametrization =
        Parametrization.join (ChoiceNode(mask, 0.0, 0.0)) [ value; elsewhere ]
