namespace Parametrize

open System
open System.Globalization
open System.Text.RegularExpressions

[<AutoOpen>]
module internal InvariantText =

    /// A text with numbers in the invariant culture, so that it is the same on every machine.
    let invariant (text: FormattableString) : string = FormattableString.Invariant text

[<RequireQualifiedAccess>]
module internal Brief =

    /// Code for messages and reports. Long literals, which masks have, are cut.
    let ofCode (code: string) : string = Regex.Replace(code, "\"([^\"\\s]{16})[^\"\\s]{32,}\"", "\"$1...\"")

    /// A name for messages. A long one, which is made of many others, is cut.
    let ofName (name: string) : string = if name.Length > 160 then $"{name.Substring(0, 157)}..." else name

    /// Code for messages with other text. Long literals are cut, and then the whole.
    let ofValue (code: string) : string = ofName (ofCode code)

/// How a tensor fails to lie in a space: the violated condition, the size of the violation, and the tolerance.
type Violation =
    {
        /// The condition in mathematical words, such as `W^T W = I`.
        Condition: string
        /// The size of the residual, in the units of the condition.
        Size: float
        /// The largest residual that counts as rounding.
        Limit: float
    }

    override this.ToString() : string =
        let number (value: float) = value.ToString("g3", CultureInfo.InvariantCulture)

        // The case of a strict inequality.
        if this.Size <= this.Limit then
            $"{this.Condition} must hold strictly, but both sides are equal"
        else
            $"{this.Condition} is violated by {number this.Size} (allowed: {number this.Limit})"

[<RequireQualifiedAccess>]
module internal Violation =

    /// Ok when the size is within the limit; NaN never is.
    let unless (condition: string) (size: float) (limit: float) : Result<unit, Violation> =
        if size <= limit then
            Ok()
        else
            Error { Condition = condition; Size = size; Limit = limit }

/// Everything that can be wrong with a tensor or a composition. Programming errors throw instead.
[<RequireQualifiedAccess; NoComparison>]
type ParametrizationError =
    /// The tensor is outside the space of the value.
    | NotAllowed of value: string * violation: Violation
    /// The tensor has dimensions that the value cannot have.
    | WrongShape of value: string * expected: string * found: string
    /// The tensor has an element type that the value cannot have.
    | WrongDtype of value: string * expected: string * found: string
    /// The tensor is on another device than the parts, or on one that holds no data.
    | WrongDevice of value: string * expected: string * found: string
    /// The tensor holds NaN or infinity.
    | NotFinite of value: string * count: int64
    /// The tensor is allowed, but no parts could be computed for it.
    | OutOfReach of value: string * reason: string
    /// Two neighbours of a value do not fit: the first yields a space in which the second has no right inverse.
    | SpacesDoNotFit of left: string * leftSpace: string * right: string * missing: string
    /// A value that reads several tensors stands behind another one.
    | ReadsSeveralTensors of left: string * right: string
    /// The value has no right inverse, so that no tensor can be assigned.
    | NoRightInverse of value: string

    /// What was expected, what was found, by how much, and what to do.
    member this.Message: string = Brief.ofCode this.Whole

    member private this.Whole: string =
        match this with
        | NotAllowed(value, violation) ->
            $"The tensor is not allowed by {value}: {violation}. "
            + "Assign a tensor of that space, or project it."
        | WrongShape(value, expected, found) -> $"{value} expects {expected}, but the tensor has shape {found}."
        | WrongDtype(value, expected, found) ->
            $"{value} expects {expected}, but the tensor is {found}. Convert it with `to`."
        | WrongDevice(value, expected, found) ->
            $"{value} expects a tensor on {expected}, but it is on {found}. Move it with `to`."
        | NotFinite(value, count) -> $"{value} expects finite numbers, but {count} of the tensor's are NaN or infinite."
        | OutOfReach(value, reason) -> $"{value} cannot produce this tensor: {reason}"
        | SpacesDoNotFit(left, leftSpace, right, missing) ->
            $"{left} >>> {right} does not fit: {left} yields {Brief.ofName leftSpace}, but {right} needs {missing} before it."
        | ReadsSeveralTensors(left, right) ->
            $"{left} >>> {right} does not fit: {right} reads several tensors and can only come first. "
            + "Register it before the other, or remove what is registered first."
        | NoRightInverse value ->
            $"{value} has no right inverse, so no tensor can be assigned; write its parameters instead."

    override this.ToString() : string = this.Message
