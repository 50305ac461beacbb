using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Binding;

/// <summary>A gap size as users write it: TSM's suffixes k, m, g, and PowerShell's own literals (64KB), which end in a B.</summary>
internal static class GapSizeText
{
    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public static GapSize Parse(string text) =>
        GapSize.Parse(text.Length > 2 && text[text.Length - 1] is 'b' or 'B' ? text.Substring(0, text.Length - 1) : text);
}
