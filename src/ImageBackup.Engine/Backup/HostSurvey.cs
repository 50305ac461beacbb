using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Cryptography.Vectorized;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Undo;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Windows.Native;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup;

/// <summary>Looks at what this machine can do for a backup, so that a lack is told once and early, with its remedy.</summary>
internal sealed class HostSurvey
{
    /// <summary>A state folder with less room soon takes no record of a change that must be undone.</summary>
    private const long LowBytes = 64L << 20;
    private const long FullBytes = 1L << 20;

    private static readonly bool s_isLinux = RuntimeInformation.IsOSPlatform(OSPlatform.Linux);
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>Programs of others: what for, and the package that has them.</summary>
    private static readonly (string Name, string[] Programs, string Use, string Package)[] s_tools =
    [
        ("LVM tools", ["lvs", "lvcreate", "lvremove", "dmsetup"], "snapshots of logical volumes", "lvm2"),
        ("ntfs-3g", ["ntfs-3g"], "mounting a restored NTFS volume; backups and restores do without", "ntfs-3g"),
        ("fsfreeze", ["fsfreeze"], "commands that freeze a file system around a snapshot", "util-linux"),
    ];

    private readonly Func<string, string?> _find;
    private readonly Func<DateTime> _now;

    public HostSurvey()
        : this(ProgramFiles.Find, () => DateTime.Now)
    {
    }

    /// <param name="find">The path of a program; null: it is not there.</param>
    /// <param name="now">The machine's clock.</param>
    internal HostSurvey(Func<string, string?> find, Func<DateTime> now) => (_find, _now) = (find, now);

    public IReadOnlyList<HostCheck> Run(SnapshotDefaults defaults, CancellationToken cancellation)
    {
        var checks = new List<HostCheck> { Rights(s_isLinux ? LinuxFailure.IsRoot : !s_isWindows || Kernel32.IsUserAnAdmin(), Environment.UserName), Runtime() };
        if (s_isLinux)
            checks.AddRange(s_tools.Select(tool => Tool(tool.Name, tool.Programs, tool.Use, tool.Package)));
        foreach (SnapshotProviderInfo provider in new SnapshotProviderList(SnapshotProviders.Current).List(defaults))
        {
            cancellation.ThrowIfCancellationRequested();
            checks.Add(Provider(provider));
        }
        checks.Add(Compression(NativeZstd.IsSupported));
        checks.Add(Vectors());
        foreach (string folder in Folders().Distinct())
            checks.Add(Folder(folder));
        checks.Add(Clock());
        checks.Add(Undone(UndoJob.FindOnMachine().Select(pending => pending.Description).ToList()));
        return checks;
    }

    internal static HostCheck Rights(bool isElevated, string user) => isElevated
        ? Passed("Rights", $"'{user}' may open whole volumes.")
        : Failed("Rights", $"'{user}' may not open whole volumes, only files.",
            s_isWindows ? "Start PowerShell with 'Run as administrator'." : "Run PowerShell as root: sudo pwsh.");

    internal HostCheck Tool(string name, IReadOnlyList<string> programs, string use, string package)
    {
        List<string> missing = [.. programs.Where(program => _find(program) is null)];
        return missing.Count == 0
            ? Passed(name, $"{_find(programs[0])}: {use}.")
            : Warning(name, $"{string.Join(", ", missing)} not found in PATH: {use}.", $"Install the package {package}, or add its directory to PATH.");
    }

    internal static HostCheck Compression(bool isNative) => isNative
        ? Passed("Compression", "zstd's C library.")
        : Warning("Compression", "zstd in C# (ZstdSharp): the C library could not be loaded. Backups take longer.",
            "Use PowerShell 7.6 or later on x64 or Arm64, and copy the module's folder 'runtimes' with it.");

    /// <summary>The room in a folder of records, and whether it can be written.</summary>
    internal static HostCheck Folder(string folder)
    {
        string existing = folder;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { Length: > 0 } parent)
            existing = parent;
        string name = $"Folder {folder}";
        try
        {
            string probe = Path.Combine(existing, $".imagebackup-{Guid.NewGuid():N}");
            new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed(name, $"It cannot be written: {e.Message}",
                $"Make '{existing}' writable for this user, or run as another. Static and snapshot images write there what a killed run must undo.");
        }
        return Space(name, DiskSpace.FreeBytes(existing));
    }

    internal static HostCheck Space(string name, long? freeBytes) => freeBytes switch
    {
        null => Passed(name, "It can be written; the system does not tell how much is free."),
        < FullBytes => Failed(name, $"Its disk is full: {freeBytes} bytes are free.", "Free space on that disk."),
        < LowBytes => Warning(name, $"{freeBytes / 1024} KiB are free.", "Free space on that disk."),
        _ => Passed(name, $"It can be written; {freeBytes / (1 << 20)} MiB are free."),
    };

    /// <summary>A clock before the module was built is wrong: images would be filed in the past, and expire at once.</summary>
    internal HostCheck Clock()
    {
        DateTime now = _now();
        DateTime built = typeof(HostSurvey).Assembly.Location is { Length: > 0 } file && File.Exists(file) ? File.GetLastWriteTime(file) : DateTime.MinValue;
        string time = $"{DisplayText.Second(now)} ({TimeZoneInfo.Local.DisplayName})";
        return now < built.AddDays(-1)
            ? Failed("Clock", $"{time}: that is before this module was built. Images would be dated so, and retention goes by the date.",
                s_isWindows ? "Set the clock: w32tm /resync." : "Set the clock: timedatectl set-ntp true.")
            : Passed("Clock", time);
    }

    internal static HostCheck Undone(IReadOnlyList<string> pending) => pending.Count == 0
        ? Passed("Killed runs", "Nothing is left to undo.")
        : Warning("Killed runs", string.Join("; ", pending), "Run Repair-ImageVolume.");

    private static HostCheck Provider(SnapshotProviderInfo provider) => provider.IsUsable
        ? Passed($"Snapshots by {provider.Name}", $"{provider.Description.TrimEnd('.')}.{(provider.IsDefault ? " It is the default." : "")}")
        : Warning($"Snapshots by {provider.Name}", $"It cannot be used: {(provider.WhyNot ?? "it does not say why").TrimEnd('.')}.", "Without a snapshot a backup is static or dynamic. Get-SnapshotProvider has more; Set-SnapshotProvider sets commands.");

    private static HostCheck Runtime()
    {
        string text = $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription.Trim()}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} processors";
        return Environment.Version.Major >= 10
            ? Passed("Runtime", text + ".")
            : Warning("Runtime", text + ": the module's build for older PowerShell, which has no vectors.", "Use PowerShell 7.6 or later: it is several times as fast.");
    }

    private static HostCheck Vectors()
    {
        (string Name, bool Has)[] kernels =
        [
            ("AES", AesNi.IsSupported), ("SHA-256 of many", Sha256MultiBuffer.IsSupported), ("GHASH", GhashVectorized.IsSupported),
            ("Poly1305", Poly1305Vectorized.IsSupported), ("scrypt", ScryptVectorized.IsSupported),
        ];
        string[] has = [.. kernels.Where(k => k.Has).Select(k => k.Name)], hasNot = [.. kernels.Where(k => !k.Has).Select(k => k.Name)];
        string text = has.Length == 0 ? "None of ours run here" : $"{string.Join(", ", has)} run in vectors";
        // Results are the same without them.
        return hasNot.Length == 0
            ? Passed("Vectors", text + ".")
            : Warning("Vectors", $"{text}; {string.Join(", ", hasNot)} run without. Backups are right, and slower.",
                "In a virtual machine give the guest the host's processor type. Otherwise there is nothing to do.");
    }

    private static IEnumerable<string> Folders() => MachineFolders.IsMachineWide
        ? [MachineFolders.LastingState, MachineFolders.PassingState, MachineFolders.Logs]
        : MachineFolders.UserState is { } own ? [own] : [];

    private static HostCheck Passed(string name, string detail) => new() { Name = name, State = HostCheckState.Passed, Detail = detail };

    private static HostCheck Failed(string name, string detail, string remedy) => new() { Name = name, State = HostCheckState.Failed, Detail = detail, Remedy = remedy };

    private static HostCheck Warning(string name, string detail, string remedy) => new() { Name = name, State = HostCheckState.Warning, Detail = detail, Remedy = remedy };
}
