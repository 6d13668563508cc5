namespace Parametrize.CSharp.Optimizers;

/// <summary>
/// The momenta of optimizers: averages of directions at a parameter's old value. Averages of squared gradients are kept: without
/// them the next step would be too long, as the count of steps is kept, too.
/// </summary>
internal static class Momenta
{
    /// <summary>
    /// For each parameter that the optimizer knows, an action that resets its momenta once its value has changed.
    /// </summary>
    /// <exception cref="NotSupportedException">The optimizer's state cannot be read.</exception>
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

    /// <summary>Whether a state has moments of another shape than its parameter, which has got a new one since.</summary>
    public static bool IsOfOtherShape(OptimizerState state, Parameter parameter) =>
        MomentOf(state) is { } moment && !moment.shape.SequenceEqual(parameter.shape);

    private static Tensor? MomentOf(OptimizerState state) =>
        state switch
        {
            SGD.State of => of.momentum_buffer,
            Adam.State of => of.exp_avg,
            AdamW.State of => of.exp_avg,
            NAdam.State of => of.exp_avg,
            RAdam.State of => of.exp_avg,
            Adamax.State of => of.exp_avg,
            Rprop.State of => of.prev,
            RMSProp.State of => of.square_avg,
            ASGD.State of => of.ax,
            Adagrad.State of => of.sum,
            Adadelta.State of => of.square_avg,
            _ => null,
        };

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
            // The average of parameters starts again at the present value.
            ASGD.State of => () => of.ax.copy_(parameter),
            Adagrad.State or Adadelta.State => () => { },
            _ => null,
        };

    private static NotSupportedException Unknown(optim.Optimizer optimizer) =>
        new(
            $"The momenta of {optimizer.GetType().Name} cannot be reset here. Move the base without naming the optimizer, and build "
                + "the optimizer again."
        );
}
