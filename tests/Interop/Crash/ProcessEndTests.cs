using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>
/// Signals in each phase of each operation, to the Host and to a real pwsh: the process is gone soon, and the volume is as it was,
/// with no snapshot, lock or temporary file left and no command running; or, after SIGKILL, there is a record that the next
/// command names and Repair-ImageVolume undoes.
/// </summary>
/// <remarks>
/// A phase is held by a command of the administrator's that waits for a file to go, or by SIGSTOP: the process is stopped when the
/// phase shows, looked at again, sent the signal and let go on. IMAGEBACKUP_ALL_SIGNALS=1 tries every signal in every phase
/// with both programs.
/// </remarks>
public sealed class ProcessEndTests : IClassFixture<ProcessEndTests.Machine>
{
    private const int SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGTERM = 15, SIGCONT = 18, SIGSTOP = 19;

    /// <summary>5 s on a machine that does nothing else; the tests run beside others.</summary>
    private static readonly TimeSpan s_gone = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("IMAGEBACKUP_SECONDS_TO_END") is { Length: > 0 } seconds ? int.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture) : 30);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly Machine _machine;

    public ProcessEndTests(Machine machine)
    {
        HostProcess.Require();
        Tool.RequireRoot("mkfs.ext4");
        _machine = machine;
        machine.Prepare();
    }

    public static TheoryData<string, string, string> Cases()
    {
        string[] phases = ["before", "create", "frozen", "remove", "after", "static", "dynamic", "restore", "verify", "prune", "repair", "key"];
        string[] held = ["before", "create", "static", "dynamic", "verify"];
        var cases = new TheoryData<string, string, string>();
        if (Environment.GetEnvironmentVariable("IMAGEBACKUP_ALL_SIGNALS") is { Length: > 0 })
        {
            foreach (string phase in phases)
            {
                foreach (string signal in (string[])["TERM", "INT", "QUIT", "HUP", "KILL"])
                {
                    cases.Add("host", phase, signal);
                    cases.Add("pwsh", phase, signal);
                }
            }
            return cases;
        }
        foreach (string phase in phases)
            cases.Add("host", phase, "TERM");
        foreach (string phase in held)
            cases.Add("pwsh", phase, "TERM");
        foreach (string phase in (string[])["create", "static", "restore"])
            cases.Add("host", phase, "INT");
        foreach (string phase in (string[])["before", "static"])
            cases.Add("host", phase, "QUIT");
        foreach (string phase in (string[])["create", "static", "verify"])
            cases.Add("host", phase, "HUP");
        foreach (string phase in (string[])["before", "create", "frozen", "static"])
            cases.Add("host", phase, "KILL");
        cases.Add("pwsh", "static", "INT");
        cases.Add("pwsh", "create", "QUIT");
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_process_that_is_told_to_end_undoes_what_it_has_done(string program, string phase, string signal)
    {
        if (program == "pwsh")
            Assert.SkipWhen(HostProcess.WhyNoPwsh is not null, HostProcess.WhyNoPwsh ?? "");
        using HostProcess process = StoppedIn(phase, program);
        int number = signal switch { "TERM" => SIGTERM, "INT" => SIGINT, "QUIT" => SIGQUIT, "HUP" => SIGHUP, _ => SIGKILL };
        process.Signal(number);
        process.Signal(SIGCONT);
        if (signal == "HUP")
        {
            _machine.Release();
            (int code, string output, string error) = process.End();
            Assert.True(code == 0, output + error);
        }
        else
        {
            var clock = Stopwatch.StartNew();
            Assert.True(process.WaitForEnd(s_gone), $"Not gone after {s_gone.TotalSeconds} s.");
            TestContext.Current.SendDiagnosticMessage("{0} {1} {2}: {3:0.0} s", program, phase, signal, clock.Elapsed.TotalSeconds);
        }
        bool isOnRecord = phase is "before" or "create" or "frozen" or "remove" or "after" or "static";
        if (signal == "KILL" && isOnRecord)
            AssertNamedAndRepaired(phase);
        else if (signal == "KILL")
            AssertNothingToUndo(phase);
        _machine.AssertAsBefore(signal == "KILL");
    }

    /// <summary>
    /// A process that SIGSTOP has stopped in the phase. No command of the administrator's holds a restore or a proof: where this
    /// thread had to wait for a processor, the process may be past the phase, and another one is tried.
    /// </summary>
    private HostProcess StoppedIn(string phase, string program)
    {
        for (int attempt = 1; ; attempt++)
        {
            Phase tried = _machine.Of(phase);
            HostProcess process = program == "pwsh" ? HostProcess.BeginPwsh(tried.Command, _machine.Root) : HostProcess.Begin(tried.Command, _machine.Root);
            WaitUntil(() => process.HasEnded || tried.IsReached(), $"The phase '{phase}' did not come.");
            if (process.TrySignal(SIGSTOP) && process.IsStopped() && tried.IsReached())
                return process;
            process.TrySignal(SIGCONT);
            _machine.Release();
            (int code, string output, string error) = process.End();
            process.Dispose();
            Assert.True(code == 0, output + error);
            Assert.True(attempt < 20, $"The phase '{phase}' was over before the signal was sent, in each of {attempt} attempts.");
            _machine.Prepare();
        }
    }

    /// <summary>While the snapshot is being removed, a second and a third SIGTERM come.</summary>
    [Theory]
    [InlineData("host")]
    [InlineData("pwsh")]
    public void A_second_signal_skips_nothing(string program)
    {
        if (program == "pwsh")
            Assert.SkipWhen(HostProcess.WhyNoPwsh is not null, HostProcess.WhyNoPwsh ?? "");
        Phase tried = _machine.Of("create");
        using HostProcess process = program == "pwsh" ? HostProcess.BeginPwsh(tried.Command, _machine.Root) : HostProcess.Begin(tried.Command, _machine.Root);
        WaitUntil(tried.IsReached, "The snapshot was not begun.");
        process.Signal(SIGTERM);
        WaitUntil(() => _machine.HasSaid("remove"), "The removal was not begun.");
        process.Signal(SIGTERM);
        Thread.Sleep(100);
        if (!process.HasEnded)
            process.Signal(SIGTERM);
        Assert.True(process.WaitForEnd(s_gone), "Not gone.");
        Assert.True(_machine.HasSaid("removed"), "The removal was cut off.");
        _machine.AssertAsBefore(wasKilled: false);
    }

    /// <summary>A closed SSH session: the command goes on to its end, and the log says so. On a terminal that is gone, too.</summary>
    [Theory]
    [InlineData("host")]
    [InlineData("pwsh")]
    public void A_closed_terminal_is_logged_and_the_command_goes_on(string program)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script is not installed (bsdutils).");
        if (program == "pwsh")
            Assert.SkipWhen(HostProcess.WhyNoPwsh is not null, HostProcess.WhyNoPwsh ?? "");
        Phase tried = _machine.Of("create");
        string idFile = _machine.PathOf("id-of-host"), log = Path.Combine(_machine.Root, "var/log/imagebackup/error.log");
        int snapshotsBefore = _machine.SnapshotCount;
        File.Delete(idFile);
        File.Delete(log);
        ProcessStartInfo start = HostProcess.StartInfo(program == "pwsh", tried.Command, _machine.Root);
        File.WriteAllText(_machine.PathOf("run.sh"), $"echo $$ > '{idFile}'; exec \"$@\"\n");
        // Under nohup, and in the background of a shell, signals are ignored from the start, and .NET leaves them so.
        string line = $"exec env --default-signal sh '{_machine.PathOf("run.sh")}' '{start.FileName}' " + string.Join(' ', start.ArgumentList.Select(argument => "'" + argument.Replace("'", "'\\''", StringComparison.Ordinal) + "'"));
        start.FileName = "/usr/bin/script";
        start.ArgumentList.Clear();
        foreach (string argument in (string[])["-q", "-c", line, "/dev/null"])
            start.ArgumentList.Add(argument);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process terminal = Process.Start(start)!;
        _ = terminal.StandardOutput.ReadToEndAsync();
        _ = terminal.StandardError.ReadToEndAsync();
        WaitUntil(() => tried.IsReached() || terminal.HasExited, "The snapshot was not begun.");
        // Where pwsh is a .NET tool, the one that was started waits for the real one.
        int started = int.Parse(File.ReadAllText(idFile), System.Globalization.CultureInfo.InvariantCulture);
        LinuxProcess run = LinuxProcess.All().FirstOrDefault(process => process.ParentId == started && _machine.IsOurs(process) && File.ReadAllText($"/proc/{process.Id}/cmdline").Contains("pwsh", StringComparison.Ordinal));
        if (run.Id == 0)
            run = LinuxProcess.TryRead(started)!.Value;
        terminal.Kill();
        terminal.WaitForExit();
        WaitUntil(() => File.Exists(log) && File.ReadAllText(log).Contains("TerminalLost", StringComparison.Ordinal), "The log does not say it.");
        Assert.Equal(run.StartTicks, LinuxProcess.TryRead(run.Id)?.StartTicks);
        _machine.Release();
        WaitUntil(() => LinuxProcess.TryRead(run.Id) is not { IsZombie: false } now || now.StartTicks != run.StartTicks, "It did not end.");
        Assert.True(snapshotsBefore + 1 == _machine.SnapshotCount, File.ReadAllText(log));
        _machine.AssertAsBefore(wasKilled: false);
    }

    private void AssertNamedAndRepaired(string phase)
    {
        _machine.Release();
        // A command outlives the run that is killed.
        WaitUntil(() => !LinuxProcess.All().Any(_machine.IsOurs), "A command goes on.");
        string shown = _machine.Run($"Get-ImageVolume '{_machine.Device}' 3>&1 | ForEach-Object {{ \"$_\"; \"PendingUndo: $($_.PendingUndo)\" }}; '---'; Get-ManagementClass 3>&1 | ForEach-Object {{ \"$_\" }}");
        string[] parts = shown.Split("---");
        string what = phase switch { "static" => "is still read-only at", "before" => "was not run", _ => "is still there" };
        // Whatever the command is for.
        Assert.All(parts, part => Assert.Contains("The changes of a killed run are not undone yet", Unwrapped(part), StringComparison.Ordinal));
        Assert.All(parts, part => Assert.Contains(what, Unwrapped(part), StringComparison.Ordinal));
        if (phase == "static")
        {
            Assert.Contains("PendingUndo: '", parts[0], StringComparison.Ordinal);
            Assert.Contains("ro", _machine.MountOptions.Split(','));
            Assert.Contains("writable", _machine.Run("Repair-ImageVolume -WhatIf"), StringComparison.Ordinal);
            Assert.Contains("ro", _machine.MountOptions.Split(','));
            Assert.DoesNotContain("True", _machine.Run($"Repair-ImageVolume /dev/none-such | ForEach-Object IsUndone"), StringComparison.Ordinal);
        }
        Assert.Equal("True", _machine.Run("Repair-ImageVolume | ForEach-Object IsUndone").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct().Single());
        Assert.DoesNotContain("killed", _machine.Run("Get-ManagementClass 3>&1 | ForEach-Object { \"$_\" }"), StringComparison.Ordinal);
    }

    /// <summary>Nothing but the repository or a file was in work: the next command of the kind finishes it.</summary>
    private void AssertNothingToUndo(string phase)
    {
        Assert.DoesNotContain("killed", _machine.Run("Get-ManagementClass 3>&1 | ForEach-Object { \"$_\" }"), StringComparison.Ordinal);
        _machine.PutIndexBack();
        // What a killed restore wrote the next one of the same destination removes.
        if (phase == "restore")
            _machine.Run(_machine.Of(phase).Command);
        else
            Assert.Equal("True", _machine.Run($"Test-ImageRepository '{_machine.Repository}' | ForEach-Object IsHealthy").Trim());
    }

    private static string Unwrapped(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static void WaitUntil(Func<bool> condition, string otherwise)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < s_patience, otherwise);
            Thread.Sleep(2);
        }
    }

    /// <param name="Command">What is run.</param>
    /// <param name="IsReached">Whether it is in the phase now.</param>
    internal sealed record Phase(string Command, Func<bool> IsReached);

    /// <summary>A machine of its own: settings, records, a mounted volume, files, a repository with two images.</summary>
    public sealed class Machine : IDisposable
    {
        private const int FileBytes = 32 << 20;
        private int _seed = 100;

        private readonly TemporaryDirectory _directory = new();
        private readonly Rig? _rig;
        private readonly string _optionsBefore = "";
        private readonly string _id = "";

        public Machine()
        {
            if (!Tool.IsRoot || !File.Exists("/usr/sbin/mkfs.ext4") && !File.Exists("/sbin/mkfs.ext4"))
                return;
            _rig = new Rig();
            using (ImageRepository repository = TestRepository.Create(Repository))
            {
            }
            File.WriteAllBytes(Volume, SeededBytes.Make(5, FileBytes));
            string image = _rig.Path("ext4.img");
            File.WriteAllBytes(image, SeededBytes.Make(7, FileBytes));
            Device = _rig.Loop(image);
            Tool.Run("mkfs.ext4", "-q", "-F", Device);
            string point = Directory.CreateDirectory(_rig.Path("mnt")).FullName;
            Tool.Run("mount", "-o", "noatime", Device, point);
            _rig.Undo(() => Tool.TryRun("umount", "-l", point));
            Point = point;
            File.WriteAllBytes(System.IO.Path.Combine(point, "content"), SeededBytes.Make(8, 20 << 20));
            Tool.Run("sync", "-f", point);
            _optionsBefore = MountOptions;
            foreach (string name in (string[])["before", "create", "remove", "after"])
                File.WriteAllText(_directory[name + ".sh"], Script(name));
            Run($"Set-SnapshotProvider COMMAND -CreateCommand \"sh '{_directory["create.sh"]}'\" -RemoveCommand \"sh '{_directory["remove.sh"]}'\" -Confirm:$false");
            // The Host's output has its messages too.
            _id = Regex.Match(Run($"Backup-VolumeImage '{Volume}' -ImageType Dynamic -ChunkSize 64KB -Repository '{Repository}' | ForEach-Object Id"), "(?m)^[0-9a-f]{64}$").Value;
            Assert.NotEmpty(_id);
            // Something to prune.
            Run($"Backup-VolumeImage '{image}' -ImageType Dynamic -ChunkSize 64KB -Repository '{Repository}' | Remove-ImageBackup -Repository '{Repository}' -Confirm:$false");
        }

        public string Root => _directory["machine"];
        public string Repository => _directory["repo"];
        public string Volume => _directory["volume.img"];
        internal string PathOf(string name) => _directory[name];
        internal int SnapshotCount => Files("snapshots").Length;
        public string Device { get; } = "";
        public string MountOptions => Tool.Run("findmnt", "-n", "-o", "OPTIONS", Point);

        private string Point { get; } = "";
        private string Log => _directory["commands.log"];
        private string[] Lines => File.Exists(Log) ? File.ReadAllLines(Log) : [];
        private string Hold => _directory["hold"];
        private string LostIndex => _directory["lost-index"];
        private bool IsLocked => Files("locks").Length > 0;
        private bool IsWriting => Files("tmp").Length > 0;
        private bool IsReadOnly => MountTableOf().Contains(" ro,", StringComparison.Ordinal);

        /// <summary>As before the first case.</summary>
        public void Prepare()
        {
            File.Delete(Log);
            File.Delete(_directory["target.img"]);
            PutIndexBack();
            // What a case that failed left is that case's alone.
            foreach (string file in Files("locks").Concat(Files("tmp")).Concat(Restoring))
                File.Delete(file);
        }

        internal void PutIndexBack()
        {
            foreach (string file in Directory.Exists(LostIndex) ? Directory.GetFiles(LostIndex) : [])
                File.Move(file, System.IO.Path.Combine(Repository, "index", System.IO.Path.GetFileName(file)), overwrite: true);
        }

        internal bool HasSaid(string line) => Lines.Contains(line);

        internal Phase Of(string phase)
        {
            File.WriteAllText(Hold, phase is "before" or "create" ? phase : "");
            // A repository that needs no repair is not locked for one.
            if (phase == "repair")
            {
                Directory.CreateDirectory(LostIndex);
                foreach (string file in Files("index"))
                    File.Move(file, System.IO.Path.Combine(LostIndex, System.IO.Path.GetFileName(file)));
            }
            // What is stored already would not be written.
            if (phase is "frozen" or "dynamic")
                File.WriteAllBytes(Volume, SeededBytes.Make(_seed++, FileBytes));
            string backup = $"Backup-VolumeImage '{Volume}' -ChunkSize 64KB -ThrottleLimit 1 -Repository '{Repository}'";
            string snapshot = $"{backup} -ImageType Snapshot -SnapshotProvider COMMAND";
            return phase switch
            {
                "before" => new Phase($"{snapshot} -PreSnapshotCommand \"sh '{_directory["before.sh"]}'\" -PostSnapshotCommand \"sh '{_directory["after.sh"]}'\"", () => HasSaid("before")),
                "create" => new Phase(snapshot, () => HasSaid("create")),
                "frozen" => new Phase(snapshot, () => HasSaid("created") && IsWriting),
                "remove" => new Phase(snapshot, () => HasSaid("remove")),
                "after" => new Phase($"{snapshot} -PostSnapshotCommand \"sh '{_directory["after.sh"]}'\"", () => HasSaid("after")),
                "static" => new Phase($"Backup-VolumeImage '{Device}' -ImageType Static -ChunkSize 64KB -ThrottleLimit 1 -Repository '{Repository}'", () => IsReadOnly),
                "dynamic" => new Phase($"{backup} -ImageType Dynamic", () => IsWriting),
                "restore" => new Phase($"Restore-VolumeImage {_id} '{_directory["target.img"]}' -Repository '{Repository}' -Confirm:$false", () => Restoring.Length > 0),
                "verify" => new Phase($"Test-ImageBackup {_id} -Repository '{Repository}'", () => IsLocked),
                "prune" => new Phase($"Optimize-ImageRepository '{Repository}' -Confirm:$false", () => IsLocked),
                "repair" => new Phase($"Repair-ImageRepository '{Repository}' -ReadData -Confirm:$false", () => IsLocked),
                _ => new Phase($"Add-ImageRepositoryKey -NewPassword (& {{ $s = [securestring]::new(); 'another'.ToCharArray() | ForEach-Object {{ $s.AppendChar($_) }}; $s }}) -Repository '{Repository}' -Confirm:$false", () => IsLocked),
            };
        }

        /// <summary>Lets a command go on that waits.</summary>
        internal void Release() => File.WriteAllText(Hold, "");

        internal bool IsOurs(LinuxProcess process) => !process.IsZombie && process.HasVariable("IMAGEBACKUP_ROOT=" + Root);

        internal void AssertAsBefore(bool wasKilled)
        {
            Release();
            Assert.DoesNotContain(LinuxProcess.All(), IsOurs);
            Assert.Equal(_optionsBefore, MountOptions);
            File.WriteAllText(System.IO.Path.Combine(Point, "writable"), "x");
            Assert.Empty(Directory.GetFiles(_directory.Path, "frozen-*"));
            Assert.Equal(Lines.Contains("before") || Lines.Contains("after"), Lines.Contains("afterwards"));
            Assert.Empty(Directory.GetFiles(Root, "*.undo", SearchOption.AllDirectories));
            Assert.Empty(Restoring);
            // A restore that came to its end just then has its file, and it is whole.
            if (File.Exists(_directory["target.img"]))
                Assert.Equal(SHA256.HashData(SeededBytes.Make(5, FileBytes)), SHA256.HashData(File.ReadAllBytes(_directory["target.img"])));
            // A killed process's lock is stale at once, and its temporary files go with the next backup: KillTests.
            if (wasKilled)
                return;
            Assert.Empty(Files("locks"));
            Assert.Empty(Files("tmp"));
        }

        public void Dispose()
        {
            _rig?.Dispose();
            _directory.Dispose();
        }

        private string[] Restoring => Directory.GetFiles(_directory.Path, "*.restoring", new EnumerationOptions { AttributesToSkip = 0 });

        private string[] Files(string kind) => Directory.Exists(System.IO.Path.Combine(Repository, kind)) ? Directory.GetFiles(System.IO.Path.Combine(Repository, kind)) : [];

        private string MountTableOf() => File.ReadLines("/proc/self/mountinfo").FirstOrDefault(line => line.Contains(" " + Point + " ", StringComparison.Ordinal)) ?? "";

        private string Script(string name)
        {
            string work = name switch
            {
                "create" => $"cp --reflink=auto \"$IMAGEBACKUP_DEVICE\" '{_directory["frozen-"]}'$IMAGEBACKUP_ID",
                "remove" => $"sleep 0.7; rm -f '{_directory["frozen-"]}'$IMAGEBACKUP_ID",
                "after" => "sleep 0.7",
                _ => ":",
            };
            string said = name switch { "create" => "created", "remove" => "removed", "after" => "afterwards", _ => "begun" };
            // A child of its own holds the phase: it must go too.
            return $"""
                {(name is "create" ? work : ":")}
                echo {name} >> '{Log}'
                {(name is "create" ? ":" : work)}
                sh -c "while [ \"\$(cat '{Hold}')\" = {name} ]; do sleep 0.05; done"
                echo {said} >> '{Log}'
                {(name is "create" ? $"echo '{_directory["frozen-"]}'$IMAGEBACKUP_ID" : ":")}

                """;
        }

        internal string Run(string command)
        {
            using HostProcess host = HostProcess.Begin(command, Root);
            (int code, string output, string error) = host.End();
            Assert.True(code == 0, output + error);
            return output;
        }
    }
}
