using System.Diagnostics;

namespace ImageBackup.Tests.Run;

/// <summary>Runs programs with their output on ours.</summary>
internal static class Dotnet
{
    public static bool Run(string directory, params string[] arguments) => Start("dotnet", directory, arguments) == 0;

    public static int Start(string program, string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = directory, RedirectStandardInput = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        process.WaitForExit();
        return process.ExitCode;
    }
}
