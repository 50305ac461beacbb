using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>An orphan snapshot of a killed run.</summary>
/// <param name="Provider">The provider's name.</param>
/// <param name="Name">What it is called, for people and for Remove.</param>
/// <param name="VolumeName">Of which volume, if that is known.</param>
public sealed record OrphanSnapshot(string Provider, string Name, string? VolumeName)
{
    /// <summary>Its name.</summary>
    public override string ToString() => DisplayText.Line(Name);
}
