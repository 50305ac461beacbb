using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Mono;

/// <summary>The engine's netstandard2.0 build on Mono, whose class library is the .NET Framework's, against its net10.0 build and restic.</summary>
public sealed class MonoTests : IDisposable
{
    private const string Facade = "/usr/lib/mono/4.5/Facades/netstandard.dll";
    private static readonly string s_program = FindProgram();

    private readonly ResticRig _rig;

    public MonoTests()
    {
        Assert.SkipUnless(ResticTool.Find("mono") is not null && File.Exists(Facade), $"Mono is not installed with its facades ({Facade}; Debian's mono-devel).");
        Assert.SkipUnless(File.Exists(s_program), $"The program for Mono is not built: there is no {s_program}.");
        _rig = new ResticRig();
    }

    public void Dispose() => _rig?.Dispose();

    [Fact]
    public void What_Mono_backs_up_Mono_and_net10_restore_and_restic_finds_whole()
    {
        string volume = _rig.Volume("volume", seed: 71), location = _rig["by-mono"], target = _rig["target"];
        string id = Run("backup", location, TestRepository.Password, volume).Trim();
        Assert.Equal("whole", Run("restore", location, TestRepository.Password, id, target).Trim());
        Assert.True(File.ReadAllBytes(volume).AsSpan().SequenceEqual(File.ReadAllBytes(target)));
        using (ImageRepository repository = TestRepository.Open(location))
        {
            TestRepository.AssertHealthy(repository);
            _rig.AssertRestores(repository, id, volume);
        }
        Assert.Contains("no errors were found", ResticTool.Run(location, "check", "--read-data"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_net10_backs_up_Mono_restores_and_net10_uses_the_chunks_of_Mono()
    {
        string volume = _rig.Volume("volume", seed: 72), location = _rig["by-net10"], byMono = _rig["by-mono"], target = _rig["target"];
        string id;
        using (ImageRepository repository = _rig.Create("by-net10"))
            id = ResticRig.Backup(repository, volume).Id;
        Assert.Equal("whole", Run("restore", location, TestRepository.Password, id, target).Trim());
        Assert.True(File.ReadAllBytes(volume).AsSpan().SequenceEqual(File.ReadAllBytes(target)));

        Run("backup", byMono, TestRepository.Password, volume);
        using ImageRepository other = TestRepository.Open(byMono);
        Assert.Equal(0, ResticRig.Backup(other, volume).NewChunkCount);
    }

    [Fact]
    public void An_error_has_its_id_on_Mono_too()
    {
        string location = _rig["repository"];
        _rig.Create("repository").Dispose();
        (int code, _, string error) = TryRun("restore", location, "wrong", "12345678", _rig["target"]);
        Assert.Equal(1, code);
        Assert.Contains("ImageBackupException: The password opens none", error, StringComparison.Ordinal);
        Assert.False(File.Exists(_rig["target"]));
    }

    private static string Run(params string[] arguments)
    {
        (int code, string output, string error) = TryRun(arguments);
        Assert.True(code == 0, $"Mono ended with {code}: {output}{error}");
        return output;
    }

    private static (int Code, string Output, string Error) TryRun(params string[] arguments)
    {
        var start = new ProcessStartInfo(ResticTool.Find("mono")!, [s_program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(5)))
        {
            process.Kill();
            Assert.Fail("Mono did not end in time.");
        }
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Beside this project, of the same configuration: .../tests/Interop/bin/Release/net10.0/.</summary>
    private static string FindProgram()
    {
        DirectoryInfo configuration = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/')).Parent!;
        return Path.Combine(configuration.Parent!.Parent!.Parent!.FullName, "Mono", "bin", configuration.Name, "netstandard2.0", "ImageBackup.Tests.Mono.dll");
    }
}
