using Flows.Data;

namespace Flows;

/// <summary>What the program is asked for.</summary>
/// <param name="Problems">The data to learn.</param>
/// <param name="Steps">Steps of training; null for the number that each problem has.</param>
/// <param name="Seed">Draws data, initial weights and minibatches.</param>
/// <param name="Threads">The threads that libtorch computes with.</param>
/// <param name="Output">The folder for the pictures.</param>
/// <param name="Check">Whether a missed goal is an error.</param>
public sealed record Options(
    IReadOnlyList<Problem> Problems,
    int? Steps,
    int Seed,
    int Threads,
    DirectoryInfo Output,
    bool Check
);
