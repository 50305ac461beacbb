using System;

namespace ImageBackup;

/// <summary>Who decided an option, in the order of precedence.</summary>
public enum OptionSource
{
    CommandLine,
    Rule,
    ManagementClass,
    ClientWide,

    /// <summary>The built-in value.</summary>
    BuiltIn,
}
