using Flows;
using Flows.Report;
using Flows.Training;
using Samples.Report;

return CommandLine.Run(args, Demo);

static int Demo(Options options)
{
    options.Output.Create();
    TorchSharp.torch.set_num_threads(options.Threads);
    var results = Trainer.TrainAll(options);
    ResultTable.Print(
        ["data", "test", "training", "known", "parameters", "ms per step"],
        results.Select(result => result.Row)
    );
    foreach (var result in results)
    {
        var picture = Path.Combine(options.Output.FullName, $"{result.Problem.FileName}.png");
        result.Problem.Draw(result.Flow, picture);
        Console.WriteLine($"Samples and density: {picture}");
    }
    return Goals.AreMet(results) || !options.Check ? 0 : 1;
}
