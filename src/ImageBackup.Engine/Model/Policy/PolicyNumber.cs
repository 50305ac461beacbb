namespace ImageBackup;

/// <summary>Reads the plain decimal numbers of rule files: ASCII digits only, no sign, no blanks.</summary>
internal static class PolicyNumber
{
    /// <summary>True for one or more digits whose value is at most <paramref name="maximum"/> (which is below 2^60).</summary>
    public static bool TryParse(string text, long maximum, out long value)
    {
        value = 0;
        if (text.Length == 0)
            return false;
        foreach (var c in text)
        {
            if (c is < '0' or > '9')
                return false;
            value = (value * 10) + (c - '0');
            if (value > maximum)
                return false;
        }

        return true;
    }
}
