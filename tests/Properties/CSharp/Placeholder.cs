using FsCheck.Xunit;
using TorchSharp;
using Xunit;

namespace Properties.CSharp;

public class Placeholder
{
    [Fact]
    public void Libtorch_loads() => Assert.Equal(2f, torch.ones(2).sum().item<float>());

    [Property]
    public bool Addition_commutes(int a, int b) => a + b == b + a;
}
