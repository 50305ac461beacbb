using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Backup;

/// <summary>How a volume would be taken, as far as it can be told without touching it: for -WhatIf and views.</summary>
/// <param name="Type">What is tried first.</param>
/// <param name="Provider">The snapshot provider, for <see cref="ImageType.Snapshot"/>.</param>
/// <param name="FailoverReason">A snapshot was asked for and cannot be had, and why; null otherwise.</param>
/// <param name="Reason">Why this type, in words.</param>
internal sealed record BackupPreview(ImageType Type, string? Provider, string? FailoverReason, string Reason)
{
    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(BackupPreview), PrintMembers);
}
