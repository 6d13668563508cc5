namespace Showcase.Experiments;

/// <summary>Trains nets under a constraint, and twins without it.</summary>
internal interface IExperiment
{
    /// <summary>As it is typed, and as its picture is called.</summary>
    string Name { get; }

    /// <summary>What is compared, in one sentence.</summary>
    string Description { get; }

    Outcome Run(Setting setting);
}
