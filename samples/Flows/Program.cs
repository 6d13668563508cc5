using Flows;
using Flows.Report;
using Flows.Training;

return CommandLine.Run(args, Demo);

static int Demo(Options options)
{
    options.Output.Create();
    TorchSharp.torch.set_num_threads(options.Threads);
    var results = TrainingProgress.Show(options.Problems, options);
    ResultTable.Print(results);
    foreach (var result in results)
    {
        var picture = Path.Combine(options.Output.FullName, $"{result.Problem.FileName}.png");
        result.Problem.Draw(result.Flow, picture);
        Console.WriteLine($"Samples and density: {picture}");
    }
    return Goals.AreMet(results) || !options.Check ? 0 : 1;
}
