using CsCheck;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Windows;

public class WindowsVolumeNameTests
{
    private const string Letters = "\\\\\\??.::/{}-aCdVolume0123456789 \0";
    private const string Guid = "0A1b2C3d-1111-2222-3333-444455556666";

    [Theory]
    [InlineData("d")]
    [InlineData("D")]
    [InlineData("d:")]
    [InlineData(@"d:\")]
    [InlineData("D:/")]
    [InlineData(@"\\.\d:")]
    [InlineData(@"\\?\D:")]
    [InlineData(@"\\?\D:\")]
    [InlineData(@"\??\D:")]
    public void Drives(string name) => Is(name, WindowsNameKind.Letter, "D:");

    [Theory]
    [InlineData(@"\\?\Volume{" + Guid + @"}\")]
    [InlineData(@"\\?\Volume{" + Guid + "}")]
    [InlineData(@"\\.\volume{" + Guid + "}")]
    [InlineData(@"\??\VOLUME{" + Guid + "}")]
    public void Guids(string name) => Is(name, WindowsNameKind.VolumeGuid, @"\\?\Volume{0a1b2c3d-1111-2222-3333-444455556666}\");

    [Theory]
    [InlineData(@"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy12\", @"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy12")]
    [InlineData(@"\\.\HarddiskVolume3", @"\\.\HarddiskVolume3")]
    public void Devices(string name, string value) => Is(name, WindowsNameKind.Device, value);

    [Theory]
    [InlineData(@"D:\folder")]
    [InlineData("D:image")]
    [InlineData("image.img")]
    [InlineData("1:")]
    [InlineData("ä")]
    [InlineData("7")]
    [InlineData(@"\\server\share\image")]
    [InlineData(@"\\?\UNC\server\share\image")]
    [InlineData(@"\\?\C:\folder\image")]
    [InlineData(@"\\?\Volume{" + Guid + @"}\file")]
    [InlineData(@"\\?\Volume{not-a-guid}\")]
    [InlineData(@"\\?\")]
    public void Paths(string name) => Is(name, WindowsNameKind.Path, name);

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("D:\0")]
    public void Nothing(string name) => Assert.Null(WindowsVolumeName.Parse(name));

    [Fact]
    public void Any_text_is_sorted_without_an_exception_and_what_is_sorted_stays_so() =>
        Gen.String[Gen.Int[0, Letters.Length - 1].Select(i => Letters[i]), 0, 60].Sample(text =>
        {
            if (WindowsVolumeName.Parse(text) is { } name)
                Assert.Equal(name, WindowsVolumeName.Parse(name.Value));
        });

    [Fact]
    public void A_letter_s_device_is_the_volume_and_not_its_root() => Assert.Equal(@"\\.\D:", WindowsVolumeName.LetterDevice("D:"));

    [Fact]
    public void Lists_of_texts_end_where_they_end()
    {
        Assert.Equal([@"C:\", @"D:\mnt\"], NativeText.ReadMany("C:\\\0D:\\mnt\\\0\0junk".ToCharArray()));
        Assert.Equal(["no end"], NativeText.ReadMany("no end".ToCharArray()));
        Assert.Empty(NativeText.ReadMany("\0x".ToCharArray()));
        Assert.Equal("abc", NativeText.Read("abc\0def".ToCharArray()));
    }

    private static void Is(string name, WindowsNameKind kind, string value) =>
        Assert.Equal(new WindowsVolumeName(kind, value), WindowsVolumeName.Parse(name));
}
