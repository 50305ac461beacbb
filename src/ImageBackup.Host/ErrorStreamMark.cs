using System;
using System.Management.Automation;
using System.Reflection;

namespace ImageBackup.Host;

/// <summary>
/// The engine's mark on an object that came by the error stream. It decides between error and data (a record that a
/// script puts out), and is internal to the engine; a test holds us to the version that we carry.
/// </summary>
internal static class ErrorStreamMark
{
    private static readonly PropertyInfo s_stream =
        typeof(PSObject).GetProperty("WriteStream", BindingFlags.Instance | BindingFlags.NonPublic)
        ?? throw new MissingMemberException(nameof(PSObject), "WriteStream");

    private static readonly object s_error = Enum.Parse(s_stream.PropertyType, "Error");

    public static bool IsOn(PSObject record) => s_error.Equals(s_stream.GetValue(record));
}
