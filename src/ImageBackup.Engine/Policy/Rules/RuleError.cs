using System;
using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>One thing wrong in a rule file. Line and column count from 1; the column counts characters (a tab is one).</summary>
internal sealed record RuleError(string Path, int Line, int Column, string Message)
{
    public override string ToString() => string.Format(CultureInfo.InvariantCulture, "{0}({1},{2}): {3}", Path, Line, Column, Message);
}

/// <summary>
/// A rule file that cannot be used: nothing of it applies. The message names the first fault, <see cref="Faults"/>
/// up to 100 of them in the file's order.
/// </summary>
internal sealed class RuleFileException : ImageBackupException
{
    internal const int MaximumFaults = 100;

    public RuleFileException(IReadOnlyList<RuleError> faults)
        : base(ErrorId.RuleInvalid, MessageOf(faults), faults[0].Path) => Faults = faults;

    public IReadOnlyList<RuleError> Faults { get; }
    public string Path => Faults[0].Path;
    public int Line => Faults[0].Line;
    public int Column => Faults[0].Column;

    private static string MessageOf(IReadOnlyList<RuleError> faults)
    {
        if (faults is null || faults.Count == 0)
            throw new ArgumentException("There is no fault.", nameof(faults));
        return faults.Count == 1
            ? faults[0].ToString()
            : string.Format(CultureInfo.InvariantCulture, "{0} ({1} more)", faults[0], faults.Count - 1);
    }
}
