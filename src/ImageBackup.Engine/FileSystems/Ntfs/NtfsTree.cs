using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>The directories and files of an NTFS volume. The volume's own files ($MFT and so on) are not shown.</summary>
internal sealed class NtfsTree : IFileTree, ISecuredFileTree
{
    /// <summary>The records before are the volume's own.</summary>
    private const long FirstListedRecord = 16;
    private const byte DosNamespace = 2;
    private const uint DirectoryAttribute = 0x10;
    private const uint DirectoryOfIndex = 0x10000000;
    private const uint VisibleAttributes = 0xFFFF;
    private const string EncryptedRefusal = "it is encrypted by EFS";
    private const int FirstBatchCount = 64;
    private const int MaxBatchCount = 8192;
    private const int MaxExtendedAttributesBytes = 64 << 10;

    private static readonly IReadOnlyList<FileTreeStream> s_noStreams = [];

    private readonly IBlockReader _volume;
    private readonly NtfsVolume _ntfs;
    private readonly NtfsUpcase _upcase;
    private readonly NtfsSecurity _security;
    private readonly ConcurrentDictionary<uint, string> _owners = new();

    /// <param name="volume">Files' content is read from it.</param>
    /// <param name="ntfs">Its structures.</param>
    /// <param name="upcase">Its letters.</param>
    /// <param name="notes">As <see cref="Notes"/>.</param>
    /// <exception cref="FileSystemFormatException">The root directory is damaged.</exception>
    public NtfsTree(IBlockReader volume, NtfsVolume ntfs, NtfsUpcase upcase, IReadOnlyList<string> notes)
    {
        _volume = volume;
        _ntfs = ntfs;
        _upcase = upcase;
        _security = new NtfsSecurity(ntfs);
        Notes = notes;
        NtfsFileRecord root = ntfs.ReadRecord(NtfsVolume.RootRecord);
        Root = Describe("", new NtfsFileReference((ulong)root.SequenceNumber << 48 | (ulong)NtfsVolume.RootRecord), root);
        if (Root.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException("NTFS: the root is not a directory");
    }

    public FileTreeEntry Root { get; }
    public IReadOnlyList<string> Notes { get; }
    public bool IgnoresCase => true;

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation)
    {
        using IEnumerator<NtfsDirectoryEntry> names = OpenIndex(directory).List(cancellation).GetEnumerator();
        var batch = new List<NtfsDirectoryEntry>();
        ExceptionDispatchInfo? failure = null;
        for (int size = FirstBatchCount; ; size = Math.Min(MaxBatchCount, size * 4))
        {
            batch.Clear();
            bool more = true;
            while (batch.Count < size && (more = TryNext(names, out failure)))
            {
                if (names.Current.Reference.Number >= FirstListedRecord)
                    batch.Add(names.Current);
            }
            foreach (FileTreeEntry entry in DescribeAll(batch, cancellation))
                yield return entry;
            // What came before it is good.
            failure?.Throw();
            if (!more)
                yield break;
        }
    }

    private static bool TryNext(IEnumerator<NtfsDirectoryEntry> names, out ExceptionDispatchInfo? failure)
    {
        try
        {
            failure = null;
            return names.MoveNext();
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
        {
            failure = ExceptionDispatchInfo.Capture(e);
            return false;
        }
    }

    /// <summary>Reads the records in the order in which they lie in the table: a directory's names are sorted otherwise, and each page is read once.</summary>
    private FileTreeEntry[] DescribeAll(List<NtfsDirectoryEntry> names, CancellationToken cancellation)
    {
        var order = new int[names.Count];
        var numbers = new long[names.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
            numbers[i] = names[i].Reference.Number;
        }
        Array.Sort(numbers, order);
        var entries = new FileTreeEntry[names.Count];
        foreach (int i in order)
        {
            cancellation.ThrowIfCancellationRequested();
            entries[i] = Describe(names[i]);
        }
        return entries;
    }

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation) =>
        OpenIndex(directory).Find(name, _upcase) is { Reference.Number: >= FirstListedRecord } entry ? Describe(entry) : null;

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        NtfsFileReference reference = Reference(file);
        NtfsFileRecord record = _ntfs.ReadRecord(reference);
        if (stream is not null)
            return OpenStream(record, reference.Number, stream) ?? throw new FileSystemFormatException($"NTFS: '{file.Name}' has no stream '{stream}'");
        if (file.Kind != FileTreeKind.File)
            throw new FileSystemFormatException($"NTFS: '{file.Name}' is not a file");
        if (file.Refusal is not null)
            throw new FileSystemFormatException($"NTFS: '{file.Name}' cannot be read: {file.Refusal}");
        if (ReadReparsePoint(record, reference.Number) is { IsCompressed: true } reparse)
        {
            (bool isLzx, int chunkBytes) = reparse.ReadCompression();
            ISparseBlockReader stored = OpenStream(record, reference.Number, NtfsWofData.StreamName)
                ?? throw new FileSystemFormatException($"NTFS: the compressed file '{file.Name}' has no content");
            return new NtfsWofData(stored, file.SizeBytes, isLzx, chunkBytes);
        }
        return OpenStream(record, reference.Number, "") ?? new InlineFileData(ReadOnlyMemory<byte>.Empty);
    }

    public string ReadLink(FileTreeEntry link)
    {
        NtfsFileReference reference = Reference(link);
        return link.Kind == FileTreeKind.SymbolicLink && ReadReparsePoint(_ntfs.ReadRecord(reference), reference.Number) is { } reparse
            ? reparse.ReadTarget()
            : throw new FileSystemFormatException($"NTFS: '{link.Name}' is not a link");
    }

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry)
    {
        NtfsFileReference reference = Reference(entry);
        NtfsFileRecord record = _ntfs.ReadRecord(reference);
        bool isCompressed = ReadReparsePoint(record, reference.Number) is { IsCompressed: true };
        var streams = new List<FileTreeStream>();
        foreach (NtfsAttribute attribute in _ntfs.ReadAttributes(record, reference.Number))
        {
            if (attribute.Type == NtfsAttributeType.Data && attribute.Name is { Length: > 0 } name && !(isCompressed && name == NtfsWofData.StreamName))
                streams.Add(new FileTreeStream(name, attribute.ContentBytes));
        }
        return streams;
    }

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry)
    {
        NtfsFileReference reference = Reference(entry);
        return ReadExtendedAttributes(_ntfs.ReadRecord(reference), reference.Number);
    }

    private List<FileTreeAttribute> ReadExtendedAttributes(NtfsFileRecord record, long number)
    {
        byte[]? bytes = ReadValue(record, number, NtfsAttributeType.ExtendedAttributes, MaxExtendedAttributesBytes);
        var attributes = new List<FileTreeAttribute>();
        // A list of FILE_FULL_EA_INFORMATION ("MS-FSCC", section 2.4.15).
        for (int at = 0; bytes is not null && at <= bytes.Length - 8;)
        {
            ReadOnlySpan<byte> attribute = bytes.AsSpan(at);
            uint next = LittleEndian.UInt32(attribute, 0);
            int nameLength = LittleEndian.UInt8(attribute, 5);
            int valueLength = LittleEndian.UInt16(attribute, 6);
            string name = UnixFileName.Decode(StructureBounds.Field(attribute, 8, nameLength));
            if (name.Length > 0)
                attributes.Add(new FileTreeAttribute(name, StructureBounds.Field(attribute, 9 + nameLength, valueLength).ToArray()));
            if (next < 8 || next > (uint)attribute.Length)
                break;
            at += (int)next;
        }
        return attributes;
    }

    private static NtfsFileReference Reference(FileTreeEntry entry) =>
        entry.Handle is NtfsFileReference reference ? reference : throw new ArgumentException("The entry is not of this tree.", nameof(entry));

    private NtfsIndex OpenIndex(FileTreeEntry directory)
    {
        NtfsFileReference reference = Reference(directory);
        if (directory.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException($"NTFS: '{directory.Name}' is not a directory");
        return NtfsIndex.Open(_ntfs, _ntfs.ReadRecord(reference), reference.Number);
    }

    // A file whose record is damaged is shown by what the directory repeats of it.
    private FileTreeEntry Describe(NtfsDirectoryEntry entry)
    {
        try
        {
            return Describe(entry.Name, entry.Reference, _ntfs.ReadRecord(entry.Reference));
        }
        catch (FileSystemFormatException e)
        {
            bool isDirectory = (entry.Attributes & DirectoryOfIndex) != 0;
            return new FileTreeEntry
            {
                Name = entry.Name,
                Kind = isDirectory ? FileTreeKind.Directory : FileTreeKind.File,
                FileId = (ulong)entry.Reference.Number,
                SizeBytes = isDirectory ? 0 : (long)Math.Min(entry.SizeBytes, long.MaxValue),
                Attributes = (FileAttributesOfWindows)(entry.Attributes & VisibleAttributes) | (isDirectory ? FileAttributesOfWindows.Directory : 0),
                Refusal = $"its record is damaged ({e.Message})",
                Handle = entry.Reference,
            };
        }
    }

    private FileTreeEntry Describe(string name, NtfsFileReference reference, NtfsFileRecord record)
    {
        NtfsAttribute? information = null;
        NtfsAttribute? content = null;
        bool isReparsePoint = false;
        int linkCount = 0;
        List<FileTreeStream>? streams = null;
        NtfsAttribute? security = null;
        foreach (NtfsAttribute attribute in _ntfs.ReadAttributes(record, reference.Number))
        {
            switch (attribute.Type)
            {
                case NtfsAttributeType.StandardInformation:
                    information ??= attribute;
                    break;
                case NtfsAttributeType.FileName:
                    if (LittleEndian.UInt8(attribute.Value.Span, 0x41) != DosNamespace)
                        linkCount++;
                    break;
                case NtfsAttributeType.Data when attribute.HasName(""):
                    content ??= attribute;
                    break;
                case NtfsAttributeType.Data:
                    (streams ??= []).Add(new FileTreeStream(attribute.Name, attribute.ContentBytes));
                    break;
                case NtfsAttributeType.SecurityDescriptor when !attribute.IsNonResident:
                    security ??= attribute;
                    break;
                case NtfsAttributeType.ReparsePoint:
                    isReparsePoint = true;
                    break;
            }
        }
        if (information is null)
            throw new FileSystemFormatException($"NTFS: file record {reference.Number} has no times");
        ReadOnlySpan<byte> times = information.Value.Value.Span;
        uint attributes = LittleEndian.UInt32(times, 0x20) | (record.IsDirectory ? DirectoryAttribute : 0);
        NtfsReparsePoint? reparse = isReparsePoint ? ReadReparsePoint(record, reference.Number) : null;
        FileTreeKind kind = reparse?.Kind(record.IsDirectory) ?? (record.IsDirectory ? FileTreeKind.Directory : FileTreeKind.File);
        bool isFile = kind == FileTreeKind.File;
        if (reparse is { IsCompressed: true })
            streams?.RemoveAll(static stream => stream.Name == NtfsWofData.StreamName);
        return new FileTreeEntry
        {
            Name = name,
            Kind = kind,
            FileId = (ulong)reference.Number,
            SizeBytes = isFile ? content?.ContentBytes ?? 0 : kind == FileTreeKind.SymbolicLink ? TargetBytes(reparse!) : 0,
            AllocatedBytes = isFile ? content is { IsNonResident: true } data ? data.AllocatedSizeBytes : 0 : null,
            LinkCount = Math.Max(1, linkCount),
            Created = FileTreeTime.FromFileTime(LittleEndian.UInt64(times, 0)),
            Modified = FileTreeTime.FromFileTime(LittleEndian.UInt64(times, 8)),
            Changed = FileTreeTime.FromFileTime(LittleEndian.UInt64(times, 0x10)),
            Accessed = FileTreeTime.FromFileTime(LittleEndian.UInt64(times, 0x18)),
            Attributes = (FileAttributesOfWindows)(attributes & VisibleAttributes),
            Device = kind is FileTreeKind.BlockDevice or FileTreeKind.CharacterDevice ? ReadDevice(record, reference.Number) : null,
            Streams = streams ?? s_noStreams,
            OwnerSid = ReadOwner(times, security),
            Refusal = !isFile ? null : content is { IsEncrypted: true } ? EncryptedRefusal : reparse?.Refusal(attributes),
            Handle = reference,
        };
    }

    private string? ReadOwner(ReadOnlySpan<byte> information, NtfsAttribute? own)
    {
        if (own is { } descriptor)
            return NtfsSecurity.Owner(descriptor.Value.Span);
        if (DescriptorNumber(information) is not { } number)
            return null;
        if (!_owners.TryGetValue(number, out string? owner))
        {
            owner = _security.Find(number) is { } shared ? NtfsSecurity.Owner(shared) ?? "" : "";
            _owners.TryAdd(number, owner);
        }
        return owner.Length > 0 ? owner : null;
    }

    /// <inheritdoc/>
    public byte[]? ReadSecurityDescriptor(FileTreeEntry entry)
    {
        NtfsFileReference reference = Reference(entry);
        NtfsFileRecord record = _ntfs.ReadRecord(reference);
        byte[]? descriptor = ReadValue(record, reference.Number, NtfsAttributeType.SecurityDescriptor, NtfsSecurity.MaxDescriptorBytes);
        if (descriptor is null)
        {
            byte[]? information = ReadValue(record, reference.Number, NtfsAttributeType.StandardInformation, NtfsSecurity.MaxDescriptorBytes);
            descriptor = information is not null && DescriptorNumber(information) is { } number ? _security.Find(number) : null;
        }
        return descriptor is null || NtfsSecurity.IsWhole(descriptor) ? descriptor
            : throw new FileSystemFormatException($"NTFS: the security descriptor of '{entry.Name}' is damaged");
    }

    // A long $STANDARD_INFORMATION has the number of a descriptor that many files share.
    private static uint? DescriptorNumber(ReadOnlySpan<byte> information)
    {
        const int numberOffset = 0x34, longBytes = 0x48;
        return information.Length >= longBytes && LittleEndian.UInt32(information, numberOffset) is > 0 and var number ? number : null;
    }

    private static long TargetBytes(NtfsReparsePoint link)
    {
        try
        {
            return Encoding.UTF8.GetByteCount(link.ReadTarget());
        }
        catch (FileSystemFormatException)
        {
            return 0;
        }
    }

    // The Subsystem for Linux keeps the numbers of a device in an extended attribute.
    private (uint Major, uint Minor)? ReadDevice(NtfsFileRecord record, long number)
    {
        foreach (FileTreeAttribute attribute in ReadExtendedAttributes(record, number))
        {
            if (attribute is { Name: "$LXDEV", Value.Length: 8 })
                return (LittleEndian.UInt32(attribute.Value, 0), LittleEndian.UInt32(attribute.Value, 4));
        }
        return null;
    }

    private NtfsReparsePoint? ReadReparsePoint(NtfsFileRecord record, long number) =>
        ReadValue(record, number, NtfsAttributeType.ReparsePoint, NtfsReparsePoint.MaxLengthBytes) is { } bytes ? new NtfsReparsePoint(bytes) : null;

    private byte[]? ReadValue(NtfsFileRecord record, long number, NtfsAttributeType type, int maxBytes)
    {
        if (_ntfs.OpenStream(record, number, type) is not { } stream)
            return null;
        if (stream.DataSizeBytes > maxBytes)
            throw new FileSystemFormatException($"NTFS: an attribute of the type 0x{(uint)type:X} has {stream.DataSizeBytes} bytes");
        var bytes = new byte[(int)stream.DataSizeBytes];
        stream.Read(0, bytes);
        return bytes;
    }

    private ISparseBlockReader? OpenStream(NtfsFileRecord record, long number, string name)
    {
        if (_ntfs.OpenStream(record, number, NtfsAttributeType.Data, name) is not { } stream)
            return null;
        if (stream.IsEncrypted)
            throw new FileSystemFormatException($"NTFS: the content cannot be read: {EncryptedRefusal}");
        int clusterSize = _ntfs.Geometry.ClusterSizeBytes;
        if (stream.IsResident)
            return new InlineFileData(stream.ReadResident());
        if (stream.IsTransformed)
            return NtfsCompressedData.Open(_volume, stream, clusterSize);
        var extents = new List<FileExtent>();
        foreach (NtfsRun run in stream.Runs)
        {
            if (!run.IsHole)
                extents.Add(new FileExtent(run.Vcn * clusterSize, run.ClusterCount * clusterSize, run.Lcn * clusterSize));
        }
        return new ExtentFileData(_volume, stream.DataSizeBytes, stream.InitializedSizeBytes, extents);
    }
}
