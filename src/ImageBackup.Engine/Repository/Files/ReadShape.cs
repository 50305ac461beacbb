using System;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>How much is read at a time, and how much that nobody wants is read to save a read. In bytes.</summary>
/// <param name="RequestBytes">The most, but for a blob that is longer.</param>
/// <param name="GapBytes">The longest gap between two blobs of one read.</param>
/// <param name="QueueDepth">How many reads are best under way at once.</param>
internal readonly record struct ReadShape(int RequestBytes, int GapBytes, int QueueDepth)
{
    /// <summary>
    /// The first read is at most so long, the second twice that and so on up to the usual length: who works on them has something to do early,
    /// and those that are under way at once do not all end at once. 0: all are alike.
    /// </summary>
    public int RampBytes { get; init; }

    /// <summary>So many bytes the read of this number may have, the first being 0.</summary>
    public int RequestBytesAt(int number) => RampBytes == 0 ? RequestBytes : (int)Math.Min(RequestBytes, RampBytes * (number + 1L));

    /// <summary>
    /// A read that is so long keeps its connection busy for as long as a round trip takes: from there on a gap costs the time of its bytes, and another
    /// read costs none, for several are under way. 0: there is no such length.
    /// </summary>
    public int BusyBytes { get; init; }

    /// <summary>The longest gap behind so many bytes of a read.</summary>
    public int GapBytesBehind(long lengthBytes) => BusyBytes > 0 && lengthBytes >= BusyBytes ? GapBytes / 8 : GapBytes;

    /// <summary>
    /// A disk of this machine: the system reads ahead so far anyhow, and the bytes are still in the processor's caches when they
    /// are opened.
    /// </summary>
    public static ReadShape Local { get; } = new(2 << 20, 128 << 10, 1);

    /// <summary>A storage on a network: a request costs as much time as a megabyte.</summary>
    public static ReadShape Remote { get; } = new(32 << 20, 1 << 20, 4) { RampBytes = 1 << 20, BusyBytes = 1 << 20 };
}
