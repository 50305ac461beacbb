using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>
/// kill -9 of a run whose snapshot is an administrator's command's: what it froze is found, named and removed by the next run,
/// and not before a command that goes on without its run has ended.
/// </summary>
public sealed class CommandSnapshotKillTests : IDisposable
{
    private const int VolumeBytes = 96 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly TemporaryDirectory _directory = new();

    public CommandSnapshotKillTests()
    {
        HostProcess.Require();
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Records of what must be removed are root's.");
    }

    public void Dispose()
    {
        // A command that waits ends.
        File.Delete(_directory["hold-create"]);
        File.Delete(_directory["hold-remove"]);
        if (File.Exists(Log))
            WaitUntil(() => Lines.Count(line => line.StartsWith("create ", StringComparison.Ordinal)) == Lines.Count(line => line.StartsWith("created ", StringComparison.Ordinal)));
        _directory.Dispose();
    }

    private string Log => _directory["commands.log"];
    private string Repository => _directory["repo"];
    private string Volume => _directory["volume.img"];
    private string[] Lines => File.Exists(Log) ? File.ReadAllLines(Log) : [];
    private string[] Records => Directory.Exists(_directory["var/lib/imagebackup/undo"]) ? Directory.GetFiles(_directory["var/lib/imagebackup/undo"], "command-*") : [];
    private string[] Frozen => Directory.GetFiles(_directory.Path, "frozen-*");
    private int PackCount => Directory.GetFiles(Path.Combine(Repository, "data"), "*", SearchOption.AllDirectories).Length;

    [Theory]
    [InlineData("create")]
    [InlineData("copy")]
    [InlineData("remove")]
    public void What_a_killed_run_froze_is_found_named_and_removed_by_the_next(string phase)
    {
        NewMachine();
        if (phase != "copy")
            File.WriteAllText(_directory["hold-" + phase], "");
        using (HostProcess host = HostProcess.Begin($"Backup-VolumeImage '{Volume}' -ImageType Snapshot -SnapshotProvider COMMAND -ChunkSize 64KB -ThrottleLimit 1 -Repository '{Repository}'", _directory.Path))
        {
            WaitUntil(() => phase switch
            {
                "create" => Frozen.Length == 1 && new FileInfo(Frozen[0]).Length == VolumeBytes,
                "copy" => PackCount > 0,
                _ => Lines.Any(line => line.StartsWith("remove ", StringComparison.Ordinal)),
            });
            Assert.False(host.HasEnded, phase);
            host.Kill();
        }
        string id = Path.GetFileName(Assert.Single(Frozen))["frozen-".Length..];
        Assert.Contains($"id={id}", File.ReadAllText(Assert.Single(Records)), StringComparison.Ordinal);
        Assert.Equal($"create {id} {Volume}", Lines[0]);

        if (phase != "copy")
        {
            // The command goes on without its run: to undo what is still being done would leave what it does next.
            string early = NextRun();
            Assert.Contains($"The snapshot '{id}' cannot be removed yet", early, StringComparison.Ordinal);
            Assert.Single(Records);
            Assert.Single(Frozen);
            int linesBefore = Lines.Length;
            File.Delete(_directory["hold-" + phase]);
            WaitUntil(() => Lines.Length > linesBefore && Lines[^1].StartsWith(phase + "d ", StringComparison.Ordinal));
            WaitUntil(() => !Directory.EnumerateDirectories("/proc").Any(process => HasId(process, id)));
        }

        string next = NextRun();
        Assert.Contains($"The orphan snapshot '{id}' of a killed run was removed.", next, StringComparison.Ordinal);
        Assert.Equal([$"remove {id} []", $"removed {id}"], Lines[^2..]);
        Assert.Empty(Records);
        Assert.Empty(Frozen);
        string log = string.Concat(Directory.GetFiles(_directory["var/log/imagebackup"]).Select(File.ReadAllText));
        Assert.Contains($"The orphan snapshot '{id}' of a killed run was removed.", log, StringComparison.Ordinal);
        // Once: the run after it finds nothing.
        Assert.DoesNotContain("killed run", NextRun(), StringComparison.Ordinal);
        using ImageRepository repository = TestRepository.Open(Repository);
        TestRepository.AssertHealthy(repository);
    }

    /// <summary>A backup that needs no snapshot; what it tells.</summary>
    private string NextRun()
    {
        using HostProcess host = HostProcess.Begin($"Backup-VolumeImage '{_directory["other.img"]}' -ImageType Static -Repository '{Repository}' -Verbose 4>&1 | ForEach-Object {{ \"$_\" }}", _directory.Path);
        (int code, string output, string error) = host.End();
        Assert.True(code == 0, output + error);
        return output;
    }

    private void NewMachine()
    {
        TestRepository.WriteEmpty(Repository);
        File.WriteAllBytes(Volume, SeededBytes.Make(5, VolumeBytes));
        File.WriteAllBytes(_directory["other.img"], SeededBytes.Make(6, 1 << 20));
        string create = _directory["create.sh"], remove = _directory["remove.sh"];
        File.WriteAllText(create, $"""
            echo "create $IMAGEBACKUP_ID $IMAGEBACKUP_VOLUME" >> '{Log}'
            cp "$IMAGEBACKUP_DEVICE" '{_directory["frozen-"]}'$IMAGEBACKUP_ID
            while [ -e '{_directory["hold-create"]}' ]; do sleep 0.05; done
            echo "created $IMAGEBACKUP_ID" >> '{Log}'
            echo '{_directory["frozen-"]}'$IMAGEBACKUP_ID

            """);
        File.WriteAllText(remove, $"""
            echo "remove $IMAGEBACKUP_ID [$IMAGEBACKUP_SNAPSHOT]" >> '{Log}'
            while [ -e '{_directory["hold-remove"]}' ]; do sleep 0.05; done
            rm -f '{_directory["frozen-"]}'$IMAGEBACKUP_ID
            echo "removed $IMAGEBACKUP_ID" >> '{Log}'

            """);
        using HostProcess host = HostProcess.Begin($"Set-SnapshotProvider COMMAND -CreateCommand \"sh '{create}'\" -RemoveCommand \"sh '{remove}'\" -Confirm:$false", _directory.Path);
        (int code, string output, string error) = host.End();
        Assert.True(code == 0, output + error);
    }

    private static bool HasId(string process, string id)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "environ")).Contains("IMAGEBACKUP_ID=" + id, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void WaitUntil(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < s_patience, "It did not happen.");
            Thread.Sleep(10);
        }
    }
}
