using System;
using System.Linq;
using CsCheck;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Identity;

/// <summary>The comparison table: which facts decide whether two identities are of one volume.</summary>
public class VolumeIdentityTests
{
    private static VolumeIdentity Parse(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        bool isDerived = words is ["old", ..];
        return VolumeIdentity.Of(words.Skip(isDerived ? 1 : 0).Select(word =>
        {
            string[] parts = word.Split('=', 2);
            return new IdentityFact(Enum.Parse<IdentityFactKind>(parts[0]), parts[1]);
        }), isDerived);
    }

    [Theory]
    // The place decides, whatever lies there.
    [InlineData("GptPartition=d/p FileSystem=u", "GptPartition=d/p FileSystem=u", IdentityVerdict.Same)]
    [InlineData("GptPartition=d/p FileSystem=u", "GptPartition=d/p FileSystem=v", IdentityVerdict.Same, true)]
    [InlineData("GptPartition=d/p FileSystem=u", "GptPartition=d/p", IdentityVerdict.Same, true)]
    [InlineData("GptPartition=d/p FileSystem=u", "GptPartition=d/q FileSystem=u", IdentityVerdict.Different)]
    [InlineData("GptPartition=d/p FileSystem=u", "GptPartition=e/p FileSystem=u", IdentityVerdict.Different)] // a clone whose disk got another GUID
    [InlineData("GptPartition=d/p", "GptPartition=/p", IdentityVerdict.Same)]
    [InlineData("MbrPartition=0badcafe@1048576 FileSystem=u", "MbrPartition=0badcafe@2097152 FileSystem=u", IdentityVerdict.Different)]
    [InlineData("MbrPartition=0badcafe@1048576", "MbrPartition=0badcafe@1048576", IdentityVerdict.Same)]
    [InlineData("LogicalVolume=a FileSystem=u", "LogicalVolume=b FileSystem=u", IdentityVerdict.Different)] // a snapshot's copy
    [InlineData("DeviceMapper=CRYPT-LUKS2-1", "DeviceMapper=CRYPT-LUKS2-1", IdentityVerdict.Same)]
    [InlineData("RaidArray=a", "RaidArray=b", IdentityVerdict.Different)]
    [InlineData("File=/a.img FileSystem=u", "File=/b.img FileSystem=u", IdentityVerdict.Different)]
    [InlineData(@"File=C:\A.img", @"File=c:\a.IMG", IdentityVerdict.Same)]
    [InlineData("File=/A.img", "File=/a.img", IdentityVerdict.Different)]
    [InlineData("WindowsVolume=1 FileSystem=u", "WindowsVolume=2 FileSystem=u", IdentityVerdict.Different)] // a letter that went to another disk
    [InlineData("GptDisk=a Hardware=w", "GptDisk=b Hardware=w", IdentityVerdict.Different)]
    [InlineData("MbrDisk=a Hardware=w", "MbrDisk=a Hardware=x", IdentityVerdict.Same)] // the disk was replaced by its copy
    // The strongest that both have decides.
    [InlineData("GptPartition=d/p WindowsVolume=1", "WindowsVolume=1", IdentityVerdict.Same)]
    [InlineData("GptPartition=d/p WindowsVolume=1", "GptPartition=d/q WindowsVolume=1", IdentityVerdict.Different)]
    // Content decides if neither has a place.
    [InlineData("FileSystem=u Hardware=w", "FileSystem=u Hardware=x", IdentityVerdict.Same)]
    [InlineData("FileSystem=u Hardware=w", "FileSystem=v Hardware=w", IdentityVerdict.Different)] // an emulated slot
    [InlineData("FileSystem=u", "FileSystem=v", IdentityVerdict.Different)]
    [InlineData("GptPartition=d/p FileSystem=u", "FileSystem=u", IdentityVerdict.CannotTell)] // the file system was copied to a bare disk
    [InlineData("GptPartition=d/p FileSystem=u", "MbrPartition=a@1 FileSystem=u", IdentityVerdict.CannotTell)]
    [InlineData("GptPartition=d/p FileSystem=u", "MbrPartition=a@1 FileSystem=v", IdentityVerdict.Different)]
    [InlineData("GptPartition=d/p", "MbrPartition=a@1", IdentityVerdict.CannotTell)]
    // Hardware decides if nothing else is.
    [InlineData("Hardware=w", "Hardware=w", IdentityVerdict.Same)]
    [InlineData("Hardware=w", "Hardware=x", IdentityVerdict.Different)]
    [InlineData("FileSystem=u Hardware=w", "Hardware=w", IdentityVerdict.Same)]
    [InlineData("GptDisk=a Hardware=w", "Hardware=w", IdentityVerdict.CannotTell)] // the table is gone
    [InlineData("", "", IdentityVerdict.CannotTell)]
    [InlineData("FileSystem=u", "", IdentityVerdict.CannotTell)]
    // Old images: what they did not record may be there all the same.
    [InlineData("old FileSystem=u", "LogicalVolume=a FileSystem=u", IdentityVerdict.Same)]
    [InlineData("old FileSystem=u", "LogicalVolume=a FileSystem=v", IdentityVerdict.Different)]
    [InlineData("old", "LogicalVolume=a FileSystem=v", IdentityVerdict.CannotTell)]
    [InlineData("old GptPartition=/p FileSystem=u", "GptPartition=d/p FileSystem=v", IdentityVerdict.Same, true)]
    [InlineData("old GptPartition=/p FileSystem=u", "GptPartition=d/q FileSystem=u", IdentityVerdict.Different)]
    [InlineData("old GptPartition=/p FileSystem=u", "FileSystem=u", IdentityVerdict.CannotTell)]
    [InlineData("old MbrPartition=0badcafe-02 FileSystem=u", "MbrPartition=0badcafe@1 FileSystem=u", IdentityVerdict.Same)]
    [InlineData("old MbrPartition=0badcafe-02 FileSystem=u", "MbrPartition=0badcafe@1 FileSystem=v", IdentityVerdict.Different)]
    [InlineData("old MbrPartition=0badcafe-02 FileSystem=u", "MbrPartition=0badcaff@1 FileSystem=u", IdentityVerdict.Different)]
    [InlineData("old MbrPartition=0badcafe-02", "MbrPartition=0badcafe@1", IdentityVerdict.CannotTell)]
    public void Table(string one, string other, Enum verdictValue, bool isContentChanged = false)
    {
        var verdict = (IdentityVerdict)verdictValue;
        VolumeIdentity a = Parse(one), b = Parse(other);
        IdentityComparison comparison = a.CompareTo(b), back = b.CompareTo(a);
        Assert.Equal((verdict, isContentChanged), (comparison.Verdict, comparison.IsContentChanged));
        Assert.Equal((verdict, isContentChanged), (back.Verdict, back.IsContentChanged));
        Assert.NotEmpty(comparison.Reason);
        if (verdict != IdentityVerdict.CannotTell)
            Assert.Equal((comparison.One, comparison.Other), (back.Other, back.One));
    }

    [Theory]
    [InlineData("GptPartition=d/p FileSystem=u Hardware=w", "/imagebackup-volume/gptPartition/d/p", "/imagebackup-volume/gptPartition/d/p/on/w")]
    [InlineData("Hardware=a b%", "/imagebackup-volume/hardware/a", null)]
    [InlineData("FileSystem=vfat:1234-abcd", "/imagebackup-volume/fileSystem/vfat:1234-abcd", null)]
    [InlineData("File=/srv/ä.img FileSystem=u", "/srv/ä.img", null)]
    [InlineData("", null, null)]
    public void Stable_name(string identity, string? name, string? ofClone)
    {
        VolumeIdentity parsed = identity.StartsWith("Hardware=a b", StringComparison.Ordinal)
            ? VolumeIdentity.Of([new IdentityFact(IdentityFactKind.Hardware, "a")])
            : Parse(identity);
        Assert.Equal((name, ofClone), (parsed.StableName, parsed.StableNameOfClone));
    }

    [Fact]
    public void What_a_path_cannot_have_is_escaped() => Assert.Equal("/imagebackup-volume/deviceMapper/a%20b%25%C3%BC%0A",
        VolumeIdentity.Of([new IdentityFact(IdentityFactKind.DeviceMapper, "a b%ü\n")]).StableName);

    [Theory]
    [InlineData("ext4", "0F0E0D0C-0000-4000-8000-000000000001", "0f0e0d0c-0000-4000-8000-000000000001")]
    [InlineData("ntfs", "0123456789ABCDEF", "0123456789abcdef")]
    [InlineData("vfat", "1234-ABCD", "vfat:1234-abcd")]
    [InlineData("vfat", "0000-0000", null)]
    [InlineData("ext4", "00000000-0000-0000-0000-000000000000", null)]
    [InlineData("ext4", null, null)]
    [InlineData(null, "", null)]
    public void A_file_system_s_id(string? type, string? uuid, string? value) =>
        Assert.Equal(value, VolumeIdentity.None.WithFileSystem(type, uuid).FileSystem?.Value);

    /// <summary>Reformatting changes content, and nothing else.</summary>
    [Fact]
    public void Content_is_replaced_and_the_strongest_comes_first()
    {
        VolumeIdentity volume = Parse("Hardware=w FileSystem=u GptPartition=d/p").WithFileSystem("ext4", "11111111-2222-3333-4444-555555555555");
        Assert.Equal(
            [IdentityFactKind.GptPartition, IdentityFactKind.FileSystem, IdentityFactKind.Hardware], volume.Facts.Select(fact => fact.Kind));
        Assert.Equal("11111111-2222-3333-4444-555555555555", volume.FileSystem!.Value);
        Assert.Null(volume.WithFileSystem("ext4", null).FileSystem);
    }

    [Fact]
    public void Comparing_any_two_is_the_same_both_ways()
    {
        Gen<VolumeIdentity> identity = Gen.Select(Gen.Enum<IdentityFactKind>(), Gen.Int[0, 5].Select(i => new[] { "a", "b", "a/b", "/b", "a@1", "a-01" }[i]))
            .Select((kind, value) => new IdentityFact(kind, value)).Array[0, 4].Select(Gen.Bool).Select((facts, isDerived) => VolumeIdentity.Of(facts, isDerived));
        Gen.Select(identity, identity).Sample((one, other) =>
            one.CompareTo(other).Verdict == other.CompareTo(one).Verdict && (one.Facts.Count == 0 || one.CompareTo(one).Verdict == IdentityVerdict.Same));
    }
}
