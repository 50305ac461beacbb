using System;
using System.Collections.Generic;

namespace ImageBackup;

/// <summary>A run of bytes: where it starts and how long it is. Both in bytes, neither negative.</summary>
public readonly record struct ByteRange(long OffsetBytes, long LengthBytes)
{
    /// <summary>The first byte after the range.</summary>
    public long EndBytes => OffsetBytes + LengthBytes;
}
