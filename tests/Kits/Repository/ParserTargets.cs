using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;

namespace ImageBackup.Tests.Kits.Repository;

/// <summary>A parser of bytes from a repository or a policy file: seeds, and the reading. Documented refusals are false.</summary>
internal sealed record ParserTarget(string Name, IReadOnlyList<byte[]> Seeds, Func<byte[], bool> Read);

/// <summary>Every parser of the repository and policy layers, and the whole road behind the seal.</summary>
internal static class ParserTargets
{
    private static readonly BlobId s_id = BlobId.Of("x"u8), s_other = BlobId.Of("y"u8);

    private static readonly Lazy<(MemoryStorage Storage, byte[] Snapshot)> s_repository = new(() =>
    {
        MemoryStorage storage = TestRepository.NewStorage();
        var volumes = new VolumeDouble();
        volumes.Add("/mem/a", SeededBytes.Make(5, 200_000));
        using ImageRepository repository = TestRepository.Open(storage);
        repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1) };
        string id = new BackupJob(repository, volumes).Run(new BackupRequest { Volume = volumes.Find("/mem/a"), ChunkSizeBytes = 64 << 10, ThrottleLimit = 1 }, null, CancellationToken.None).Id;
        return (storage, repository.Files.LoadSealed(StoredKind.Snapshot, id, repository.Sealers));
    });

    public static IReadOnlyList<ParserTarget> All { get; } =
    [
        new("config", [RepositoryConfig.Create().Write()], Refusing(b => RepositoryConfig.Read(b))),
        new("key", [Key()], Refusing(b => KeyFile.Read(b))),
        new("lock", [LockFile.ForThisProcess(true, DateTimeOffset.UnixEpoch).Write()], Refusing(b => LockFile.Read(b).IsStale(DateTimeOffset.Now))),
        new("index", [Index(1), Index(40), "[]"u8.ToArray()], Refusing(b => IndexFile.Read(b, _ => { }))),
        new("snapshot", [Snapshot().Write()], Refusing(b => SnapshotRecord.Read(b))),
        new("tree", [Tree(1), Tree(50), Encoding.UTF8.GetBytes(HostileNames)], Refusing(b => TreeFile.Read(b))),
        new("pack-header", [Header(1), Header(20)], Refusing(b => PackHeader.Read(b, 350))),
        new("used.ranges", [Ranges(1), Ranges(300)], Refusing(b => UsedRangesFile.Read(b))),
        new("chunk.tags", [ChunkTagsFile.Write(new ChunkTagsFile.Header(1 << 20, 4097, new byte[32]))], Refusing(ReadTags)),
        new("image.json", [ImageMetadataJson.Write(Metadata())], ReadMetadata),
        new("zstd", [Compressed(3000), Compressed(0), Compressed(200_000)], b => Zstd.Decompress(b, 0, 1 << 20) is not null),
        new("zstd-blob", [Compressed(3000), Compressed(0), Compressed(200_000)], ReadBlob),
        new("rules", [Encoding.UTF8.GetBytes(Rules), "\uFEFFexclude.image /dev/*\r\n"u8.ToArray()], b => ReadRules(b, RuleDialect.RuleList)),
        new("options-file", [Encoding.UTF8.GetBytes("servername a\n nodename b\n" + Rules)], b => ReadRules(b, RuleDialect.OptionsFile)),
        new("classes", ["{\"schema\":1,\"default\":\"a\",\"classes\":[{\"name\":\"a\",\"versionsExist\":2,\"retainExtra\":\"NoLimit\"}]}"u8.ToArray()], ReadClasses),
        new("sealed-index", [Index(3)], b => ReadBehindSeal(StoredKind.Index, b)),
        new("sealed-snapshot", [RepositorySnapshot()], b => ReadBehindSeal(StoredKind.Snapshot, b)),
    ];

    /// <summary>What a header promises is bounded before anything is read by it.</summary>
    private static void ReadTags(byte[] bytes)
    {
        ChunkTagsFile.Header header = ChunkTagsFile.ReadHeader(bytes);
        if (header.FileBytes < ChunkTagsFile.HeaderBytes || header.PartCount < 0 || header.ChunkCount > 0 && header.PartBytes(header.PartCount - 1) <= 0)
            throw new InvalidOperationException("A header with impossible parts was taken.");
    }

    /// <summary>Into exactly as many bytes as an index promised: here, those of the seeds.</summary>
    private static bool ReadBlob(byte[] frame)
    {
        using var zstd = new Zstd();
        return new[] { 3000, 0, 200_000 }.Any(lengthBytes => zstd.TryDecompress(frame, new byte[lengthBytes]));
    }

    private const string HostileNames = "{\"nodes\":[{\"name\":\"../../etc/passwd\",\"type\":\"file\",\"content\":[]},{\"name\":\"\",\"type\":\"dir\",\"subtree\":null},{\"name\":\"/\\u0000\",\"type\":\"symlink\",\"linktarget\":\"/\"}]}";

    private const string Rules = "* a list\ninclude.image /dev/sd* daily imagetype=static gapsize=0\nexclude.image \"/mnt/a b\"\ndomain.image /home /var\ninclude.image [a-c]:\\* MC\n";

    private static byte[] RepositorySnapshot() => s_repository.Value.Snapshot;

    /// <summary>
    /// An attacker who has the key: the bytes lie in the repository, rightly sealed and named, and everything that reads it
    /// runs. Nothing but the documented exception may come of it.
    /// </summary>
    private static bool ReadBehindSeal(StoredKind kind, byte[] plain)
    {
        if (plain.Length == 0 || plain[0] is not ((byte)'{' or (byte)'['))
            return false;
        MemoryStorage storage = s_repository.Value.Storage.Clone();
        using ImageRepository repository = TestRepository.Open(storage);
        repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.Zero };
        string name = repository.Files.SaveSealed(kind, plain, 2, repository.Sealers);
        bool isRead = true;
        Try(() => isRead = repository.Check(readData: false, null, CancellationToken.None).IsHealthy);
        Try(() => new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None));
        Try(() => repository.Repair(new RepositoryRepairOptions { IsPlan = true }, null, CancellationToken.None));
        string image = kind == StoredKind.Snapshot ? name : storage.Names(StoredKind.Snapshot)[0];
        var volumes = new VolumeDouble();
        volumes.Add("/mem/t", new byte[300_000]);
        Try(() => new RestoreJob(repository, volumes).Run(new RestoreRequest { ImageId = image, Destination = "/mem/t", SkipCorrupt = true, ThrottleLimit = 1 }, null, CancellationToken.None));
        return isRead;
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (ImageBackupException)
        {
        }
    }

    private static Func<byte[], bool> Refusing(Action<byte[]> read) => bytes =>
    {
        try
        {
            read(bytes);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    };

    private static bool ReadRules(byte[] bytes, RuleDialect dialect)
    {
        try
        {
            // No file that the text names is opened: what is parsed stays text.
            RuleDocument.Parse(RuleText.Decode(bytes, "rules"), "rules", new RuleParseOptions { Dialect = dialect, IsEnforced = true });
            return true;
        }
        catch (ImageBackupException)
        {
            return false;
        }
    }

    private static bool ReadClasses(byte[] bytes)
    {
        try
        {
            ManagementClassDocument.Read(bytes, "classes", isEnforced: false);
            return true;
        }
        catch (ImageBackupException)
        {
            return false;
        }
    }

    private static bool ReadMetadata(byte[] bytes) => ImageMetadataJson.Read(bytes) is { } metadata
        && ImageInfoBuilder.Build(s_id.ToString(), Snapshot(), metadata, "x").Warnings.All(w => w.Length >= 0)
        && ImageMetadataJson.WriteSummary(metadata).Length > 0;

    private static byte[] Key()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        return storage.Content(StoredKind.Key, storage.Names(StoredKind.Key)[0]);
    }

    private static SnapshotRecord Snapshot() => new()
    {
        Time = DateTimeOffset.UnixEpoch, Tree = s_id, Paths = ["/dev/sda1"], HostName = "h", UserName = "u", UserId = 3, Tags = ["imagebackup", "b"],
        Summary = ImageMetadataJson.WriteSummary(Metadata()),
    };

    private static ImageMetadata Metadata() => new()
    {
        VolumeName = "/dev/sda1", SizeBytes = 1 << 20, Start = DateTimeOffset.UnixEpoch, End = DateTimeOffset.UnixEpoch, ChunkSizeBytes = 65536, Warnings = ["x"],
        ReadErrors = [new ByteRange(1, 2)], ImageType = ImageType.Static, MountPoints = ["/mnt"], Omitted = [new OmittedContent { Path = "\\pagefile.sys", SizeBytes = 5, Reason = "paging" }],
    };

    private static byte[] Index(int count) => IndexFile.Write(
        [.. Enumerable.Range(0, count).Select(i => new IndexedPack(BlobId.Of(BitConverter.GetBytes(i)), [new PackEntry(s_id, BlobType.Tree, 0, 100, 7), new PackEntry(s_other, BlobType.Data, 100, 40, 0)]))],
        [s_id.ToString()]);

    private static byte[] Tree(int count) => TreeBytes.Of(
        new() { Name = "image.json", Type = "file", SizeBytes = 5, Content = [s_id] },
        new() { Name = "volume.img", Type = "file", SizeBytes = 1L << 40, Content = [.. Enumerable.Repeat(s_other, count)] }
    );

    private static byte[] Header(int count) => PackHeader.Write(
        [.. Enumerable.Range(0, count).Select(i => new PackEntry(s_id, i % 2 == 0 ? BlobType.Data : BlobType.Tree, (uint)i * 50, 50, i % 3 == 0 ? 900u : 0))]);

    private static byte[] Ranges(int count) => UsedRangesFile.Write(new UsedRanges([.. Enumerable.Range(0, count).Select(i => new ByteRange(i * 8192L, 4096))], 1L << 40));

    private static byte[] Compressed(int lengthBytes)
    {
        using var zstd = new Zstd();
        byte[] content = [.. SeededBytes.Make(1, lengthBytes / 2), .. new byte[lengthBytes]];
        byte[] target = new byte[Zstd.Bound(content.Length)];
        return target[..zstd.Compress(content, target)];
    }
}
