// How the library is used from F#. Every part measures what it claims: the exit code is 0 when all of it holds.
open TorchSharp

torch.set_num_threads 1

let parts =
    [
        "A layer with an orthogonal weight", RegisteredLayer.run
        "Assigning", Assignment.run
        "A module of one's own", OwnModule.run
        "A parametrization of one's own", OwnNode.run
        "The core without modules", PureCore.run
    ]

for title, run in parts do
    printfn $"\n{title}"
    torch.random.manual_seed 0L |> ignore
    use _scope = torch.NewDisposeScope()
    run ()

exit (Claim.exitCode ())
