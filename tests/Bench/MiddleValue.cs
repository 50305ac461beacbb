using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>What counts of several runs.</summary>
internal static class MiddleValue
{
    /// <summary>The middle one; of an even number the greater of the two.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
