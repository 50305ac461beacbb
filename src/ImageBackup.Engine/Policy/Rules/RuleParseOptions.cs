using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>What else may stand in the file.</summary>
internal enum RuleDialect
{
    /// <summary>A list of ours: a statement that is not known is a fault.</summary>
    RuleList,

    /// <summary>
    /// TSM's dsm.opt or dsm.sys: our statements are taken, the others passed over with a remark. Read only.
    /// </summary>
    OptionsFile,
}

/// <summary>How a rule file is read.</summary>
internal sealed record RuleParseOptions
{
    public static RuleParseOptions Default { get; } = new();

    public RuleDialect Dialect { get; init; }

    /// <summary>Patterns are compared as on Windows. This system's way unless said otherwise.</summary>
    public bool IsWindows { get; init; } = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>
    /// Options file: whose stanza applies. Null: the one DEFAULTServer names, else the first. What stands before the
    /// first stanza always applies.
    /// </summary>
    public string? ServerName { get; init; }

    /// <summary>
    /// The list that the repository keeps; its rules say so and are evaluated before the machine's. It may not name
    /// commands to run before or after a snapshot: who can write to the repository does not own the machine.
    /// </summary>
    public bool IsEnforced { get; init; }

    /// <summary>
    /// Opens the file that an <c>inclexcl</c> statement names, by the path as written and the naming file's path.
    /// Null: such a statement is a fault.
    /// </summary>
    public Func<string, string, (string Path, RuleText Text)>? OpenIncluded { get; init; }
}

/// <summary>Something that was passed over while reading. Never holds a value: options files may have passwords in them.</summary>
internal sealed record RuleRemark(string Path, int Line, string Message)
{
    public override string ToString() => FormattableString.Invariant($"{Path}({Line}): {Message}");
}
