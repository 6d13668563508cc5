using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Every optimizer of TorchSharp that has groups, with options that make it keep much.</summary>
internal static class AnyOptimizer
{
    private static readonly Dictionary<string, Func<IEnumerable<Parameter>, OptimizerHelper>> Builders = new()
    {
        ["SGD"] = parameters => optim.SGD(parameters, 0.05),
        ["SGD momentum"] = parameters => optim.SGD(parameters, 0.02, momentum: 0.9, dampening: 0.1),
        ["SGD nesterov"] = parameters => optim.SGD(parameters, 0.02, momentum: 0.9, nesterov: true, weight_decay: 0.01),
        ["Adam"] = parameters => optim.Adam(parameters, 0.05),
        ["Adam amsgrad"] = parameters => optim.Adam(parameters, 0.05, weight_decay: 0.01, amsgrad: true),
        ["AdamW"] = parameters => optim.AdamW(parameters, 0.05, amsgrad: true),
        ["NAdam"] = parameters => optim.NAdam(parameters, 0.05),
        ["RAdam"] = parameters => optim.RAdam(parameters, 0.05),
        ["Adamax"] = parameters => optim.Adamax(parameters, 0.05),
        ["Adagrad"] = parameters => optim.Adagrad(parameters, 0.1, initial_accumulator_value: 0.1),
        ["Adadelta"] = parameters => optim.Adadelta(parameters, 1),
        ["ASGD"] = parameters => optim.ASGD(parameters, 0.05, t0: 2),
        ["RMSProp"] = parameters => optim.RMSProp(parameters, 0.01, momentum: 0.5, centered: true),
        ["Rprop"] = parameters => optim.Rprop(parameters, 0.01),
    };

    public static string[] Names => [.. Builders.Keys];

    public static OptimizerHelper Build(string name, IEnumerable<Parameter> parameters) => Builders[name](parameters);
}
