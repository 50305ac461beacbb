using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>
/// Reads a source whose disk may be bad: a read that fails is tried again in halves, down to a sector, and each sector a few
/// times more. A sector that cannot be had is zeros, and counts; more of them than the limit end the reading. Any thread; one
/// failure is looked into at a time, as a disk that fails is not helped by haste.
/// </summary>
/// <param name="volume">The source.</param>
/// <param name="errorLimit">How many sectors may be missing; 0: none.</param>
internal sealed class ReadErrorPolicy(IBlockReader volume, long errorLimit)
{
    /// <summary>A weak sector often comes at the second or third asking.</summary>
    private const int SectorAttempts = 3;

    private readonly List<ByteRange> _missing = new();
    private long _missingSectorCount;
    private bool _isGone;

    /// <summary>What is zeros because it could not be read, sorted and joined.</summary>
    public IReadOnlyList<ByteRange> Missing
    {
        get
        {
            lock (_missing)
                return _missing.ToArray();
        }
    }

    /// <summary>Fills the target, with zeros if the source gives nothing.</summary>
    /// <exception cref="BlockReadException">The source is gone, ends early, or has more bad sectors than the limit allows.</exception>
    public void Read(long offsetBytes, Span<byte> target)
    {
        try
        {
            ReadWhole(offsetBytes, target);
        }
        catch (BlockReadException e) when (!e.IsGone)
        {
            lock (_missing)
            {
                // What others had asked for when the device went is not looked for either.
                if (_isGone)
                    throw new BlockReadException(offsetBytes, target.Length, e.Message, e) { IsGone = true };
                ReadParts(offsetBytes, target, e);
            }
        }
    }

    private void ReadParts(long offsetBytes, Span<byte> target, BlockReadException failure)
    {
        int sectorBytes = volume.SectorSizeBytes;
        if (target.Length <= sectorBytes)
        {
            ReadSector(offsetBytes, target, failure);
            return;
        }
        // At a sector's border, so that the smallest parts are whole sectors.
        long middle = offsetBytes + target.Length / 2;
        middle -= middle % sectorBytes;
        if (middle <= offsetBytes)
            middle = offsetBytes - offsetBytes % sectorBytes + sectorBytes;
        int first = (int)(middle - offsetBytes);
        ReadPart(offsetBytes, target.Slice(0, first));
        ReadPart(middle, target.Slice(first));
    }

    private void ReadPart(long offsetBytes, Span<byte> target)
    {
        try
        {
            ReadWhole(offsetBytes, target);
        }
        catch (BlockReadException e) when (!e.IsGone)
        {
            ReadParts(offsetBytes, target, e);
        }
    }

    private void ReadSector(long offsetBytes, Span<byte> target, BlockReadException failure)
    {
        for (int attempt = 1; attempt < SectorAttempts; attempt++)
        {
            try
            {
                ReadWhole(offsetBytes, target);
                return;
            }
            catch (BlockReadException e) when (!e.IsGone)
            {
                failure = e;
            }
        }
        ThrowIfGone(offsetBytes, target.Length, failure);
        if (++_missingSectorCount > errorLimit)
        {
            throw new BlockReadException(offsetBytes, target.Length,
                errorLimit == 0 ? failure.Message : $"{failure.Message} More than {errorLimit} sectors cannot be read.", failure);
        }
        target.Clear();
        _missing.InsertJoined(new ByteRange(offsetBytes, target.Length));
    }

    /// <summary>A device that was pulled out gives the same error everywhere as a bad sector does; its length tells.</summary>
    private void ThrowIfGone(long offsetBytes, long lengthBytes, BlockReadException failure)
    {
        if (volume is ILengthQuery query && query.QueryLengthBytes() != volume.LengthBytes)
        {
            _isGone = true;
            throw new BlockReadException(offsetBytes, lengthBytes, failure.Message, failure) { IsGone = true };
        }
    }

    private void ReadWhole(long offsetBytes, Span<byte> target)
    {
        int countBytes = volume.ReadAt(offsetBytes, target);
        if (countBytes != target.Length)
        {
            throw new BlockReadException(offsetBytes + countBytes, target.Length - countBytes,
                $"The volume ends at {offsetBytes + countBytes}, before its end at {volume.LengthBytes}.") { IsGone = true };
        }
    }
}
