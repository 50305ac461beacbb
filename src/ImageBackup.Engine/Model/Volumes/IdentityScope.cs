using System;

namespace ImageBackup;

/// <summary>Whether a fact is of the place where a volume lies, or of what lies there.</summary>
public enum IdentityScope
{
    /// <summary>It stays when the volume is formatted.</summary>
    Place,

    /// <summary>It goes when the volume is formatted.</summary>
    Content,
}
