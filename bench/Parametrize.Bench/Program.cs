using BenchmarkDotNet.Running;

// The programs that BenchmarkDotNet generates miss Directory.Build.targets and would not load libtorch.
BenchmarkSwitcher.FromAssembly(typeof(Placeholder).Assembly).Run([.. args, "--inProcess"]);
