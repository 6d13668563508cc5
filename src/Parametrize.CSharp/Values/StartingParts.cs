namespace Parametrize.CSharp.Values;

/// <summary>Finds the parts from which a tensor starts when it gets a parametrization, by the policy `WhenNotAllowed`.</summary>
internal static class StartingParts
{
    /// <summary>The parts for a plain tensor.</summary>
    public static Parts For(Parametrization value, Tensor tensor, WhenNotAllowed whenNotAllowed, string? where = null)
    {
        RequireKnown(whenNotAllowed);
        RequireOwnNames(value);
        using var lasting = Modes.Lasting();
        return Sound(value, ByPolicy(), tensor, where);

        Parts ByPolicy()
        {
            // The tensor becomes the parameter as it is, so that no right inverse is needed.
            if (whenNotAllowed is WhenNotAllowed.Reinterpret && Accepting.canReinterpret(value, tensor))
                return Accepting.reinterpret(value, tensor).OrThrow(where);
            // Allowed tensors stay, except for entries on the edge of the space, which would hardly train.
            if (whenNotAllowed is WhenNotAllowed.Project)
                return Core.start(value, tensor).OrThrow(where);
            var exact = Core.initialize(value, tensor);
            if (exact.IsError && exact.ErrorValue.IsNoRightInverse)
                return Core.start(value, tensor).OrThrow(where);
            if (exact.IsOk || !exact.ErrorValue.IsNotAllowed || whenNotAllowed is WhenNotAllowed.Refuse)
                return exact.OrThrow(where);
            if (whenNotAllowed is not WhenNotAllowed.Sample)
                return Core.start(value, tensor).OrThrow(where);
            using var sample = Core.sample(value, FormModule.ofTensor(tensor), null);
            return Core.initialize(value, sample).OrThrow(where);
        }
    }

    /// <summary>
    /// The parts for a tensor that has parts already, when the nodes of `more` are added to its value, which is then `longer`.
    /// </summary>
    public static Parts ForMore(
        Parametrization longer,
        Parametrization more,
        Parts parts,
        Tensor present,
        WhenNotAllowed whenNotAllowed,
        string? where
    )
    {
        RequireKnown(whenNotAllowed);
        RequireOwnNames(more);
        return Sound(longer, ByPolicy(), present, where);

        Parts ByPolicy()
        {
            // The present value becomes the input of the new nodes.
            if (whenNotAllowed is WhenNotAllowed.Reinterpret && Accepting.canReinterpret(more, present))
            {
                // The new nodes may not accept the output of the present ones.
                Core.parameterForms(longer, FormModule.ofTensor(present)).OrThrow(where);
                return Core.ofTensorsOfShape(parts.Shape, parts.Parameters, parts.Buffers, longer);
            }

            if (
                whenNotAllowed is not (WhenNotAllowed.Refuse or WhenNotAllowed.Sample)
                || Core.contains(longer, present).ErrorOrNull() is not { IsNotAllowed: true } refusal
            )
                return Accepting.extend(longer, parts, present).OrThrow(where);
            if (whenNotAllowed is WhenNotAllowed.Refuse)
                throw new ParametrizationException(refusal, where);
            using var sample = Core.sample(longer, FormModule.ofTensor(present), null);
            return Accepting.extend(longer, parts, sample).OrThrow(where);
        }
    }

    /// <summary>The parts for a tensor that is assigned or loaded while parts are in use: masks stay, bases move.</summary>
    public static Parts ForAssigned(
        Parametrization value,
        Parts present,
        Tensor tensor,
        WhenNotAllowed whenNotAllowed,
        string? where = null
    )
    {
        RequireKnown(whenNotAllowed);
        if (whenNotAllowed is WhenNotAllowed.Reinterpret && Accepting.canReinterpret(value, tensor))
        {
            Accepting.suits(value, present, tensor).OrThrow(where);
            return Accepting.reinterpret(value, tensor).OrThrow(where);
        }
        var exact = Core.rightInverse(value, present, tensor);
        if (exact.IsOk || !exact.ErrorValue.IsNotAllowed || whenNotAllowed is WhenNotAllowed.Refuse)
            return exact.OrThrow(where);
        using var sample =
            whenNotAllowed is WhenNotAllowed.Sample ? Core.sample(value, FormModule.ofTensor(tensor), null) : null;
        return Accepting.take(value, present, sample ?? tensor).OrThrow(where);
    }

    private static void RequireKnown(WhenNotAllowed whenNotAllowed)
    {
        if (!Enum.IsDefined(whenNotAllowed))
            throw new ArgumentOutOfRangeException(
                nameof(whenNotAllowed),
                whenNotAllowed,
                "A value of WhenNotAllowed was expected."
            );
    }

    /// <summary>
    /// Returns the parts if they and the tensor computed from them have the form of the given tensor. A user's node that breaks its
    /// contract, or throws, does so here, before anything has changed.
    /// </summary>
    private static Parts Sound(Parametrization value, Parts parts, Tensor tensor, string? where)
    {
        using var _ = no_grad();
        using var made = Core.forward(value, parts);
        var (expected, found) = (FormModule.ofTensor(tensor), FormModule.ofTensor(made));
        var areElsewhere = parts.Parameters.Any(part =>
            !part.IsOnDeviceOf(tensor) || parts.Parameters.Count == 1 && part.dtype != tensor.dtype
        );
        if (!found.Equals(expected) || areElsewhere)
            throw new InvalidOperationException(
                $"{Lead(where)}{value} makes {found} of a tensor {expected}. It has to keep shape, element type and device, "
                    + "those of a single parameter included."
            );
        return Tensors.nonFinite(made) == 0
            ? parts
            : throw new InvalidOperationException(
                $"{Lead(where)}{value} makes NaN or infinite numbers of this tensor. If the tensor is not allowed, override `Nearest` "
                    + "of your node so that it returns an allowed tensor; the default, the image of the right inverse, is not one here."
            );
    }

    /// <summary>The start of a message: the tensor's name, if a module has registered it.</summary>
    private static string Lead(string? where) => where is null ? "" : $"{where}: ";

    /// <summary>
    /// Throws for a user's node whose text is that of a value of the library: a file stores a value as text, and reads the text back.
    /// </summary>
    private static void RequireOwnNames(Parametrization value)
    {
        foreach (var node in value.Nodes)
            if (node.GetType().Assembly != typeof(Node).Assembly && Reading.parse($"{node}").IsOk)
                throw new ArgumentException(
                    $"{node.GetType().Name} is a node of your own, but {node} is how a value of the library is typed: a file of it would be read back as that value. Give it another name, such as my{node.GetType().Name}.",
                    nameof(value)
                );
    }
}
