using Digits;
using Digits.Report;
using Digits.Training;
using Samples.Data;
using Samples.Report;

return CommandLine.Run(args, Demo);

static int Demo(Options options)
{
    options.Output.Create();
    using var data = DigitsData.Load(options.Device);
    var trainer = new Trainer(new TrainingSettings(options.Epochs, options.Hidden, options.Seed), data);

    Console.WriteLine($"Training on {data.Train.Count} images, testing on {data.Test.Count}, on {options.Device}.");
    var results = trainer.TrainAll(options.Maps);
    ResultTable.Print(["map", "test accuracy", "max |W^T W - I|", "ms per step"], results.Select(result => result.Row));

    var charts = Chart.Of(results);
    var png = Path.Combine(options.Output.FullName, "learning-curves.png");
    var html = Path.Combine(options.Output.FullName, "learning-curves.html");
    PngReport.Save(charts, png);
    HtmlReport.Save(results, charts, html);
    Console.WriteLine($"Learning curves: {png}");
    Console.WriteLine($"                 {html}");

    var allMet = Goals.Report(results);
    return allMet || !options.Check ? 0 : 1;
}
