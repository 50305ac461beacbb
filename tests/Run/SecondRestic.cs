using System.IO;
using ImageBackup.Tests.Kits;

namespace ImageBackup.Tests.Run;

/// <summary>The tests with restic once more, with the newer one of Debian's next release, which is unpacked beside.</summary>
internal static class SecondRestic
{
    private const string Release = "trixie";

    public static void Run(string root, SuiteResult result)
    {
        string? folder = DebianPackage.Unpack("restic", out string whyNot, Release);
        string program = Path.Combine(folder ?? "", "usr", "bin", "restic");
        if (folder is null || !File.Exists(program))
            result.Skip(folder is null ? whyNot : $"there is no {program}");
        else
            TestProject.Run(root, "tests/Interop", result, "FullyQualifiedName~Interop.Restic", ("IMAGEBACKUP_RESTIC", program));
    }
}
