using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A part of a file that is not a hole.</summary>
internal interface IFileExtent
{
    long FileOffsetBytes { get; }
    long FileEndBytes { get; }
}

/// <summary>Searches in extents that are sorted by their place in the file and do not overlap.</summary>
internal static class FileExtents
{
    /// <summary>The first extent that ends behind an offset in the file; their count if none does.</summary>
    public static int FirstEndingAfter<T>(this IReadOnlyList<T> extents, long offsetBytes)
        where T : IFileExtent
    {
        int low = 0;
        int high = extents.Count;
        while (low < high)
        {
            int middle = low + ((high - low) >> 1);
            if (extents[middle].FileEndBytes > offsetBytes)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    /// <summary>What <see cref="ISparseBlockReader.NextData"/> answers: extents that touch are one range.</summary>
    /// <param name="extents">The extents.</param>
    /// <param name="offsetBytes">From here on.</param>
    /// <param name="endBytes">Behind it there is no data, whatever the extents say.</param>
    public static ByteRange? NextData<T>(this IReadOnlyList<T> extents, long offsetBytes, long endBytes)
        where T : IFileExtent
    {
        int i = extents.FirstEndingAfter(offsetBytes);
        if (i == extents.Count)
            return null;
        long start = Math.Max(offsetBytes, extents[i].FileOffsetBytes);
        long end = extents[i].FileEndBytes;
        for (i++; i < extents.Count && extents[i].FileOffsetBytes == end; i++)
            end = extents[i].FileEndBytes;
        end = Math.Min(end, endBytes);
        return end > start ? new ByteRange(start, end - start) : null;
    }
}
