using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Optimizers;

/// <summary>
/// What optimizers remember as a direction at a parameter's old place. Squares of gradients are sizes and are kept: without
/// them, and with the count of steps, the next step would be too long.
/// </summary>
internal static class Momenta
{
    /// <summary>For each parameter that the optimizer knows, what forgets its momenta once its place has changed.</summary>
    /// <exception cref="NotSupportedException">The optimizer does not show what it remembers.</exception>
    public static List<Action> Resets(optim.Optimizer optimizer, IEnumerable<Parameter> parameters)
    {
        if (optimizer is not OptimizerHelper managed)
            throw Unknown(optimizer);
        OptimizerInternals.Check();
        return
        [
            .. parameters
                .Select(parameter => (parameter, state: OptimizerInternals.StateOf(managed, parameter)))
                .Where(known => known.state is not null)
                .Select(known => Reset(known.state!, known.parameter) ?? throw Unknown(optimizer)),
        ];
    }

    private static Action? Reset(OptimizerState state, Parameter parameter) =>
        state switch
        {
            SGD.State of => () => of.momentum_buffer?.zero_(),
            Adam.State of => () => of.exp_avg.zero_(),
            AdamW.State of => () => of.exp_avg.zero_(),
            NAdam.State of => () => of.exp_avg.zero_(),
            RAdam.State of => () => of.exp_avg.zero_(),
            Adamax.State of => () => of.exp_avg.zero_(),
            Rprop.State of => () => of.prev.zero_(),
            RMSProp.State of => () =>
            {
                of.momentum_buffer.zero_();
                of.grad_avg.zero_();
            },
            // The average of places starts again where the parameter is now.
            ASGD.State of => () => of.ax.copy_(parameter),
            Adagrad.State or Adadelta.State => () => { },
            _ => null,
        };

    private static NotSupportedException Unknown(optim.Optimizer optimizer) =>
        new(
            $"What {optimizer.GetType().Name} remembers cannot be reset here. Move the base without naming it, and build "
                + "it anew."
        );
}
