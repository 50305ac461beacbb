using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>A disk in memory, without its zeros: it was read once, and is carried forward by the log of what was written since.</summary>
internal sealed class ReplayedDisk
{
    private const int PageBytes = 64 * 1024;
    private readonly Dictionary<long, byte[]> _pages;
    private readonly long _lengthBytes;

    private ReplayedDisk(Dictionary<long, byte[]> pages, long lengthBytes)
    {
        _pages = pages;
        _lengthBytes = lengthBytes;
    }

    public static ReplayedDisk Read(string device)
    {
        using FileStream file = File.OpenRead(device);
        // A block device's file has no length of its own.
        long lengthBytes = long.Parse(GuestDisk.Run("blockdev", "--getsize64", device), System.Globalization.CultureInfo.InvariantCulture);
        var pages = new Dictionary<long, byte[]>();
        byte[] page = new byte[PageBytes];
        for (long number = 0; number * PageBytes < lengthBytes; number++)
        {
            int countBytes = file.ReadAtLeast(page, (int)Math.Min(PageBytes, lengthBytes - number * PageBytes));
            Array.Clear(page, countBytes, PageBytes - countBytes);
            if (page.AsSpan().ContainsAnyExcept((byte)0))
                pages.Add(number, (byte[])page.Clone());
        }
        return new ReplayedDisk(pages, lengthBytes);
    }

    /// <summary>One of its own with the same content.</summary>
    public ReplayedDisk Copy() => new(_pages.ToDictionary(p => p.Key, p => (byte[])p.Value.Clone()), _lengthBytes);

    public void Apply(LoggedWrite write, FileStream log)
    {
        if (write.Mark is not null)
            return;
        byte[] content = new byte[write.LengthBytes];
        if (!write.Flags.HasFlag(LoggedFlags.Discard))
        {
            log.Position = write.DataBytes;
            log.ReadExactly(content);
        }
        for (int done = 0; done < content.Length;)
        {
            long number = (write.OffsetBytes + done) / PageBytes;
            int within = (int)((write.OffsetBytes + done) % PageBytes), countBytes = Math.Min(PageBytes - within, content.Length - done);
            if (!_pages.TryGetValue(number, out byte[]? page))
                _pages.Add(number, page = new byte[PageBytes]);
            content.AsSpan(done, countBytes).CopyTo(page.AsSpan(within));
            done += countBytes;
        }
    }

    /// <summary>Writes it to a sparse file.</summary>
    public void Save(string path)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        file.SetLength(_lengthBytes);
        foreach ((long number, byte[] page) in _pages.OrderBy(p => p.Key))
        {
            file.Position = number * PageBytes;
            file.Write(page, 0, (int)Math.Min(PageBytes, _lengthBytes - number * PageBytes));
        }
    }
}
