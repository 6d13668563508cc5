using System.Globalization;

namespace Properties.CSharp.Support;

internal static class Cultures
{
    /// <summary>What the function yields where numbers have a decimal comma, and another sign for negative ones.</summary>
    public static T WithComma<T>(Func<T> function)
    {
        var (before, other) = (CultureInfo.CurrentCulture, (CultureInfo)CultureInfo.InvariantCulture.Clone());
        other.NumberFormat = new() { NumberDecimalSeparator = ",", NegativeSign = "~" };
        try
        {
            CultureInfo.CurrentCulture = other;
            return function();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
