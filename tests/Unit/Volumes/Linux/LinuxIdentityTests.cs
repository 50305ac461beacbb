using ImageBackup.Engine.Volumes.Linux;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public class LinuxIdentityTests
{
    private const string Lv = "0123456789abcdefghijABCDEFGHIJ01" + "zyxwvutsrqponmlkjihgfedcba987654";

    [Theory]
    [InlineData("LVM-" + Lv, "logical volume " + Lv)]
    [InlineData("LVM-" + Lv + "-real", "device LVM-" + Lv + "-real")]
    [InlineData("CRYPT-LUKS2-0123456789abcdef0123456789abcdef-secret name", "device CRYPT-LUKS2-0123456789abcdef0123456789abcdef")]
    [InlineData("CRYPT-LUKS1-0123456789abcdef0123456789abcdef-a-b", "device CRYPT-LUKS1-0123456789abcdef0123456789abcdef")]
    [InlineData("CRYPT-PLAIN-name", null)]
    [InlineData("CRYPT-TEMP-name", null)]
    [InlineData("CRYPT-", null)]
    [InlineData("mpath-3600508b400105e210000900000490000", "device mpath-3600508b400105e210000900000490000")]
    public void The_device_mapper_s_uuid(string uuid, string? fact) => Assert.Equal(fact, LinuxIdentity.OfMapper(uuid)?.ToString());

    [Theory]
    [InlineData("naa.5000c500a1b2c3d4", true)]
    [InlineData("eui.0025385b71b0a1b2", true)]
    [InlineData("S3Z8NB0K123", true)]
    [InlineData("t10.ATA     QEMU HARDDISK                           QM00001", false)] // numbered by the slot
    [InlineData("0QEMU_QEMU_HARDDISK_drive-scsi0", false)]
    [InlineData("0000000000000", false)]
    [InlineData("000-000 000", false)]
    [InlineData("0123456789ABCDEF", false)]
    [InlineData("abc", false)]
    [InlineData("", false)]
    public void Serials_that_many_disks_have_are_no_identity(string id, bool isUsable) => Assert.Equal(isUsable, LinuxIdentity.IsUsable(id));
}
