using System;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>
/// An administrator's statement that a volume is gone from its machine. Void once there is a later image of it.
/// Never inferred from anything.
/// </summary>
internal sealed record VolumeRemoval(string Volume, string ComputerName, DateTimeOffset RemovedAt);
