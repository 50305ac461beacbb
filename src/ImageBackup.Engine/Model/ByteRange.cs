using System;
using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup;

/// <summary>A run of bytes: where it starts and how long it is. Both in bytes, neither negative.</summary>
public readonly record struct ByteRange(long OffsetBytes, long LengthBytes)
{
    /// <summary>The first byte after the range.</summary>
    public long EndBytes => OffsetBytes + LengthBytes;

    /// <summary>The offset and the length: "1048576+4096".</summary>
    public override string ToString() => OffsetBytes.ToString(CultureInfo.InvariantCulture) + "+" + LengthBytes.ToString(CultureInfo.InvariantCulture);
}
