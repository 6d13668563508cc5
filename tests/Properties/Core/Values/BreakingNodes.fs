/// Nodes of a user's own, each of which breaks its contract in one function.
module Properties.Core.Values.BreakingNodes

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let float64: torch.ScalarType = torch.ScalarType.Float64

/// Leaves tensors as they are, and keeps its contract.
type Kept(buffers: Buffer list) =
    inherit Node()
    new() = Kept []
    override _.Code = Code.Call("own", [])
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space.all
    override _.Buffers = buffers
    override _.Forward(inputs, _) = inputs[0].clone()
    override _.Contains(_, _, _) = Ok()

    override _.Invert(_, tensor, _, _) = NodeParts.carrying tensor [ for _ in buffers -> torch.zeros_like tensor ]

let level: Buffer = { Name = "level"; Role = BufferRole.Learned; FormFor = id }

let forward (compute: torch.Tensor -> torch.Tensor) : Node =
    { new Kept() with
        override _.Forward(inputs, _) = compute inputs[0]
    }

let inverse (inputs: torch.Tensor -> torch.Tensor[]) (buffers: Buffer list) : Node =
    { new Kept(buffers) with
        override _.Invert(_, tensor, _, _) = Ok { Inputs = inputs tensor; Buffers = [||] }
    }

let learning (advance: torch.Tensor[] -> torch.Tensor[]) : Node =
    { new Kept([ level ]) with
        override _.Forward(inputs, _) = inputs[0].clone()
      interface ILearns with
          member _.Advance(_, buffers) = advance buffers
    }

let measured (numbers: torch.Tensor -> torch.Tensor) : Node =
    { new Kept() with
        override _.Forward(inputs, _) = inputs[0].clone()
      interface IVolume with
          member _.LogVolume(inputs, _) = numbers inputs[0]
    }

let determined (numbers: torch.Tensor -> torch.Tensor) : Node =
    { new Kept() with
        override _.Forward(inputs, _) = inputs[0].clone()
      interface IDeterminant with
          member _.LogAbsDet(inputs, _, _) = numbers inputs[0]
    }

let saturating (slopes: torch.Tensor -> torch.Tensor) : Node =
    { new Kept() with
        override _.Forward(inputs, _) = inputs[0].clone()
      interface ISaturates with
          member _.Slopes(inputs, _) = slopes inputs[0]
    }

let sampling (draw: Form -> torch.Tensor) : Node =
    { new Kept() with
        override _.Forward(inputs, _) = inputs[0].clone()
      interface ISampled with
          member _.Sample(form, _) = draw form
    }

let undone (back: torch.Tensor -> torch.Tensor) : Node =
    { new Kept() with
        override _.Forward(inputs, _) = inputs[0].clone()
      interface IOneToOne with
          member _.Undo tensor = back tensor
    }

let none: torch.Tensor = Unchecked.defaultof<torch.Tensor>

let disposed (tensor: torch.Tensor) : torch.Tensor =
    let other = tensor.clone ()
    other.Dispose()
    other

let ofOthers (tensor: torch.Tensor) : torch.Tensor = tensor.narrow (0L, 0L, 1L)
let single (tensor: torch.Tensor) : torch.Tensor = tensor.``to`` torch.ScalarType.Float32
