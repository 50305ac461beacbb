using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>What a snapshot provider gives to be kept (VSS: the components document, the writers' metadata) lies in a folder of the image.</summary>
public sealed class SnapshotDocumentTests : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void They_lie_in_a_folder_that_restic_reads_and_the_image_restores()
    {
        string volume = _rig.Volume("a.img", 1);
        using ImageRepository repository = _rig.Create("repo");
        byte[] large = new byte[5 << 20];
        Array.Fill(large, (byte)'x');
        var provider = new Documented(
            [new SnapshotDocument("writer-b.xml", large), new SnapshotDocument("components.xml", Encoding.UTF8.GetBytes("<BACKUP_COMPONENTS/>"))]);
        ImageBackupInfo image = new BackupJob(repository, VolumeSystem.Current, new SnapshotProviders([provider]), EventLog.Silent).Run(
            new BackupRequest { Volume = VolumeSystem.Current.Find(volume), ImageType = ImageType.Snapshot, GapSizeBytes = 0 }, null, CancellationToken.None);
        Assert.Equal((ImageType.Snapshot, true), (image.ImageType, provider.IsCompleted));

        Assert.Contains("no errors were found", ResticTool.Run(_rig["repo"], "check", "--read-data"), StringComparison.Ordinal);
        Assert.Equal("<BACKUP_COMPONENTS/>", ResticTool.Run(_rig["repo"], "dump", "latest", "/vss/components.xml").Trim());
        ResticTool.Run(_rig["repo"], "restore", image.Id, "--target", _rig["by-restic"]);
        Assert.Equal(large, File.ReadAllBytes(_rig["by-restic/vss/writer-b.xml"]));
        Assert.Equal(["image.json", "used.ranges", "volume.img"], Directory.GetFiles(_rig["by-restic"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        _rig.AssertRestores(repository, image.Id, volume);
    }

    /// <summary>Its copy is the volume itself, which nobody changes here.</summary>
    private sealed class Documented(IReadOnlyList<SnapshotDocument> documents) : ISnapshotProvider
    {
        public bool IsCompleted { get; private set; }
        public string Name => "VSS";
        public string Description => "a double";
        public int Preference => 10;
        public bool TakesSets => false;

        public SnapshotSupport CheckMachine(SnapshotOptions options) => SnapshotSupport.Usable;
        public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options) => SnapshotSupport.Usable;

        public ISnapshotSet Create(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation) =>
            new Set(this, volumes[0], documents);

        public IReadOnlyList<OrphanSnapshot> FindOrphans() => [];
        public void Remove(OrphanSnapshot leftover, Action<string> log) => throw new NotSupportedException();

        private sealed class Set(Documented owner, VolumeDescription volume, IReadOnlyList<SnapshotDocument> documents) : ISnapshotSet, ISnapshot
        {
            public string ProviderName => owner.Name;
            public DateTimeOffset Time { get; } = DateTimeOffset.Now;
            public IReadOnlyList<ISnapshot> Snapshots => [this];
            public IReadOnlyList<SnapshotDocument> Documents => documents;
            public IReadOnlyList<string> Warnings => [];
            public VolumeDescription Volume => volume;
            public string DevicePath => volume.DevicePath;

            public IBlockReader OpenRead() => VolumeSystem.Current.OpenRead(volume, VolumeOpenMode.Probe);
            public SnapshotState QueryState() => new() { IsValid = true };

            public IReadOnlyList<string> Complete(bool succeeded)
            {
                owner.IsCompleted = succeeded;
                return [];
            }

            public void Dispose()
            {
            }
        }
    }
}
