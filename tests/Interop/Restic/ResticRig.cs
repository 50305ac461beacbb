using System;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Verify;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>A directory with repositories and plain files as volumes, through the machine's real volume system.</summary>
internal sealed class ResticRig : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public ResticRig() => ResticTool.Require();

    public string this[string name] => _directory[name];

    /// <summary>A volume with random, repeated, compressible and zero parts, a hole, and an odd end.</summary>
    public string Volume(string name, int seed, int lengthBytes = 9_437_184 + 12_345)
    {
        byte[] content = new byte[lengthBytes];
        SeededBytes.Make(seed, lengthBytes / 3).CopyTo(content, 0);
        SeededBytes.Make(seed, lengthBytes / 4).CopyTo(content, lengthBytes / 2);
        Array.Fill(content, (byte)seed, lengthBytes / 3, lengthBytes / 10);
        SeededBytes.Make(seed + 1, 777).CopyTo(content, lengthBytes - 777);
        string path = this[name];
        using (FileStream file = File.Create(path))
        {
            file.SetLength(lengthBytes);
            // The zeros in between stay a hole.
            file.Write(content, 0, lengthBytes * 3 / 4);
            file.Position = lengthBytes - 777;
            file.Write(content, lengthBytes - 777, 777);
        }
        return path;
    }

    public ImageRepository Create(string name) => TestRepository.Create(this[name]);

    /// <summary>Makes a repository with restic.</summary>
    public ImageRepository CreateByRestic(string name, int formatVersion = 2)
    {
        ResticTool.Run(this[name], "init", "--repository-version", $"{formatVersion}");
        return TestRepository.Open(this[name]);
    }

    public static ImageBackupInfo Backup(ImageRepository repository, string volume, int? chunkSize = 256 << 10, int? threadCount = null, ImageCompression compression = ImageCompression.Auto) =>
        new BackupJob(repository, VolumeSystem.Current).Run(
            new BackupRequest { Volume = VolumeSystem.Current.Find(volume), ChunkSizeBytes = chunkSize, GapSizeBytes = 0, ThrottleLimit = threadCount, Compression = compression }, null, CancellationToken.None);

    /// <summary>Restores to a new file and compares.</summary>
    public void AssertRestores(ImageRepository repository, string id, string expectedPath)
    {
        string path = this["out-" + Guid.NewGuid().ToString("N")];
        new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = id, Destination = path }, null, CancellationToken.None);
        AssertSame(expectedPath, path);
        Assert.True(new VerifyJob(repository).Run(id, null, CancellationToken.None).IsWhole);
        File.Delete(path);
    }

    public static void AssertSame(string expectedPath, string path) =>
        Assert.True(File.ReadAllBytes(expectedPath).AsSpan().SequenceEqual(File.ReadAllBytes(path)), $"{path} differs from {expectedPath}.");

    public static ImageBackupInfo[] List(ImageRepository repository) => new ImageCatalog(repository)
        .List(new ImageFilter { IncludeInactive = true }, e => Assert.Fail(e.ToString()), CancellationToken.None).ToArray();

    public void Dispose() => _directory.Dispose();
}
