using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Storage.Transfer;

/// <summary>How fast a storage may be written and read; null: as fast as it goes.</summary>
internal sealed record TransferLimits(RateSchedule? Upload, RateSchedule? Download)
{
    /// <summary>Null: there is no limit.</summary>
    /// <exception cref="FormatException">An entry cannot be used.</exception>
    public static TransferLimits? Parse(IReadOnlyList<string>? upload, IReadOnlyList<string>? download) => upload is null && download is null
        ? null
        : new TransferLimits(upload is null ? null : RateSchedule.Parse(upload), download is null ? null : RateSchedule.Parse(download));
}
