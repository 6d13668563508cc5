namespace Showcase.Compress;

/// <summary>What a net of limited rank is worth.</summary>
/// <param name="Rank">Of its two large weights.</param>
/// <param name="Size">How many numbers it takes.</param>
/// <param name="Cut">The error of the trained net, cut to this rank.</param>
/// <param name="TrainedOn">The error after training it further within the rank.</param>
/// <param name="Small">The error of an unconstrained net of the same size, trained from the start.</param>
internal sealed record CompressResult(long Rank, long Size, double Cut, double TrainedOn, double Small);
