using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <content>Files that an image can do without.</content>
internal sealed partial class NtfsReader
{
    /// <summary>The suffix of every file of the shadow-copy provider, and the whole name of its catalog.</summary>
    private const string ShadowStorageSuffix = "{3808876b-c176-4e48-b7ae-04046e6cc752}";
    private const string SystemVolumeInformation = "System Volume Information";
    private const uint HiddenSystemAttributes = 0x6;

    /// <summary>Three of the root, and the shadow copies that a volume may have (512), with room to spare.</summary>
    private const int MaxOmittedFiles = 1024;

    /// <summary>
    /// pagefile.sys, swapfile.sys and hiberfil.sys of the root, if they are hidden system files, and the shadow
    /// storage. Nothing if the system that owns the volume may be hibernated, as it needs them to wake up: an open
    /// journal without the caller's word for a flush, or a hibernation file that is not spent.
    /// </summary>
    public IReadOnlyList<OmittedFile> FindOmittedFiles(IBlockReader volume, bool isFlushed, CancellationToken cancellation)
    {
        NtfsVolume ntfs = Open(volume);
        if (!isFlushed && !IsLogClean(ntfs))
            return [];

        var found = new List<OmittedFile>();
        NtfsFileReference? shadowDirectory = null;
        foreach (NtfsDirectoryEntry entry in NtfsDirectory.Read(ntfs, NtfsVolume.RootRecord, cancellation))
        {
            string? reason = RootReason(entry.Name);
            if (reason is not null && ntfs.ReadRecord(entry.Reference) is { IsDirectory: false } record && IsHiddenSystem(record)
                && Open(ntfs, record, entry.Reference.Number) is { } content)
            {
                if (IsNamed(entry, "hiberfil.sys") && !IsSpentHibernation(content))
                    return [];
                Add(found, ntfs, entry.Name, content, reason);
            }
            else if (IsNamed(entry, SystemVolumeInformation))
            {
                shadowDirectory = entry.Reference;
            }
        }
        if (shadowDirectory is { } directory && ntfs.ReadRecord(directory).IsDirectory)
        {
            foreach (NtfsDirectoryEntry entry in NtfsDirectory.Read(ntfs, directory.Number, cancellation))
            {
                if (entry.Name.EndsWith(ShadowStorageSuffix, StringComparison.OrdinalIgnoreCase)
                    && ntfs.ReadRecord(entry.Reference) is { IsDirectory: false } record
                    && Open(ntfs, record, entry.Reference.Number) is { } content)
                {
                    Add(found, ntfs, SystemVolumeInformation + "\\" + entry.Name, content,
                        "shadow storage: the shadow copies of the volume do not outlive a restore");
                }
            }
        }
        RequireOwnClusters(found, ntfs, cancellation);
        return found;
    }

    /// <summary>On a damaged volume a file's runs may be another's clusters too: of a system file, or of another of these.</summary>
    private static void RequireOwnClusters(List<OmittedFile> files, NtfsVolume ntfs, CancellationToken cancellation)
    {
        if (files.Count == 0)
            return;
        List<(ByteRange Range, string Path)> owned = files.SelectMany(f => f.Ranges.Select(r => (r, f.Path))).OrderBy(r => r.r.OffsetBytes).ToList();
        List<ByteRange> ranges = owned.ConvertAll(o => o.Range);
        for (int i = 1; i < ranges.Count; i++)
        {
            if (ranges[i].OffsetBytes < ranges[i - 1].EndBytes)
                throw new FileSystemFormatException($"NTFS: {owned[i - 1].Path} and {owned[i].Path} hold the same cluster");
        }
        int clusterSize = ntfs.Geometry.ClusterSizeBytes;
        foreach ((long number, NtfsRun run) in SystemRuns(ntfs, cancellation))
        {
            long start = run.Lcn * clusterSize, end = start + run.ClusterCount * clusterSize;
            int first = ranges.FirstEndingAfter(start);
            if (first < ranges.Count && ranges[first].OffsetBytes < end)
                throw new FileSystemFormatException($"NTFS: {owned[first].Path} holds a cluster of the system file {number}");
        }
    }

    private static bool IsNamed(NtfsDirectoryEntry entry, string name) =>
        string.Equals(entry.Name, name, StringComparison.OrdinalIgnoreCase);

    private static string? RootReason(string name) => name.ToLowerInvariant() switch
    {
        "pagefile.sys" or "swapfile.sys" => "paging file: Windows writes it anew",
        "hiberfil.sys" => "hibernation file: spent, the system is not hibernated",
        _ => null,
    };

    private static bool IsHiddenSystem(NtfsFileRecord record) =>
        record.Find(NtfsAttributeType.StandardInformation) is { } information
        && (LittleEndian.UInt32(information.Value.Span, 0x20) & HiddenSystemAttributes) == HiddenSystemAttributes;

    private static NtfsStream? Open(NtfsVolume ntfs, NtfsFileRecord record, long number) =>
        ntfs.OpenStream(record, number, NtfsAttributeType.Data) is { IsResident: false, IsTransformed: false } stream ? stream : null;

    // 'wake' is written over 'hibr' once the system is up again; Windows 8 and later clear the header instead.
    private static bool IsSpentHibernation(NtfsStream content)
    {
        if (content.DataSizeBytes < 4)
            return true;
        var magic = new byte[4];
        content.Read(0, magic);
        return LittleEndian.UInt32(magic, 0) == 0 || magic.AsSpan().SequenceEqual("wake"u8) || magic.AsSpan().SequenceEqual("WAKE"u8);
    }

    private static void Add(List<OmittedFile> found, NtfsVolume ntfs, string path, NtfsStream content, string reason)
    {
        if (found.Count >= MaxOmittedFiles || found.Exists(file => file.Path == path))
            throw new FileSystemFormatException("NTFS: a directory holds a name twice");
        int clusterSize = ntfs.Geometry.ClusterSizeBytes;
        var ranges = new List<ByteRange>();
        foreach (NtfsRun run in content.Runs)
        {
            if (!run.IsHole)
                ranges.Add(new ByteRange(run.Lcn * clusterSize, run.ClusterCount * clusterSize));
        }
        ranges.Sort(static (a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        if (ranges.Count > 0)
            found.Add(new OmittedFile { Path = path, Ranges = ranges, Reason = reason });
    }
}
