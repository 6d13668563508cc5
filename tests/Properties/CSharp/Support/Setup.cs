using System.Runtime.CompilerServices;
using TorchSharp;
using Xunit;

// Memory is measured for the whole process, and two cores are better used by libtorch.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Properties.CSharp.Support;

internal static class Setup
{
    [ModuleInitializer]
    internal static void OneThreadAndTheGpu()
    {
        torch.set_num_threads(1);
        if (torch.cuda.is_available())
            torch.set_default_device(torch.CUDA);
        Seeded.Everywhere(20240607);
    }
}
