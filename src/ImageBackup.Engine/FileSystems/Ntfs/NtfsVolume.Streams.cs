using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <content>Streams: their extents may be spread over many file records by an attribute list.</content>
internal sealed partial class NtfsVolume
{
    /// <summary>The driver's own limit of an attribute list.</summary>
    private const int MaxAttributeListBytes = 256 << 10;
    private const int AttributeListEntryBytes = 0x1A;

    /// <summary>One line of an attribute list: which record holds the extent that begins at a cluster.</summary>
    private readonly record struct ListEntry(NtfsAttributeType Type, string Name, long LowestVcn, NtfsFileReference Reference);

    /// <summary>Opens a stream of a file, or null if the file has none such.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public NtfsStream? OpenStream(NtfsFileRecord record, long number, NtfsAttributeType type, string name = "")
    {
        if (record.Find(NtfsAttributeType.AttributeList) is not { } list)
            return record.Find(type, name) is { } only ? OpenStream([only]) : null;
        List<ListEntry> entries = ReadAttributeList(list).FindAll(entry => entry.Type == type && entry.Name == name);
        return entries.Count == 0 ? null : OpenStream(FindExtents(record, number, entries));
    }

    /// <summary>All attributes of a file by where they begin, in whichever of its records.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public List<NtfsAttribute> ReadAttributes(NtfsFileRecord record, long number)
    {
        var attributes = new List<NtfsAttribute>();
        void Add(NtfsFileRecord part)
        {
            foreach (NtfsAttribute attribute in part.Attributes())
            {
                if (attribute.Type != NtfsAttributeType.AttributeList && attribute.IsBegin)
                    attributes.Add(attribute);
            }
        }

        Add(record);
        if (record.Find(NtfsAttributeType.AttributeList) is not { } list)
            return attributes;
        var seen = new HashSet<ulong>();
        foreach (ListEntry entry in ReadAttributeList(list))
        {
            if (entry.LowestVcn == 0 && entry.Reference.Number != number && seen.Add(entry.Reference.Value))
                Add(ReadExtentRecord(_mft, record, number, entry));
        }
        return attributes;
    }

    /// <summary>Every stream of a file that lies in clusters of its own.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public IEnumerable<NtfsStream> NonResidentStreams(NtfsFileRecord record, long number)
    {
        if (record.Find(NtfsAttributeType.AttributeList) is not { } list)
        {
            foreach (NtfsAttribute attribute in record.Attributes())
            {
                if (attribute.IsNonResident)
                    yield return OpenStream([attribute]);
            }
            yield break;
        }
        if (list.IsNonResident)
            yield return OpenStream([list]);
        foreach (IGrouping<(NtfsAttributeType, string), ListEntry> stream in
            ReadAttributeList(list).GroupBy(static entry => (entry.Type, entry.Name)))
        {
            List<NtfsAttribute> extents = FindExtents(record, number, stream);
            if (extents[0].IsNonResident)
                yield return OpenStream(extents);
        }
    }

    private List<NtfsAttribute> FindExtents(NtfsFileRecord record, long number, IEnumerable<ListEntry> entries)
    {
        var extents = new List<NtfsAttribute>();
        foreach (ListEntry entry in entries)
            extents.Add(FindExtent(ReadExtentRecord(_mft, record, number, entry), entry));
        return extents;
    }

    private NtfsStream OpenStream(List<NtfsAttribute> extents)
    {
        NtfsAttribute first = extents[0];
        if (!first.IsNonResident)
            return new NtfsStream(_volume, Geometry.ClusterSizeBytes, first.Value);
        var runs = new List<NtfsRun>();
        foreach (NtfsAttribute extent in extents)
        {
            if (!extent.IsNonResident)
                throw new FileSystemFormatException("NTFS: a stream is both resident and not");
            NtfsRunList.Append(runs, extent, Geometry);
        }
        return new NtfsStream(_volume, Geometry.ClusterSizeBytes, first, runs);
    }

    // The table's own extents are in records of the table: each is reached through the runs before it.
    private NtfsStream OpenMft(NtfsFileRecord record)
    {
        if (!record.IsInUse || record.IsExtension || record.Find(NtfsAttributeType.Data) is not { IsNonResident: true } first)
            throw new FileSystemFormatException("NTFS: the master file table has no content");
        var runs = new List<NtfsRun>();
        NtfsRunList.Append(runs, first, Geometry);
        if (runs.Count == 0 || runs[0].Lcn != Geometry.MftCluster)
            throw new FileSystemFormatException("NTFS: the master file table does not begin where the boot sector says");
        if (record.Find(NtfsAttributeType.AttributeList) is { } list)
        {
            foreach (ListEntry entry in ReadAttributeList(list))
            {
                if (entry.Type != NtfsAttributeType.Data || entry.Name.Length != 0 || entry.LowestVcn == 0)
                    continue;
                var known = new NtfsStream(_volume, Geometry.ClusterSizeBytes, first, runs, isPartial: true);
                NtfsRunList.Append(runs, FindExtent(ReadExtentRecord(known, record, MftRecord, entry), entry), Geometry);
            }
        }
        return new NtfsStream(_volume, Geometry.ClusterSizeBytes, first, runs);
    }

    private NtfsFileRecord ReadExtentRecord(NtfsStream mft, NtfsFileRecord baseRecord, long baseNumber, ListEntry entry)
    {
        if (entry.Reference.Number == baseNumber)
            return baseRecord;
        NtfsFileRecord record = ReadTableRecord(mft, entry.Reference.Number);
        if (!record.IsInUse || !record.IsExtension || record.BaseRecord != baseNumber
            || record.SequenceNumber != entry.Reference.Sequence)
        {
            throw new FileSystemFormatException($"NTFS: file record {entry.Reference.Number} does not extend record {baseNumber}");
        }
        return record;
    }

    private static NtfsAttribute FindExtent(NtfsFileRecord record, ListEntry entry)
    {
        foreach (NtfsAttribute attribute in record.Attributes())
        {
            if (attribute.Type == entry.Type && attribute.HasName(entry.Name)
                && (attribute.IsNonResident ? attribute.LowestVcn : 0) == entry.LowestVcn)
            {
                return attribute;
            }
        }
        throw new FileSystemFormatException("NTFS: an attribute list names an extent that is not there");
    }

    private List<ListEntry> ReadAttributeList(NtfsAttribute list)
    {
        NtfsStream stream = OpenStream([list]);
        if (stream.DataSizeBytes > MaxAttributeListBytes)
            throw new FileSystemFormatException("NTFS: an attribute list is too long");
        var bytes = new byte[(int)stream.DataSizeBytes];
        stream.Read(0, bytes);

        var entries = new List<ListEntry>();
        int offset = 0;
        while (offset + AttributeListEntryBytes <= bytes.Length)
        {
            ReadOnlySpan<byte> entry = bytes.AsSpan(offset);
            int length = LittleEndian.UInt16(entry, 4);
            if (length < AttributeListEntryBytes || length > entry.Length)
                throw new FileSystemFormatException("NTFS: an attribute list is damaged");
            entry = entry.Slice(0, length);
            ReadOnlySpan<byte> name = StructureBounds.Field(entry, LittleEndian.UInt8(entry, 7), LittleEndian.UInt8(entry, 6) * 2);
            entries.Add(new ListEntry(
                (NtfsAttributeType)LittleEndian.UInt32(entry, 0),
                Encoding.Unicode.GetString(name.ToArray()),
                LittleEndian.Int63(entry, 8),
                new NtfsFileReference(LittleEndian.UInt64(entry, 0x10))));
            offset += length;
        }
        return entries;
    }
}
