using FsCheck.Xunit;
using Parametrize.CSharp.Torch;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>What is read from libtorch's memory is what TorchScript says.</summary>
public class VersionsCountWrites
{
    [Property(MaxTest = 50)]
    public void Both_ways_count_the_writes(byte[] writes)
    {
        using var _ = NewDisposeScope();
        Tensor uncounted;
        using (inference_mode())
            uncounted = zeros(1);
        var tensors = new[] { zeros(2, 3), ones(4, dtype: ScalarType.Int64), nn.Parameter(rand(2)), uncounted };
        Assert.Equal(0, Versions.Of(tensors));
        var expected = 0;
        foreach (var write in writes)
        {
            var tensor = tensors[write % 4];
            using var mode = inference_mode(ReferenceEquals(tensor, uncounted));
            using var unrecorded = no_grad();
            switch (write / 4 % 4)
            {
                case 0:
                    tensor.fill_(1);
                    break;
                case 1:
                    tensor.alias().mul_(2);
                    break;
                case 2:
                    tensor.detach()[0].copy_(3);
                    break;
                default:
                    (tensor + 1).Dispose();
                    continue;
            }
            expected += ReferenceEquals(tensor, uncounted) ? 0 : 1;
        }
        Assert.Equal(expected, Versions.Of(tensors));
        Assert.Equal(expected, Versions.Read(tensors));
        Assert.Equal(expected, Versions.Ask(tensors));
    }
}
