using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Windows.InUse;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Windows;

public sealed class VolumeUsersTests
{
    [Fact]
    public void Files_nearest_to_the_root_are_asked_about_and_links_are_not_followed()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory["a/b/c"]);
        foreach (string file in new[] { "1", "a/2", "a/b/3", "a/b/c/4" })
            File.WriteAllText(directory[file], "");
        Directory.CreateSymbolicLink(directory["link"], directory["a"]);
        Assert.Equal(["1", "2", "3", "4"], VolumeUsers.Files(directory.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void What_cannot_be_listed_is_passed_over() => Assert.Empty(VolumeUsers.Files("/there/is/no/such/folder"));

    [Fact]
    public void Nothing_is_asked_of_a_volume_without_a_mount_point() => Assert.Empty(VolumeUsers.Of([]));
}
