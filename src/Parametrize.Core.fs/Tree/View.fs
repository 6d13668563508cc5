namespace Parametrize

open TorchSharp

/// A way to read the entries of a tensor as one of another shape. It keeps volumes and holds no tensors.
[<RequireQualifiedAccess>]
type internal View =
    /// A convolution kernel `[out, in, k...]` as the matrix `out x (in k...)`.
    | Kernel
    /// A matrix, or a batch of matrices, as its transpose.
    | Transpose

[<RequireQualifiedAccess>]
module internal View =

    let name (view: View) : string =
        match view with
        | View.Kernel -> "onKernel"
        | View.Transpose -> "transposed"

    let private shapeInto (view: View) (shape: int64[]) : int64[] =
        match view with
        | _ when shape.Length < 2 -> shape
        | View.Kernel -> [| shape[0]; Array.fold (*) 1L shape[1..] |]
        | View.Transpose ->
            let count = shape.Length
            Array.append shape[.. count - 3] [| shape[count - 1]; shape[count - 2] |]

    /// The form of the view of a tensor; the same form for a tensor that is no matrix.
    let formInto (view: View) (form: Form) : Form = { form with Shape = shapeInto view form.Shape }

    /// The form of a tensor whose view has the form `inner`; None if it cannot be told. `whole` is the form of the tensor that
    /// was viewed before, if one was.
    let formOutOf (view: View) (whole: Form option) (inner: Form) : Form option =
        match view with
        | View.Transpose -> Some { inner with Shape = shapeInto view inner.Shape }
        | View.Kernel -> whole |> Option.map (fun whole -> { inner with Shape = whole.Shape })

    /// The words for a tensor seen through the view; a description of the view follows them.
    let whole (view: View) : string =
        match view with
        | View.Kernel -> "a kernel whose matrix, out x (in k...), is"
        | View.Transpose -> "a tensor whose transpose is"

    /// The view of each tensor of a batch; the first dimensions, as many as given, count tensors.
    let intoBehind (stacked: int) (view: View) (tensor: torch.Tensor) : torch.Tensor =
        match view with
        // A vector from which a node makes a matrix, such as its singular values, is not changed by the view.
        | _ when tensor.dim () < 2L + int64 stacked -> tensor
        | View.Kernel -> tensor.flatten (1L + int64 stacked)
        | View.Transpose -> tensor.mT

    /// The tensors of that shape whose views these are. The shape is only computed if the view does not give it.
    let backBehind (stacked: int) (view: View) (shape: unit -> int64[]) (tensor: torch.Tensor) : torch.Tensor =
        match view with
        | View.Kernel -> tensor.reshape (Array.append tensor.shape[.. stacked - 1] (shape ()))
        | _ when tensor.dim () < 2L + int64 stacked -> tensor
        | View.Transpose -> tensor.mT

    let into (view: View) (tensor: torch.Tensor) : torch.Tensor = intoBehind 0 view tensor

    /// Whether a node reads a vector and makes a matrix from it, such as a transposed matrix from its singular values. The vector
    /// has fewer dimensions than the whole tensor, and the view does not apply to it.
    let private isVector (view: View) (dimensions: int) (count: int) : bool =
        view = View.Transpose && count < dimensions

    /// The form of an input as the node reads it through the view, when the whole tensor has so many dimensions.
    let formOfInput (view: View) (dimensions: int) (form: Form) : Form =
        if isVector view dimensions form.Shape.Length then form else formInto view form

    /// The input as the node reads it through the view.
    let input (stacked: int) (view: View) (dimensions: int) (tensor: torch.Tensor) : torch.Tensor =
        if isVector view (dimensions + stacked) (int (tensor.dim ())) then
            tensor
        else
            intoBehind stacked view tensor

    let back (view: View) (shape: unit -> int64[]) (tensor: torch.Tensor) : torch.Tensor =
        backBehind 0 view shape tensor

    /// The inverse of `input`: the tensor that the node reads through the view.
    let inputBack (view: View) (dimensions: int) (shape: unit -> int64[]) (tensor: torch.Tensor) : torch.Tensor =
        if isVector view dimensions (int (tensor.dim ())) then
            tensor
        else
            back view shape tensor

    /// Closures that hold for rows, and so not for the rows of a view.
    let private ofRows: Set<Closure> = Set.ofList [ Closure.RowScaling; Closure.Reordering ]

    let private ofMatrices: Set<Closure> = ofRows.Add Closure.Transposition

    /// The space of tensors whose views lie in the given space.
    let space (view: View) (inner: Space) : Space =
        let name, lost =
            match view with
            | View.Kernel -> $"kernels whose matrices are {inner.Name}", ofMatrices
            | View.Transpose -> $"matrices whose transposes are {inner.Name}", ofRows

        if inner = Space.all then
            inner
        elif view = View.Transpose && inner.IsClosedUnder Closure.Transposition then
            inner
        else
            { new Space(name, [], Set.difference inner.Closures lost) with
                override _.Dimension form =
                    if form.Shape.Length < 2 then
                        System.Nullable()
                    else
                        inner.Dimension(formInto view form)

                override _.Interior = inner.Interior
                override _.IsLeftByRounding = inner.IsLeftByRounding

                override _.Rounded(tensor, dtype) =
                    back view (fun () -> tensor.shape) (inner.Rounded(into view tensor, dtype))
            }

    /// The space of the views of tensors of a space. Entries stay independent of each other; rows and transposes change.
    let spaceInto (_: View) (outer: Space) : Space =
        { new Space($"views of {outer.Name}", [], Set.difference outer.Closures ofMatrices) with
            override _.Interior = outer.Interior
            override _.IsLeftByRounding = outer.IsLeftByRounding
            // The shape of the whole is not known here, so the tensor is rounded in the shape of the view.
            override _.Rounded(tensor, dtype) = outer.Rounded(tensor, dtype)
        }
