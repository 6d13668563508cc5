using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>The gradients of others need the value of a frozen tensor, after the pass and after the scope.</summary>
public class FrozenTensorsLetOthersTrain
{
    public static TheoryData<string> Kinds => Subject.NativeKinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_frozen_tensor_gives_the_others_the_gradients_that_a_plain_one_gives(string kind)
    {
        foreach (var name in Subject.Make(kind).Names)
        {
            var subject = Subject.Make(kind);
            subject.Module.register_parametrization(name, new Doubling().Value);
            subject.Module.parametrization(name).get_parameter("original")!.requires_grad = false;

            var outside = Gradients(subject.Module, subject.Output());
            Tensor output;
            using (parametrize.cached())
                output = subject.Output();
            var inside = Gradients(subject.Module, output);

            subject.Module.remove_parametrizations(name);
            foreach (var (other, expected) in Gradients(subject.Module, subject.Output()))
            {
                var tolerance = 1e-3 * (1 + expected.abs().max().item<float>());
                Near.Same(expected, outside[other], tolerance);
                Near.Same(expected, inside[other], tolerance);
            }
        }
    }

    private static Dictionary<string, Tensor> Gradients(nn.Module module, Tensor output)
    {
        module.zero_grad();
        if (output.requires_grad)
            output.pow(3).sum().backward();
        return module
            .named_parameters()
            .Where(entry => entry.parameter.requires_grad)
            .ToDictionary(entry => entry.name, entry => entry.parameter.grad!.clone());
    }
}
