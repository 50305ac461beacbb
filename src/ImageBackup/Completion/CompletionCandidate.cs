using ImageBackup.Engine.Platform;

namespace ImageBackup.Completion;

/// <summary>One thing to offer: the text that is put in, and what the tooltip says about it.</summary>
internal sealed class CompletionCandidate(string text, string tooltip, string? listText = null)
{
    public string Text { get; } = text;
    public string Tooltip { get; } = DisplayText.Lines(tooltip);

    /// <summary>What a menu shows in place of the text.</summary>
    public string ListText { get; } = DisplayText.Line(listText ?? text);
}
