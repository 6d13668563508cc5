using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>What stands in native memory is freed with the module, and nobody touches that memory afterwards.</summary>
public class NativeModulesAreDisposed
{
    public static TheoryData<string> Kinds => Subject.NativeKinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Disposing_a_module_leaves_no_tensor_to_the_garbage(string kind)
    {
        long LeftBy(Action<nn.Module, string> register)
        {
            var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            using (NewDisposeScope())
            {
                var (subject, name) = Subject.Made(kind);
                register(subject.Module, name);
                using (parametrize.cached())
                    subject.Output();
                subject.Output();
                subject.Module.Dispose();
            }
            return DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before;
        }

        var plain = LeftBy((_, _) => { });
        Assert.Equal(plain, LeftBy((module, name) => module.register_parametrization(name, new Doubling().Value)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_scope_that_outlives_one_of_the_modules_goes_on_and_ends_for_the_other(string kind)
    {
        foreach (var isFirst in new[] { true, false })
        {
            var ((subject, name), (other, _)) = (Subject.Registered(kind), Subject.Made(kind));
            other.Module.share_parametrization(name, subject.Module.parametrization(name));
            var (disposed, stays) = isFirst ? (subject, other) : (other, subject);
            using (parametrize.cached())
            {
                using var before = stays.Output();
                disposed.Output().Dispose();
                disposed.Module.Dispose();
                Near.Same(before, stays.Output());
                stays.Module.to(ScalarType.Float64);
                Near.Same(before, stays.Output());
            }
            using var _ = no_grad();
            Assert.False(stays.Output().isnan().any().item<bool>());
            Assert.True(stays.Bypass().isnan().any().item<bool>());
        }
    }
}
