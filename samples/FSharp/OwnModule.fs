/// A module of one's own that holds a parametrized tensor as a field.
module OwnModule

open Parametrize.Values
open Parametrize.CSharp
open TorchSharp
open type TorchSharp.torch.nn

/// The distance x^T M x of a metric that is learnt: M is positive definite whatever the optimizer does.
type Metric(size: int64) as this =
    inherit Module<torch.Tensor, torch.Tensor>(nameof Metric)

    let matrix = new ParametrizedTensor(spdAbove 0.1, torch.eye size)

    do this.RegisterComponents()

    member _.Matrix: torch.Tensor = matrix.Value

    override _.forward(x: torch.Tensor) : torch.Tensor = (x.matmul matrix.Value * x).sum(dim = -1L)

let run () : unit =
    use metric = new Metric(3L)
    let names = metric.named_parameters () |> Seq.map (fun struct (name, _) -> name) |> String.concat ", "
    Claim.that "a field is found and named" (names = "matrix.original") names

    let points = torch.randn (32L, 3L)
    let optimizer = torch.optim.SGD(metric.parameters (), 0.05)

    for _ in 1..50 do
        use _scope = torch.NewDisposeScope()
        optimizer.zero_grad ()
        (metric.call points).mean().backward()
        optimizer.step () |> ignore

    let smallest = torch.linalg.eigvalsh(metric.Matrix).min().ToDouble()
    Claim.that "shrinking it leaves it positive definite, smallest eigenvalue" (smallest > 0.0) $"%.3g{smallest}"
