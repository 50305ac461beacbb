namespace ImageBackup.Engine.Policy;

/// <summary>
/// The image types as rules and classes name them. Policy knows no jobs, so the enumeration is its own; its names
/// and values are those of <c>Jobs.ImageType</c> (a test holds them equal) and Jobs casts.
/// </summary>
public enum PolicyImageType
{
    Static,
    Dynamic,
    Snapshot,
}
