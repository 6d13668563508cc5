namespace Parametrize

open System

/// Gradual pruning: the share rises from the initial to the final one along a cubic curve, fast while there is much to
/// prune and slowly at the end (Zhu & Gupta 2017, eq. 1). Between updates it stays; before the first one it is 0.
[<NoComparison>]
type PruningSchedule =
    private
        {
            From: float
            To: float
            First: int64
            Last: int64
            Every: int64
        }

    /// Throws ArgumentException for shares outside [0, 1] or falling, steps that do not follow each other, and
    /// frequencies below 1.
    static member Cubic(initialShare: float, finalShare: float, beginStep: int64, endStep: int64, frequency: int64) =
        if not (0.0 <= initialShare && initialShare <= finalShare && finalShare <= 1.0) then
            invalidArg
                (nameof finalShare)
                (invariant $"A share rises in [0, 1], but it is to go from {initialShare} to {finalShare}.")

        if beginStep < 0L || endStep < beginStep then
            invalidArg (nameof endStep) $"There are no steps from {beginStep} to {endStep}."

        if frequency < 1L then
            invalidArg (nameof frequency) $"Updates are at least 1 step apart, but {frequency} was asked for."

        {
            From = initialShare
            To = finalShare
            First = beginStep
            Last = endStep
            Every = frequency
        }

    /// The share at the first update.
    member this.InitialShare: float = this.From

    /// The share from the last update on.
    member this.FinalShare: float = this.To

    /// The step of the first update.
    member this.BeginStep: int64 = this.First

    /// The step of the last update.
    member this.EndStep: int64 = this.Last

    /// The number of steps from one update to the next.
    member this.Frequency: int64 = this.Every

    /// Whether the share changes at this step: the first and the last, and every so many between.
    member this.IsUpdate(step: int64) : bool =
        step = this.Last || step >= this.First && step < this.Last && (step - this.First) % this.Every = 0L

    /// The share of all entries that is pruned at this step.
    member this.ShareAt(step: int64) : float =
        if step < this.First then
            0.0
        elif step >= this.Last then
            this.To
        else
            let updated = step - (step - this.First) % this.Every
            let left = 1.0 - float (updated - this.First) / float (this.Last - this.First)
            // Rounding must not carry it beyond its ends.
            Math.Clamp(this.To + (this.From - this.To) * left * left * left, this.From, this.To)

    /// The share at a step as an amount, of entries or of channels: pruning goes on until that share is pruned.
    member this.AmountAt(step: int64) : Amount = Amount.UpTo(this.ShareAt step)

    override this.ToString() : string =
        let shares = $"{FSharpText.float this.From}, {FSharpText.float this.To}"
        $"PruningSchedule.Cubic({shares}, {this.First}L, {this.Last}L, {this.Every}L)"
