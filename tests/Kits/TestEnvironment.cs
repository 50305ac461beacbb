using System;
using System.Collections;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageBackup.Tests.Kits;

/// <summary>
/// What a test depends on is in the test. Before the first one runs, its process loses every environment variable but those that the
/// runtime, the package client and the test runner need, and gets a home directory, an umask and a machine's configuration of its
/// own. The programs that it starts inherit that.
/// </summary>
internal static class TestEnvironment
{
    private static readonly string[] s_kept =
    [
        "PATH", "TMPDIR", "TZ", "USER", "LOGNAME", "DOTNET_", "COMPlus_", "CORECLR_", "COREHOST_", "LD_", "NUGET_", "VSTEST_", "TESTINGPLATFORM_", "XUNIT_", "SSL_CERT_",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
        // What these tests themselves ask for (RESTIC, SOAK_SECONDS, VM_...).
        "IMAGEBACKUP_",
    ];

    /// <summary>Set by the user who runs the module, so not kept.</summary>
    private static readonly string[] s_ofTheModule = ["IMAGEBACKUP_ROOT", "IMAGEBACKUP_LOG", "IMAGEBACKUP_MANIFEST"];

    [ModuleInitializer]
    internal static void Initialize()
    {
        _ = UserFolder.Path;
        // Windows needs a score of them, and names all of them itself.
        foreach (string name in Environment.GetEnvironmentVariables().Keys.Cast<string>())
        {
            if (OperatingSystem.IsWindows() ? Begins(name, "RESTIC_") || IsOfTheModule(name) : IsOfTheModule(name) || !s_kept.Any(kept => Begins(name, kept)))
                Environment.SetEnvironmentVariable(name, null);
        }
        string directory = Directory.CreateTempSubdirectory("imagebackup-machine-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Delete(directory);
        Environment.SetEnvironmentVariable("IMAGEBACKUP_ROOT", directory);
        // Hundreds of failures on purpose are nothing for the machine's logs.
        Environment.SetEnvironmentVariable("IMAGEBACKUP_LOG", "OFF");
        if (OperatingSystem.IsWindows())
            return;
        Environment.SetEnvironmentVariable("HOME", Directory.CreateDirectory(Path.Combine(directory, "home")).FullName);
        // The words of other programs are compared; names of files in all scripts are made.
        Environment.SetEnvironmentVariable("LC_ALL", "C.UTF-8");
        _ = SetFileModeMask(0x12); // 022
    }

    private static bool IsOfTheModule(string name) => s_ofTheModule.Contains(name, StringComparer.OrdinalIgnoreCase);

    private static bool Begins(string name, string prefix) => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    private static void Delete(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Something that is still running wrote into it.
        }
    }

    [DllImport("libc", EntryPoint = "umask")]
    private static extern uint SetFileModeMask(uint mask);
}
