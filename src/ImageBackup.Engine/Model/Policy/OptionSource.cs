using System;

namespace ImageBackup;

/// <summary>Who decided an option, in the order of precedence.</summary>
public enum OptionSource
{
    CommandLine,
    Rule,
    ManagementClass,
    ClientWide,

    /// <summary>Nobody: the built-in value.</summary>
    BuiltIn,
}
