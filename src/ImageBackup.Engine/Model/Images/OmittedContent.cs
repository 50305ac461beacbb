using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>A file of the volume whose content an image does not store, because it is not needed after a restore.</summary>
public sealed record OmittedContent
{
    /// <summary>Path from the volume's root, with backslashes.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes on the volume that are not stored.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Why it is not needed.</summary>
    public required string Reason { get; init; }

    public override string ToString() => DisplayText.Line($"{Path}: {SizeBytes} bytes ({Reason})");
}
