using System;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using ImageBackup.Loader;
using Xunit;

namespace ImageBackup.Tests.Unit.Loader;

/// <summary>Which of the module's files is loaded: one compiled ahead for this system and processor, if it can be.</summary>
public sealed class ModuleLoaderTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("imagebackup-loader-").FullName;

    private string Ahead { get; }

    public ModuleLoaderTests()
    {
#pragma warning disable CA1308 // The names of runtimes are lower case.
        Ahead = Path.Combine(_directory, "linux-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant());
#pragma warning restore CA1308
        Directory.CreateDirectory(Ahead);
        foreach (string name in new[] { "ImageBackup.dll", "ImageBackup.Engine.dll" })
        {
            string built = Path.Combine(AppContext.BaseDirectory, name);
            File.Copy(built, Path.Combine(_directory, name));
            File.Copy(built, Path.Combine(Ahead, name));
        }
    }

    [Fact]
    public void What_is_compiled_ahead_is_taken_with_all_that_it_needs()
    {
        Assembly module = ModuleLoader.Load(_directory);
        Assert.Equal(Path.Combine(Ahead, "ImageBackup.dll"), module.Location);
        Assert.Equal(Path.Combine(Ahead, "ImageBackup.Engine.dll"), EngineOf(module).Location);
        Assert.Same(module, ModuleLoader.Load(_directory + "/."));
    }

    [Fact]
    public void Without_it_the_portable_files_are_taken()
    {
        Directory.Delete(Ahead, recursive: true);
        Directory.CreateDirectory(Path.Combine(_directory, "linux-other"));
        File.Copy(Path.Combine(_directory, "ImageBackup.dll"), Path.Combine(_directory, "linux-other", "ImageBackup.dll"));
        Assembly module = ModuleLoader.Load(_directory);
        Assert.Equal(Path.Combine(_directory, "ImageBackup.dll"), module.Location);
        Assert.Equal(Path.Combine(_directory, "ImageBackup.Engine.dll"), EngineOf(module).Location);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(100_000)]
    public void A_broken_one_is_passed_over(int lengthBytes)
    {
        using (FileStream cut = File.OpenWrite(Path.Combine(Ahead, "ImageBackup.Engine.dll")))
            cut.SetLength(lengthBytes);
        Assembly module = ModuleLoader.Load(_directory);
        Assert.Equal(Path.Combine(Ahead, "ImageBackup.dll"), module.Location);
        Assert.Equal(Path.Combine(_directory, "ImageBackup.Engine.dll"), EngineOf(module).Location);
    }

    /// <summary>What the module does not have is taken from the host, whatever lies in that folder.</summary>
    [Fact]
    public void Nothing_is_taken_that_has_no_portable_file_beside_the_folder()
    {
        File.Copy(typeof(FactAttribute).Assembly.Location, Path.Combine(Ahead, "xunit.v3.core.dll"));
        Assembly module = ModuleLoader.Load(_directory);
        Assert.Same(typeof(FactAttribute).Assembly, AssemblyLoadContext.GetLoadContext(module)!.LoadFromAssemblyName(typeof(FactAttribute).Assembly.GetName()));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static Assembly EngineOf(Assembly module) => AssemblyLoadContext.GetLoadContext(module)!.LoadFromAssemblyName(new AssemblyName("ImageBackup.Engine"));
}
