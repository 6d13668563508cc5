using System.Globalization;

namespace Notebook;

/// <summary>Prints each claim with what was measured, and counts.</summary>
internal sealed class Claims
{
    public int Held { get; private set; }

    public int Broken { get; private set; }

    /// <summary>Checks a chapter. One that throws has broken a claim.</summary>
    public void Of(IChapter chapter)
    {
        try
        {
            chapter.Check(this);
        }
        catch (Exception error)
        {
            That(false, "the chapter runs to its end", $"{error.GetType().Name}: {error.Message}");
        }
    }

    public void That(bool holds, string claim, string measured)
    {
        Console.WriteLine($"{(holds ? "ok  " : "FAIL")} {claim}: {measured}");
        if (holds)
            Held++;
        else
            Broken++;
    }

    public void Equal<T>(T expected, T found, string claim) =>
        That(Equals(expected, found), claim, Equals(expected, found) ? $"{found}" : $"{found}, not {expected}");

    public void AtMost(double limit, double found, string claim) => That(found <= limit, claim, Number(found));

    public void MoreThan(double limit, double found, string claim) => That(found > limit, claim, Number(found));

    public void Between(double low, double high, double found, string claim) =>
        That(found >= low && found <= high, claim, Number(found));

    /// <summary>The action is refused; what was measured is the message.</summary>
    public void Refused<T>(Action action, string claim)
        where T : Exception
    {
        try
        {
            action();
            That(false, claim, "it was accepted");
        }
        catch (T error)
        {
            That(true, claim, error.Message.Split('\n')[0]);
        }
    }

    private static string Number(double value) => value.ToString("g3", CultureInfo.InvariantCulture);
}
