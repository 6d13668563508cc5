using Notebook;
using Notebook.Chapters;
using Notebook.Geotorch;
using TorchSharp;

// The claims of PyTorch's introduction to parametrizations, and geotorch's examples, each measured: the exit code is 0 when all of
// them hold. geotorch's sequential digits are the sample Digits.
torch.set_num_threads(1);
IChapter[] chapters =
[
    new SymmetricLayer(),
    new PrunedConvolution(),
    new Caching(),
    new Injection(),
    new Assignment(),
    new SkewThenCayley(),
    new TwoOnOneTensor(),
    new Removing(),
    new OptimizerBuiltBefore(),
    new ReadmeModel(),
    new EveryConstraint(),
    new LargestEigenvalue(),
    new CopyingProblem(),
];

var claims = new Claims();
foreach (var chapter in chapters)
{
    Console.WriteLine($"\n{chapter.Title}");
    torch.random.manual_seed(0);
    using var _ = torch.NewDisposeScope();
    claims.Of(chapter);
}

Console.WriteLine($"\n{claims.Held} claims hold, {claims.Broken} do not");
return claims.Broken == 0 ? 0 : 1;
