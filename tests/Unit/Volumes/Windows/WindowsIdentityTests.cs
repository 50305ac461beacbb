using System;
using System.Buffers.Binary;
using System.Text;
using ImageBackup.Engine.Volumes.Windows;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Windows;

public class WindowsIdentityTests
{
    private static readonly Guid s_disk = new("aaaaaaaa-1111-2222-3333-444444444444");
    private static readonly Guid s_partition = new("bbbbbbbb-1111-2222-3333-444444444444");
    private static readonly Guid s_type = new("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");

    /// <summary>Answers as a volume and its disk do.</summary>
    private sealed class Driver(bool isGpt, uint signature = 0x0BADCAFE) : IVolumeControl
    {
        public bool Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returnedBytes, out int error)
        {
            error = 0;
            output.Clear();
            BinaryPrimitives.WriteInt32LittleEndian(output, isGpt ? 1 : 0);
            switch (code)
            {
                case 0x70048: // IOCTL_DISK_GET_PARTITION_INFO_EX
                    returnedBytes = 144;
                    BinaryPrimitives.WriteInt64LittleEndian(output.Slice(8), 1 << 20);
                    if (isGpt)
                    {
                        s_type.TryWriteBytes(output.Slice(32));
                        s_partition.TryWriteBytes(output.Slice(48));
                        Encoding.Unicode.GetBytes("Basic data", output.Slice(72));
                    }
                    else
                    {
                        output[32] = 7;
                    }
                    return true;
                case 0x70050: // IOCTL_DISK_GET_DRIVE_LAYOUT_EX
                    returnedBytes = 48 + 144;
                    if (isGpt)
                        s_disk.TryWriteBytes(output.Slice(8));
                    else
                        BinaryPrimitives.WriteUInt32LittleEndian(output.Slice(8), signature);
                    return true;
                case 0x2D1080: // IOCTL_STORAGE_GET_DEVICE_NUMBER
                    returnedBytes = 12;
                    BinaryPrimitives.WriteInt32LittleEndian(output, 7);
                    BinaryPrimitives.WriteInt32LittleEndian(output.Slice(4), 3);
                    return true;
                default:
                    returnedBytes = 0;
                    error = 50;
                    return false;
            }
        }
    }

    [Fact]
    public void A_gpt_partition()
    {
        var driver = new Driver(isGpt: true);
        WindowsPartition partition = WindowsPartition.Of(driver)!;
        Assert.Equal(new WindowsPartition(true, 1 << 20, $"{s_partition}", $"{s_type}", "Basic data"), partition);
        Assert.Equal(3u, WindowsPartition.DiskNumberOf(driver));
        VolumeIdentity identity = WindowsIdentity.Of(@"\\?\Volume{CCCCCCCC-1111-2222-3333-444444444444}\", partition, WindowsPartition.DiskIdOf(driver));
        Assert.Equal($"GPT partition {s_disk}/{s_partition}, volume GUID cccccccc-1111-2222-3333-444444444444", identity.ToString());
    }

    [Fact]
    public void An_mbr_partition()
    {
        var driver = new Driver(isGpt: false);
        WindowsPartition partition = WindowsPartition.Of(driver)!;
        Assert.Equal(new WindowsPartition(false, 1 << 20, null, "0x7", null), partition);
        Assert.Equal("MBR partition 0badcafe@1048576", WindowsIdentity.Of(@"E:\", partition, WindowsPartition.DiskIdOf(driver)).ToString());
        Assert.Null(WindowsPartition.DiskIdOf(new Driver(isGpt: false, signature: 0)));
    }

    /// <summary>Wine makes a volume's GUID of its letter: it would be the same for whatever gets the letter.</summary>
    [Theory]
    [InlineData(@"\\?\Volume{00000000-0000-0000-0000-000000000058}\", false)]
    [InlineData(@"\\?\Volume{12345678-0000-0000-0000-000000000058}\", true)]
    [InlineData(@"\\?\Volume{nonsense}\", false)]
    [InlineData(@"\\?\Volume{12345678-0000-0000-0000-000000000058", false)]
    [InlineData(@"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\", false)]
    [InlineData(@"D:\", false)]
    public void A_volume_s_guid(string name, bool isFact) => Assert.Equal(isFact, WindowsIdentity.OfVolumeName(name) is not null);
}
