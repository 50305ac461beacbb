using System;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy.Options;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

public class BackupEffectTests
{
    private static readonly VolumeDescription s_plain = new()
    { Name = "/dev/x", DevicePath = "/dev/x", Kind = VolumeKind.BlockDevice, SizeBytes = 1 << 20 };

    private static readonly VolumeDescription s_mounted = s_plain with { MountPoints = ["/data", "/other"], MountedFileSystem = "ext4" };

    [Fact]
    public void Static_says_what_programs_notice()
    {
        Assert.Equal("no other program can mount or open it while it is copied", Of(s_plain, ImageType.Static));
        Assert.Equal("its file system is remounted read-only at /data, /other while it is copied: programs that write to it meanwhile get an error",
            Of(s_mounted, ImageType.Static));
        Assert.Equal("it is mounted read-only at /data, /other already and stays so", Of(s_mounted with { IsMountedReadOnly = true }, ImageType.Static));
        Assert.Equal("it is locked and dismounted while it is copied: programs that open its files meanwhile get an error",
            Of(s_mounted with { Kind = VolumeKind.WindowsVolume }, ImageType.Static));
    }

    [Fact]
    public void What_is_never_quiesced_is_not_said_to_be()
    {
        foreach (VolumeDescription volume in new[] { s_mounted with { IsSystem = true }, s_mounted with { MountedFileSystem = "fuseblk" } })
        {
            string text = Of(volume, ImageType.Static);
            Assert.Contains("cannot be quiesced", text, StringComparison.Ordinal);
            Assert.Contains("the backup will fail", text, StringComparison.Ordinal);
            Assert.DoesNotContain("remounted", text, StringComparison.Ordinal);
            Assert.Contains("may be fuzzy", Of(volume, ImageType.Static, SerializationMode.ShrDynamic), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_follows_when_it_cannot_be_had_is_said_too()
    {
        Assert.Contains("if it stays in use, programs go on writing to it while it is copied: the image may be fuzzy",
            Of(s_mounted, ImageType.Static, SerializationMode.ShrDynamic), StringComparison.Ordinal);
        Assert.DoesNotContain("remounted", Of(s_mounted, ImageType.Static, SerializationMode.Dynamic), StringComparison.Ordinal);
        string snapshot = Of(s_mounted, ImageType.Snapshot);
        Assert.StartsWith("programs go on writing to it while its snapshot is copied", snapshot, StringComparison.Ordinal);
        Assert.Contains("the image is Static, and then its file system is remounted read-only", snapshot, StringComparison.Ordinal);
        Assert.DoesNotContain("Static", BackupEffect.Describe(s_mounted, ImageType.Snapshot, QuiesceOptions.Default with { NoFailover = true }), StringComparison.Ordinal);
    }

    private static string Of(VolumeDescription volume, ImageType type, SerializationMode serialization = SerializationMode.ShrStatic) =>
        BackupEffect.Describe(volume, type, QuiesceOptions.Default with { Plan = QuiescePolicy.Of(serialization, 4) });
}
