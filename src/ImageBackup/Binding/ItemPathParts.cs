using System;
using System.Management.Automation;
using ImageBackup.Engine.Items;

namespace ImageBackup.Binding;

/// <summary>Names and patterns of items as PowerShell's wildcards: in any case on an image of Windows, as written on others.</summary>
internal static class ItemPathParts
{
    public static ItemPathPart Of(ItemSource source, string name) => WildcardPattern.ContainsWildcardCharacters(name)
        ? new ItemPathPart(name, Pattern(source, name))
        : new ItemPathPart(WildcardPattern.Unescape(name), null);

    public static Func<string, bool> Pattern(ItemSource source, string pattern) =>
        WildcardPattern.Get(pattern, source.IsOfWindows ? WildcardOptions.IgnoreCase : WildcardOptions.None).IsMatch;

    public static Func<string, bool> Name(ItemSource source, string name)
    {
        StringComparison comparison = source.IsOfWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return other => string.Equals(other, name, comparison);
    }
}
