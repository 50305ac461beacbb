using System;

namespace ImageBackup;

/// <summary>Who decided an option, in the order of precedence.</summary>
public enum OptionSource
{
    CommandLine,
    Rule,
    ManagementClass,
    ClientWide,

    /// <summary>A variable of the environment; <c>Where</c> has its name.</summary>
    Environment,

    /// <summary>The built-in value.</summary>
    BuiltIn,
}
