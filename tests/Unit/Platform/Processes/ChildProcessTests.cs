using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Processes;

/// <summary>Which program a name means, and what a child process finds in its environment.</summary>
public sealed class ChildProcessTests
{
    [Theory]
    [InlineData("getpw", "/usr/bin:/bin", "/bin/getpw", "/bin/getpw")]
    [InlineData("getpw", ":.:bin:./x:/bin", "getpw|./getpw|bin/getpw|./x/getpw", null)]
    [InlineData("getpw", "", "getpw|./getpw|/getpw", null)]
    [InlineData("getpw", "/:/bin", "/getpw", "/getpw")]
    [InlineData("/opt/getpw", "/bin", "/opt/getpw|/bin/getpw", "/opt/getpw")]
    [InlineData("/opt/getpw", "/opt:/", "/bin/getpw", null)]
    [InlineData("", "/bin", "/bin/", null)]
    public void A_bare_name_means_a_program_of_the_search_paths_absolute_entries(string name, string path, string files, string? found) =>
        Assert.Equal(found, ProgramFiles.Find(name, path, isWindows: false, files.Split('|').Contains));

    [Theory]
    [InlineData("getpw", @"C:\a;C:\b\", @"C:\b\getpw.exe", @"C:\b\getpw.exe")]
    [InlineData("getpw", @"C:\a;C:\b", @"C:\a\getpw|C:\a\getpw.vbs|C:\a\getpw.ps1|C:\b\getpw.CMD", @"C:\b\getpw.cmd")]
    [InlineData("getpw", @"C:\a", @"C:\a\getpw.cmd|C:\a\getpw.exe", @"C:\a\getpw.exe")]
    [InlineData("getpw.bat", @"C:\a", @"C:\a\getpw.bat|C:\a\getpw.exe", @"C:\a\getpw.bat")]
    [InlineData("get.pw", @"C:\a", @"C:\a\get.pw|C:\a\get.pw.exe", @"C:\a\get.pw.exe")]
    [InlineData("getpw", @";.;bin;\bin;C:bin;C:", @"getpw.exe|.\getpw.exe|bin\getpw.exe|\bin\getpw.exe|C:bin\getpw.exe|C:\getpw.exe", null)]
    [InlineData("getpw", "\"C:\\a\"", @"C:\a\getpw.exe", @"C:\a\getpw.exe")]
    [InlineData("getpw", @"\\server\share", @"\\server\share\getpw.exe", @"\\server\share\getpw.exe")]
    public void On_Windows_too(string name, string path, string files, string? found) =>
        Assert.Equal(found, ProgramFiles.Find(name, path, isWindows: true, file => files.Split('|').Contains(file, StringComparer.OrdinalIgnoreCase)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_child_gets_no_secret_of_ours(bool isWindows)
    {
        string[] passwords = ["RESTIC_PASSWORD", "RESTIC_PASSWORD2", "RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND", "RESTIC_FROM_PASSWORD"];
        string[] storages = ["AWS_SECRET_ACCESS_KEY", "AZURE_ACCOUNT_KEY", "B2_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "OS_PASSWORD", "ST_KEY", "RCLONE_CONFIG_PASS", "RESTIC_REST_PASSWORD"];
        string[] others = ["RESTIC_REPOSITORY", "HOME", "LANG", "MYSQL_PWD", "OSTYPE"];
        Dictionary<string, string?> Cleaned(bool keeps)
        {
            var variables = passwords.Concat(storages).Concat(others).ToDictionary(name => name, _ => (string?)"x");
            ChildEnvironment.Clean(variables, keeps, isWindows);
            return variables;
        }
        string[] own = isWindows ? ["NoDefaultCurrentDirectoryInExePath"] : [];
        Assert.Equal(others.Concat(own).Order(), Cleaned(keeps: false).Keys.Order());
        // A program that fetches the password may do so from the cloud.
        Assert.Equal(others.Concat(own).Concat(storages).Order(), Cleaned(keeps: true).Keys.Order());
    }

    [Fact]
    public void Names_are_compared_as_the_system_does()
    {
        var variables = new Dictionary<string, string?> { ["restic_password"] = "x", ["aws_x"] = "x", ["Path"] = @"C:\a;.;b" };
        ChildEnvironment.Clean(variables, keepsStorageSecrets: false, isWindows: true);
        Assert.Equal(@"C:\a", variables["Path"]);
        Assert.Equal(2, variables.Count);
    }

    [Fact]
    public void A_childs_search_path_has_no_current_directory()
    {
        var variables = new Dictionary<string, string?> { ["PATH"] = "/bin::.:bin:/usr/bin:" };
        ChildEnvironment.Clean(variables, keepsStorageSecrets: false, isWindows: false);
        Assert.Equal("/bin:/usr/bin", variables["PATH"]);
    }

    /// <summary>Every program that the module runs: system tools and the administrator's commands by ProcessRunner.</summary>
    [Fact]
    public void No_program_that_is_run_sees_the_password()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "env is a program on Linux only.");
        string[] names = ["RESTIC_PASSWORD2", "AWS_TEST_OF_CHILDREN", "RESTIC_REST_PASSWORD"];
        Array.ForEach(names, name => Environment.SetEnvironmentVariable(name, "topsecret"));
        try
        {
            ProgramResult tool = ProcessRunner.Start("/usr/bin/env", [], TimeSpan.FromSeconds(60), CancellationToken.None);
            ProgramResult command = ProcessRunner.Shell("env", TimeSpan.FromSeconds(60), CancellationToken.None, new Dictionary<string, string> { ["IMAGEBACKUP_ID"] = "1" });
            Assert.Contains("PATH=/", tool.Output, StringComparison.Ordinal);
            Assert.Contains("IMAGEBACKUP_ID=1", command.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("topsecret", tool.Output + command.Output, StringComparison.Ordinal);
        }
        finally
        {
            Array.ForEach(names, name => Environment.SetEnvironmentVariable(name, null));
        }
    }

    [Theory]
    [InlineData("a b", true)]
    [InlineData(@"C:\Program Files (x86)\x.cmd", true)]
    [InlineData("100%", false)]
    [InlineData("a&b", false)]
    [InlineData("a\"b", false)]
    [InlineData("a\nb", false)]
    public void What_cmd_would_read_as_its_own_is_not_given_to_a_batch_file(string argument, bool isTaken)
    {
        if (isTaken)
            Assert.Equal([argument], ChildProcess.ForBatch([argument]));
        else
            Assert.Throws<ArgumentException>(() => ChildProcess.ForBatch([argument]));
    }

    [Fact]
    public void A_path_that_is_not_a_full_one_is_not_started() => Assert.Throws<ArgumentException>(() => ChildProcess.Prepare("getpw", []));

    /// <summary>One place starts programs: what it strips is stripped everywhere.</summary>
    [Fact]
    public void Nothing_else_prepares_a_process() => Assert.Equal(
        ["src/ImageBackup.Engine/Platform/Processes/ChildProcess.cs"],
        SourceTree.Files("src", "*.cs").Where(file => SourceTree.Read(file).Contains("new ProcessStartInfo", StringComparison.Ordinal)));

    /// <summary>Anybody may look into that directory, and guess.</summary>
    [Fact]
    public void Nothing_is_made_in_the_systems_temporary_directory() => Assert.DoesNotContain(
        SourceTree.Files("src", "*.cs"),
        file => SourceTree.Read(file) is var source
            && (source.Contains("GetTempFileName", StringComparison.Ordinal) || source.Contains("CreateTempSubdirectory", StringComparison.Ordinal)
                || (source.Contains("GetTempPath", StringComparison.Ordinal) && !s_knowTheTemporaryDirectory.Any(known => file.EndsWith(known, StringComparison.Ordinal)))));

    /// <summary>
    /// Two ask whether temporary files lie on a volume. The others are of the sealed file that waits for a server: its name is random,
    /// it is created exclusively for its owner alone, and it loses its name at once.
    /// </summary>
    private static readonly string[] s_knowTheTemporaryDirectory =
    [
        "VolumeSystem.Quiesce.cs", "/Storage/Spooling/SpooledFile.cs", "/Storage/Spooling/SpooledUpload.cs", "/Repository/ImageRepository.cs",
    ];
}
