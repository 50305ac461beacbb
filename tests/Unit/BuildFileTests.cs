using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Unit;

/// <summary>What the build and the scripts of the tests take for granted about the machine.</summary>
public sealed class BuildFileTests
{
    /// <summary>NuGetPackageRoot is the text of NUGET_PACKAGES: it ends with a slash only if the user wrote one.</summary>
    [Fact]
    public void The_folder_of_packages_is_used_only_with_a_slash_at_its_end()
    {
        string[] files = new[] { "*.targets", "*.props", "*.csproj" }.SelectMany(p => SourceTree.Files("src", p).Concat(SourceTree.Files("tests", p))).ToArray();
        Assert.NotEmpty(files);
        foreach (string file in files)
            Assert.DoesNotMatch(@"(?<!EnsureTrailingSlash\(')\$\(NuGetPackageRoot\)", SourceTree.Read(file));
    }

    /// <summary>The process of a pwsh that is a .NET tool is dotnet: Suite.ps1 knows what to start instead.</summary>
    [Fact]
    public void Scripts_start_a_PowerShell_by_its_own_path()
    {
        // These two tell a pwsh of its own from one that dotnet runs.
        foreach (string file in SourceTree.Files("tests", "*.ps1").Where(f => Path.GetFileName(f) is not ("Suite.ps1" or "New-Fixture.ps1")))
            Assert.DoesNotContain("ProcessPath", SourceTree.Read(file), System.StringComparison.Ordinal);
    }
}
