using Pictures;
using TorchSharp;

// The pictures of docs/catalogue: dotnet fsi build.fsx pictures [FOLDER]
torch.set_num_threads(1);
var folder = args is [var given] ? given : Path.Combine("docs", "catalogue", "pictures");
Directory.CreateDirectory(folder);
(string Name, Action<Panels> Draw)[] pictures =
[
    ("structures", Structures.Draw),
    ("eigenvalues", Spectra.Eigenvalues),
    ("singular-values", Spectra.SingularValues),
    ("sphere", Points.Sphere),
    ("simplex", Points.Simplex),
    ("entries", Curves.Entries),
    ("masks", Structures.Masks),
];
foreach (var (name, draw) in pictures)
{
    torch.random.manual_seed(1);
    using var scope = torch.NewDisposeScope();
    using var _ = torch.no_grad();
    var panels = new Panels();
    draw(panels);
    var path = Path.Combine(folder, $"{name}.png");
    panels.Save(path);
    Console.WriteLine(path);
}
