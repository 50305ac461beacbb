using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>How far a repair goes.</summary>
internal sealed record RepositoryRepairOptions
{
    /// <summary>Reads every pack whole. Without it only those are looked at that no index lists or whose length is wrong.</summary>
    public bool ReadData { get; init; }

    /// <summary>
    /// Removes snapshot records that are damaged or that this version does not understand. Without it they stay and are named: what
    /// they refer to is not known, and may be wanted.
    /// </summary>
    public bool RemoveUnreadable { get; init; }

    /// <summary>Finds out what would be done, and writes nothing.</summary>
    public bool IsPlan { get; init; }
}
