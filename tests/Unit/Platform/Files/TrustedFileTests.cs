using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Files;

/// <summary>
/// Files that tell root what to do: one that somebody else may have written, or may put another in the place of, is refused by
/// every reader of such files.
/// </summary>
public sealed class TrustedFileTests : IDisposable
{
    private const string Nobody = "65534:65534";
    private const string Rules = "include.image /a\n";

    private readonly TemporaryDirectory _directory = new();

    public TrustedFileTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Modes of the UNIX kind.");

    public void Dispose() => _directory.Dispose();

    public enum Harm
    {
        None,
        OthersMayWrite,
        GroupMayWrite,
        OfAnother,
        DirectoryOfAnother,
        OthersMayWriteDirectory,
        OthersMayWriteDirectoryAbove,
        OthersMayWriteStickyDirectory,
        LinkOfAnother,
        LinkIntoForeignDirectory,
    }

    /// <summary>A file with this content to which something was done, in a directory of its own.</summary>
    private string Make(string content, Harm harm)
    {
        string above = Directory.CreateDirectory(_directory["above"]).FullName;
        string inside = Directory.CreateDirectory(Path.Combine(above, "inside")).FullName;
        string file = Path.Combine(inside, "file");
        File.WriteAllText(file, content);
        FileModes.Set(file, FileModes.OwnerOnly);
        switch (harm)
        {
            case Harm.OthersMayWrite:
                Run("chmod", "o+w", file);
                break;
            case Harm.GroupMayWrite:
                Run("chmod", "g+w", file);
                break;
            case Harm.OfAnother:
                Run("chown", Nobody, file);
                break;
            case Harm.DirectoryOfAnother:
                Run("chown", Nobody, inside);
                break;
            case Harm.OthersMayWriteDirectory:
                Run("chmod", "0777", inside);
                break;
            case Harm.OthersMayWriteDirectoryAbove:
                Run("chmod", "g+w", above);
                break;
            case Harm.OthersMayWriteStickyDirectory:
                Run("chmod", "1777", inside);
                break;
            case Harm.LinkOfAnother:
                Run("ln", "-s", file, Path.Combine(above, "link"));
                Run("chown", "-h", Nobody, Path.Combine(above, "link"));
                return Path.Combine(above, "link");
            case Harm.LinkIntoForeignDirectory:
                Run("ln", "-s", file, Path.Combine(above, "link"));
                Run("chmod", "0777", inside);
                return Path.Combine(above, "link");
        }
        return file;
    }

    private static void Run(string program, params string[] arguments)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess || program is "chmod" or "ln", "Only root can give files away.");
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    public static readonly TheoryData<Harm> Harms = new(Enum.GetValues<Harm>());

    private static bool IsHarmless(Harm harm) => harm is Harm.None or Harm.OthersMayWriteStickyDirectory;

    [Theory]
    [MemberData(nameof(Harms))]
    public void A_rule_list_that_others_may_have_written_is_refused(Harm harm)
    {
        string path = Make(Rules, harm);
        if (IsHarmless(harm))
        {
            Assert.Single(RuleFile.Load(path).Document.Rules);
            return;
        }
        AssertRefused(ErrorId.PolicyFileUnsafe, path, () => RuleFile.Load(path));
    }

    [Theory]
    [MemberData(nameof(Harms))]
    public void A_rule_list_that_another_names_is_judged_too(Harm harm)
    {
        string included = Make(Rules, harm);
        string list = _directory["list.opt"];
        File.WriteAllText(list, $"inclexcl {included}\n");
        Action load = () => Assert.Single(RuleFile.Load(list).Document.Rules);
        if (IsHarmless(harm))
            load();
        else
            Assert.Contains("is not used", Assert.ThrowsAny<ImageBackupException>(load).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Harms))]
    public void Snapshot_commands_that_others_may_have_written_are_refused(Harm harm)
    {
        string path = Make("""{ "createCommand": "a", "removeCommand": "b" }""", harm);
        if (IsHarmless(harm))
            Assert.Equal("a", SnapshotDefaults.Load(path).CreateCommand);
        else
            AssertRefused(ErrorId.PolicyFileUnsafe, path, () => SnapshotDefaults.Load(path));
    }

    [Theory]
    [MemberData(nameof(Harms))]
    public void Classes_that_others_may_have_written_are_refused(Harm harm)
    {
        string path = Make("""{ "version": 1, "classes": [] }""", harm);
        if (IsHarmless(harm))
            Assert.True(ManagementClassFile.Load(path).Exists);
        else
            AssertRefused(ErrorId.PolicyFileUnsafe, path, () => ManagementClassFile.Load(path));
    }

    [Theory]
    [MemberData(nameof(Harms))]
    public void A_password_file_that_others_may_have_written_is_refused(Harm harm)
    {
        string path = Make("password\n", harm);
        if (!IsHarmless(harm))
        {
            AssertRefused(ErrorId.PasswordFileUnsafe, path, () => PasswordFile.Read(path));
            AssertRefused(ErrorId.PasswordFileUnsafe, path, () => PasswordFile.OpenShared(path));
            return;
        }
        PasswordFile.Read(path).Dispose();
        // restic takes one that others may read.
        FileModes.Set(path, 0x104);
        PasswordFile.OpenShared(path).Dispose();
        AssertRefused(ErrorId.PasswordFileUnsafe, path, () => PasswordFile.Read(path));
    }

    [Theory]
    [MemberData(nameof(Harms))]
    public void An_undo_record_that_others_may_have_written_is_not_followed_and_is_named(Harm harm)
    {
        string made = Make("id=1\nvolume=/dev/x\nremove=rm -rf /\n", harm);
        string record = Path.Combine(Path.GetDirectoryName(made)!, "command-1.undo");
        File.Move(made, record);
        SnapshotUndoRecords<LinuxUndoRecord> records = SnapshotUndoRecords.Linux(
            Path.GetDirectoryName(record)!, "command", values => values.Find("id"), values => values.Find("volume"));
        OrphanSnapshot leftover = Assert.Single(records.FindOrphans("COMMAND"));
        bool undone = false;
        if (IsHarmless(harm))
        {
            Assert.Equal("1", leftover.Name);
            records.Remove(leftover, _ => undone = true);
            Assert.True(undone);
            return;
        }
        Assert.Empty(LinuxUndoRecord.Abandoned(Path.GetDirectoryName(record)!, "command"));
        Assert.Equal(record, leftover.Name);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => records.Remove(leftover, _ => undone = true));
        Assert.Contains("is not used", e.Message, StringComparison.Ordinal);
        Assert.False(undone);
    }

    /// <summary>A pipe in a file's place holds nobody up; one of our own is read, as a shell's &lt;( ) makes it.</summary>
    [Fact]
    public void A_pipe_of_another_holds_nobody()
    {
        string pipe = _directory["pipe"];
        Run("mkfifo", "-m", "0600", pipe);
        Run("chown", Nobody, pipe);
        AssertRefused(ErrorId.PolicyFileUnsafe, pipe, () => RuleFile.Load(pipe));
        Run("chown", "root", pipe);
        var writer = new Thread(() => File.WriteAllText(pipe, Rules)) { IsBackground = true };
        writer.Start();
        Assert.Single(RuleFile.Load(pipe).Document.Rules);
        writer.Join();
    }

    [Fact]
    public void Nothing_is_written_where_it_would_be_refused()
    {
        string inside = Path.GetDirectoryName(Make(Rules, Harm.DirectoryOfAnother))!;
        string path = Path.Combine(inside, "new.rules");
        RuleFile file = RuleFile.Load(path);
        AssertRefused(ErrorId.PolicyFileUnsafe, path, () => file.Save(file.Document.Set(new RuleSpecification { Pattern = "/a", Kind = RuleKind.Include })));
        Assert.Equal(["file"], Directory.GetFileSystemEntries(inside).Select(Path.GetFileName));
    }

    private static void AssertRefused(ErrorId id, string path, Action read)
    {
        ImageBackupException e = Assert.ThrowsAny<ImageBackupException>(read);
        Assert.Equal((id, path), (e.Id, e.Target));
    }
}
