using System;

namespace ImageBackup.Engine.Blocks;

/// <summary>The checks that every reader and writer makes on what it is asked for.</summary>
internal static class BlockBounds
{
    /// <summary>How many of the wanted bytes lie inside; 0 at and after the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative offset.</exception>
    public static int ReadableCount(long offsetBytes, int wantedBytes, long lengthBytes)
    {
        if (offsetBytes < 0)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, "An offset is not negative.");
        return (int)Math.Max(0, Math.Min(wantedBytes, lengthBytes - offsetBytes));
    }

    /// <exception cref="ArgumentOutOfRangeException">The range does not lie inside the target: a defect of the caller.</exception>
    public static void RequireInside(long offsetBytes, long countBytes, long lengthBytes)
    {
        if (offsetBytes < 0 || countBytes < 0 || offsetBytes > lengthBytes || countBytes > lengthBytes - offsetBytes)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes,
                $"{countBytes} bytes at {offsetBytes} do not lie inside the target's {lengthBytes} bytes.");
    }

    /// <summary>The part of the range that whole units cover; null if there is none.</summary>
    public static ByteRange? InnerAligned(ByteRange range, int unitBytes)
    {
        long start = (range.OffsetBytes + unitBytes - 1) / unitBytes * unitBytes;
        long end = range.EndBytes / unitBytes * unitBytes;
        return end > start ? new ByteRange(start, end - start) : null;
    }
}
