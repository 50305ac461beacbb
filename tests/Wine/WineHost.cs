using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using ImageBackup.Tests.Kits;
using Xunit;

[assembly: AssemblyFixture(typeof(ImageBackup.Tests.Wine.WineHost))]

namespace ImageBackup.Tests.Wine;

/// <summary>
/// The Windows build of the Host, published beside the source tree and not in it (a publish for one system rewrites lock files),
/// with the module, in a Wine of its own. Made at the first use, once.
/// </summary>
public sealed class WineHost : IDisposable
{
    private const string WinePath = "/usr/lib/wine/wine64";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("imagebackup-wine-").FullName;
    private readonly Lazy<string> _host;
    private readonly Lazy<WindowsPowerShell> _powerShell;
    private readonly Lazy<bool> _isBooted;

    public WineHost()
    {
        _isBooted = new Lazy<bool>(Boot);
        _host = new Lazy<string>(Publish);
        _powerShell = new Lazy<WindowsPowerShell>(() => _isBooted.Value ? new WindowsPowerShell(Root, _directory, (program, arguments) => Wine([program, .. arguments])) : throw new InvalidOperationException());
    }

    public static string Root { get; } = FindRoot();

    /// <summary>The manifest of the module as a user gets it; null if it is not laid out.</summary>
    public static string? Module => !System.IO.Directory.Exists(Path.Combine(Root, "output", "ImageBackup")) ? null
        : System.IO.Directory.GetFiles(Path.Combine(Root, "output", "ImageBackup"), "ImageBackup.psd1", SearchOption.AllDirectories).FirstOrDefault();

    public WindowsPowerShell PowerShell => _powerShell.Value;

    /// <summary>For the repository and what a test needs; Z: and the path, with backslashes, under Wine.</summary>
    public string Directory => _directory;

    private string Prefix => Path.Combine(_directory, "prefix");

    /// <summary>Why the rig cannot be had here; null if it can.</summary>
    public static string? WhyNot =>
        !OperatingSystem.IsLinux() ? "no Linux"
        : !Environment.IsPrivilegedProcess ? "not root"
        : !File.Exists(WinePath) ? $"{WinePath} is not there (Debian's wine64)"
        : new[] { "losetup", "mkfs.ntfs", "ntfs-3g", "ntfsfix", "ntfsinfo", "script" }.FirstOrDefault(tool => !Tool.Exists(tool)) is { } missing ? $"{missing} is not installed"
        : !File.Exists("/dev/fuse") ? "there is no /dev/fuse"
        : null;

    public static string Windows(string path) => "Z:" + path.Replace('/', '\\');

    /// <summary>Makes a mount point and a block device a drive letter.</summary>
    public void Map(char letter, string mountPoint, string device)
    {
        _ = _isBooted.Value;
        // One that still runs, seconds after the last program ended, knows the letters of then.
        EndPrograms();
        Unmap(letter);
        string devices = Path.Combine(Prefix, "dosdevices");
        File.CreateSymbolicLink(Path.Combine(devices, $"{char.ToLowerInvariant(letter)}:"), mountPoint);
        File.CreateSymbolicLink(Path.Combine(devices, $"{char.ToLowerInvariant(letter)}::"), device);
    }

    public void Unmap(char letter)
    {
        foreach (string name in new[] { $"{char.ToLowerInvariant(letter)}:", $"{char.ToLowerInvariant(letter)}::" })
            File.Delete(Path.Combine(Prefix, "dosdevices", name));
    }

    /// <summary>Windows' own folder of libraries.</summary>
    internal string SystemFolder => _isBooted.Value ? Path.Combine(Prefix, "drive_c", "windows", "system32") : throw new InvalidOperationException();

    /// <summary>A variable of all processes of the machine; null: none.</summary>
    public void SetMachineVariable(string name, string? value)
    {
        _ = _isBooted.Value;
        const string Key = @"HKLM\System\CurrentControlSet\Control\Session Manager\Environment";
        (int exitCode, string text) = Tool.Try(value is null ? Wine("reg", "delete", Key, "/v", name, "/f") : Wine("reg", "add", Key, "/v", name, "/t", "REG_SZ", "/d", value, "/f"), s_limit);
        Assert.True(exitCode == 0, text);
    }

    /// <summary>Runs a script in the Host; gives its exit code and all that it wrote.</summary>
    public (int ExitCode, string Output) Run(string script)
    {
        string host = _host.Value;
        string file = Path.Combine(_directory, "script.ps1");
        File.WriteAllText(file, script);
        (int exitCode, string output) = WindowsPowerShell.RunInTerminal(Wine(host, "-NoLogo", "-NoProfile", "-NonInteractive", "-File", Windows(file)), s_limit);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        return (exitCode, output);
    }

    /// <summary>Ends all that runs in the prefix: what hangs there does not end with the program that started it.</summary>
    public void EndPrograms() => _ = Tool.Try(Start("/usr/lib/wine/wineserver64", "-k"), TimeSpan.FromMinutes(1));

    public void Dispose()
    {
        if (System.IO.Directory.Exists(Prefix))
            EndPrograms();
        System.IO.Directory.Delete(_directory, recursive: true);
    }

    private string Publish()
    {
        string root = Root;
        string source = Path.Combine(_directory, "source");
        Copy(root, source, "src");
        foreach (string name in new[] { "Directory.Build.props", "Directory.Packages.props", ".editorconfig" })
            File.Copy(Path.Combine(root, name), Path.Combine(source, name));
        string output = Path.Combine(_directory, "host");
        // The Host alone: the module is data to it, and is built already.
        var publish = new ProcessStartInfo("dotnet", ["publish", "src/ImageBackup.Host", "-c", "Release", "-r", "win-x64", "--self-contained",
            "-p:PublishReadyToRun=false", "-p:ModuleBesideHost=false", "-o", output, "-nologo", "-v", "quiet"]) { WorkingDirectory = source };
        // Its packages are in the user's cache.
        publish.Environment["HOME"] = UserFolder.Path;
        (int exitCode, string text) = Tool.Try(publish, TimeSpan.FromMinutes(10));
        if (exitCode != 0)
            throw new InvalidOperationException("The Host could not be published for Windows: " + text);
        LayOutModule(root, Path.Combine(output, "Modules", "ImageBackup"));
        System.IO.Directory.Delete(source, recursive: true);
        _ = _isBooted.Value;
        return Path.Combine(output, "ImageBackup.Host.exe");
    }

    private bool Boot()
    {
        (int exitCode, string text) = Tool.Try(Start(WinePath, "wineboot", "-i"), s_limit);
        return exitCode == 0 ? true : throw new InvalidOperationException("Wine made no prefix: " + text);
    }

    /// <summary>As the Host's own build lays it out: its files are the same on every system, but for the native library.</summary>
    private static void LayOutModule(string root, string module)
    {
        string configuration = AppContext.BaseDirectory.Contains("/Debug/", StringComparison.Ordinal) ? "Debug" : "Release";
        string source = Path.Combine(root, "src/ImageBackup.Host/bin", configuration, "net10.0/Modules/ImageBackup"), runtimes = Path.Combine("net10.0", "runtimes");
        foreach (string file in System.IO.Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(source, file);
            if (name.StartsWith(runtimes, StringComparison.Ordinal) && !name.StartsWith(Path.Combine(runtimes, "win-x64"), StringComparison.Ordinal))
                continue;
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(module, name))!);
            File.Copy(file, Path.Combine(module, name));
        }
    }

    private static void Copy(string root, string target, string folder)
    {
        System.IO.Directory.CreateDirectory(Path.Combine(target, folder));
        foreach (string file in System.IO.Directory.GetFiles(Path.Combine(root, folder)))
            File.Copy(file, Path.Combine(target, folder, Path.GetFileName(file)));
        foreach (string inner in System.IO.Directory.GetDirectories(Path.Combine(root, folder)))
        {
            if (Path.GetFileName(inner) is not ("bin" or "obj"))
                Copy(root, target, Path.Combine(folder, Path.GetFileName(inner)));
        }
    }

    private ProcessStartInfo Wine(params string[] arguments) => Start(WinePath, arguments);

    private ProcessStartInfo Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments);
        start.Environment["WINEPREFIX"] = Prefix;
        start.Environment["WINEDEBUG"] = "-all";
        // Wine 8 cannot map one memory twice, as .NET does to write code that is not writable where it runs.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.Environment["RESTIC_PASSWORD"] = "wine";
        start.Environment["NO_COLOR"] = "1";
        return start;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && System.IO.Directory.Exists(Path.Combine(at.FullName, "tests")))
                return at.FullName;
        }
        throw new InvalidOperationException("The source tree was not found.");
    }
}
