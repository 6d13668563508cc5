namespace Parametrize.LinearAlgebra

open System
open System.Collections
open System.Reflection
open TorchSharp

/// A value whose gradient is computed by hand.
[<NoComparison; NoEquality>]
type internal WithPullback =
    {
        Value: torch.Tensor
        /// What the gradient is computed from, besides the argument. Only a gradient by hand asks for it.
        Kept: unit -> torch.Tensor list
        /// The gradient by the argument, given the argument, what is kept, and the gradient by the value. It must not hold tensors.
        Pullback: torch.Tensor list -> torch.Tensor -> torch.Tensor
    }

/// The node of libtorch's graph. An exception must not leave `backward`: TorchSharp would end the process.
type internal CustomGradientNode() =
    inherit torch.autograd.SingleTensorFunction<CustomGradientNode>()

    static let savedField: FieldInfo | null =
        typeof<torch.autograd.AutogradContext>
            .GetField("_savedVariables", BindingFlags.Instance ||| BindingFlags.NonPublic)

    /// The last gradient. libtorch copies it after `backward` has ended, on the same thread, so it is disposed later.
    [<ThreadStatic; DefaultValue>]
    static val mutable private returned: torch.Tensor | null

    static member private Release() =
        match CustomGradientNode.returned with
        | null -> ()
        | gradient -> gradient.Dispose()

        CustomGradientNode.returned <- null

    override _.Name: string = nameof CustomGradientNode

    override _.forward(context: torch.autograd.AutogradContext, arguments: obj[]) : torch.Tensor =
        CustomGradientNode.Release()
        let struct (made, again) = arguments[1] :?> struct (WithPullback * (torch.Tensor -> WithPullback))
        context.set_materialize_grads false
        context.save_for_backward (ResizeArray((arguments[0] :?> torch.Tensor) :: made.Kept()))
        context.save_data ("pullback", made.Pullback)
        context.save_data ("again", again)
        made.Value

    /// Frees the kept tensors, as libtorch's own nodes do. TorchSharp (0.107.0) frees them when the graph ends; without dispose
    /// scopes, that is when the garbage collector finds it.
    static member private Free(context: torch.autograd.AutogradContext) =
        match savedField with
        | null -> ()
        | field ->
            match field.GetValue context with
            | :? IList as saved ->
                for variable in Seq.cast<IDisposable> saved |> Seq.skip 1 do
                    variable.Dispose()

                while saved.Count > 1 do
                    saved.RemoveAt 1
            | _ -> ()

    /// If the gradient is differentiated in turn, everything is computed again, with a graph that leads to the argument. A second
    /// pass through a retained graph also computes it again, because the first pass has freed it.
    static member private Gradient(context: torch.autograd.AutogradContext, gradient: torch.Tensor) =
        let saved = List.ofSeq (context.get_saved_variables ())
        let again = context.get_data "again" :?> (torch.Tensor -> WithPullback)

        if torch.is_grad_enabled () || saved.Tail.IsEmpty then
            let made = again saved.Head
            made.Pullback (saved.Head :: made.Kept()) gradient
        else
            let pullback = context.get_data "pullback" :?> (torch.Tensor list -> torch.Tensor -> torch.Tensor)
            let found = pullback saved gradient
            CustomGradientNode.Free context
            found

    override _.backward(context: torch.autograd.AutogradContext, gradient: torch.Tensor) =
        CustomGradientNode.Release()

        if not gradient.IsInvalid then
            use _scope = torch.NewDisposeScope()

            let found =
                try
                    try
                        CustomGradientNode.Gradient(context, gradient)
                    with _ ->
                        // The garbage collector may have freed a number of TorchSharp's in a call (`Scalars`).
                        CustomGradientNode.Gradient(context, gradient)
                with _ ->
                    // No matrix has a gradient without dimensions, so libtorch throws an exception.
                    torch.zeros ([||], dtype = gradient.dtype, device = gradient.device)

            gradient.Dispose()
            CustomGradientNode.returned <- found.DetachFromDisposeScope()

        ResizeArray [ CustomGradientNode.returned; null ]

/// Functions of matrices whose gradients are written by hand, in fewer and cheaper operations than those of libtorch's graph, with
/// fewer tensors kept. Derivatives of all orders exist.
[<RequireQualifiedAccess>]
module internal CustomGradient =

    /// Of smaller tensors libtorch's own graph is cheaper than one node of TorchSharp's.
    let private many = 10000L

    let private isFor (x: torch.Tensor) : bool = torch.is_grad_enabled () && x.requires_grad && x.numel () >= many

    /// Computes what several steps of a function of x share; without a graph if the gradient is computed by hand.
    let prepared (prepare: torch.Tensor -> 'T) (x: torch.Tensor) : 'T =
        if isFor x then
            use _ = torch.no_grad ()
            prepare x
        else
            prepare x

    /// The value of `first` at x, which may rely on what is prepared. `again` is the same function, of x alone.
    let applyWith
        (first: torch.Tensor -> WithPullback)
        (again: torch.Tensor -> WithPullback)
        (x: torch.Tensor)
        : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let made = prepared first x

        let value =
            if isFor x then
                CustomGradientNode.apply (x, struct (made, again))
            else
                made.Value

        value.MoveToOuterDisposeScope()

    let apply (f: torch.Tensor -> WithPullback) (x: torch.Tensor) : torch.Tensor = applyWith f f x
