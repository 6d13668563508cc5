namespace Properties.Core.Golden

open Properties.Core.Golden.Arguments
open Properties.Core.Golden.Description
open Properties.Core.Golden.Layers
open TorchSharp

/// What one step of a model computes.
[<RequireQualifiedAccess>]
type Stage =
    | Layer of name: string * layer: Layer
    | Function of (torch.Tensor -> torch.Tensor)

module Stage =

    let private flatten (arguments: Argument list) : torch.Tensor -> torch.Tensor =
        let given = bind "flatten" [ "start_dim"; "end_dim" ] arguments
        // nn.Flatten's default: the first dimension counts the inputs.
        let first = wholeOr "start_dim" 1L given
        let last = wholeOr "end_dim" -1L given
        fun input -> input.flatten (first, last)

    let private tryFunction (name: string) (arguments: Argument list) : (torch.Tensor -> torch.Tensor) option =
        match name.ToLowerInvariant(), arguments with
        | "relu", [] -> Some _.relu()
        | "tanh", [] -> Some _.tanh()
        | "sigmoid", [] -> Some _.sigmoid()
        | ("silu" | "swish"), [] -> Some torch.nn.functional.silu
        | "gelu", [] -> Some torch.nn.functional.gelu
        | "softplus", [] -> Some torch.nn.functional.softplus
        | "identity", [] -> Some id
        | "flatten", arguments -> Some(flatten arguments)
        | _ -> None

    /// Functions have no state, so that a name for them says nothing.
    let ofStep (step: Step) : Stage =
        let name, arguments =
            match step.Term with
            | Term.Word name -> name, []
            | Term.Call(name, arguments) -> name, arguments
            | _ -> unclear "neither a layer nor a function"

        match tryFunction name arguments, step.Name with
        | Some compute, _ -> Stage.Function compute
        | None, Some name when name.Contains '.' -> unclear $"layers inside layers, as in '{name}', are not supported"
        | None, Some name -> Stage.Layer(name, Wrappers.layerOf step.Term)
        | None, None -> unclear $"there is no function '{name}', and a layer needs a name"

/// Stages one after the other; the state is that of the layers, under their names.
type Model(stages: Stage list) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("Model")

    do
        for stage in stages do
            match stage with
            | Stage.Layer(name, layer) -> this.register_module (name, layer)
            | Stage.Function _ -> ()

    override _.forward(input: torch.Tensor) : torch.Tensor =
        let apply (tensor: torch.Tensor) (stage: Stage) =
            match stage with
            | Stage.Layer(_, layer) -> layer.call tensor
            | Stage.Function compute -> compute tensor

        List.fold apply input stages
