using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Files;

/// <summary>The umask is the whole process's: nothing else runs beside these.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class UmaskTestGroup
{
    public const string Name = "umask";
}

/// <summary>The modes of what is made do not depend on the umask that the process was started with.</summary>
[Collection(UmaskTestGroup.Name)]
public sealed class UmaskTests : IDisposable
{
    private const int OwnerAlone = 0x180, DirectoryOfOwner = 0x1C0, DirectoryForAllToRead = 0x1ED;

    private readonly TemporaryDirectory _directory = new();

    public UmaskTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Modes of the UNIX kind.");

    public void Dispose() => _directory.Dispose();

    private static void Under(int umask, Action action)
    {
        int before = SetUmask(umask);
        try
        {
            action();
        }
        finally
        {
            _ = SetUmask(before);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0x3F)]
    public void Rules_can_be_read_by_all_and_written_by_their_owner(int umask)
    {
        string path = _directory["new/etc/image.rules"];
        Under(umask, () =>
        {
            RuleFile file = RuleFile.Load(path);
            file.Save(file.Document.Set(new RuleSpecification { Pattern = "/a", Kind = RuleKind.Include }));
        });
        Assert.Equal((FileModes.ReadableByAll, DirectoryForAllToRead), (FileModes.Of(path), ModeOfDirectory(path)));
        Assert.Single(RuleFile.Load(path).Document.Rules);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0x3F)]
    public void What_a_run_leaves_for_later_ones_is_the_users_alone(int umask)
    {
        string path = _directory["new/state/file"];
        Under(umask, () => Assert.Null(StateFile.TryWrite(path, "text")));
        Assert.Equal((OwnerAlone, DirectoryOfOwner), (FileModes.Of(path), ModeOfDirectory(path)));
        Assert.Equal("text", StateFile.TryRead(path, 100));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0x3F)]
    public void The_error_log_is_the_users_alone(int umask)
    {
        string path = _directory["new/log/error.log"];
        Under(umask, () =>
        {
            using var sink = new FileEventSink(path);
            // Turned over by size, the next file is one of ours too.
            for (int i = 0; i < 3; i++)
                sink.Write(new LoggedEvent(EventId.BackupFailed, DateTimeOffset.Now, new string('x', 3 << 20)));
        });
        string[] files = Directory.GetFiles(Path.GetDirectoryName(path)!);
        Assert.True(files.Length > 1, "The log was not turned over.");
        Assert.All(files, file => Assert.Equal(OwnerAlone, FileModes.Of(file)));
        Assert.Equal(DirectoryOfOwner, ModeOfDirectory(path));
    }

    [Fact]
    public void An_error_log_that_others_could_read_is_made_private()
    {
        string path = _directory["log/error.log"];
        Directory.CreateDirectory(_directory["log"]);
        File.WriteAllText(path, "old\n");
        FileModes.Set(path, 0x1B6);
        using (var sink = new FileEventSink(path))
            sink.Write(new LoggedEvent(EventId.BackupFailed, DateTimeOffset.Now, "new"));
        Assert.Equal(OwnerAlone, FileModes.Of(path));
        Assert.Equal(2, File.ReadAllLines(path).Length);
    }

    private static int ModeOfDirectory(string file) => OperatingSystem.IsWindows() ? 0 : (int)File.GetUnixFileMode(Path.GetDirectoryName(file)!);

    [DllImport("libc", EntryPoint = "umask")]
    private static extern int SetUmask(int mode);
}
