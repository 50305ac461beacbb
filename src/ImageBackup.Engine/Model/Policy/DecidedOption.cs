using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One option of a backup, and who decided it. Names are those of the parameters of Backup-VolumeImage.</summary>
public sealed record DecidedOption
{
    public required string Name { get; init; }

    /// <summary>As the rule syntax writes it; null: not set by anyone.</summary>
    public string? Value { get; init; }
    public OptionSource Source { get; init; }

    /// <summary>The rule's file and line, the class's name, the client-wide list's path; null for the others.</summary>
    public string? Where { get; init; }

    public override string ToString() => DisplayText.Line(Where is null ? $"{Name}={Value} ({Source})" : $"{Name}={Value} ({Source} {Where})");
}
