using System;
using System.Threading;

namespace ImageBackup.Host;

/// <summary>A console that carries the PowerShell engine and the ImageBackup module.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        // The engine would report module imports to its makers; read when it is first touched.
        Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");
        // And would listen on a socket for debuggers that want to enter this process, which is often root's.
        Environment.SetEnvironmentVariable("POWERSHELL_DIAGNOSTICS_OPTOUT", "1");

        if (!HostArguments.TryParse(args, out HostArguments arguments, out string? complaint))
        {
            Console.Error.WriteLine(complaint);
            Console.Error.WriteLine("See ImageBackup.Host -Help.");
            return ExitCode.Failure;
        }
        switch (arguments.Mode)
        {
            case HostMode.Help:
                Console.Out.Write(HostArguments.HelpText);
                return ExitCode.Success;
            case HostMode.Version:
                Console.Out.WriteLine(ConsoleHost.VersionText);
                return ExitCode.Success;
        }

        // The engine's parser and binder recurse deeper than a thread of 1.5 MiB (musl, Windows) likes.
        int exitCode = ExitCode.Failure;
        var main = new Thread(() => exitCode = Run(arguments), 16 * 1024 * 1024);
        main.Start();
        main.Join();
        return exitCode;
    }

    private static int Run(HostArguments arguments)
    {
        using var session = new ConsoleSession(arguments);
        if (!session.Open())
            return ExitCode.Failure;
        return arguments.Mode switch
        {
            HostMode.Command => session.RunCommand(arguments.CommandText == "-" ? Console.In.ReadToEnd() : arguments.CommandText),
            HostMode.File => session.RunFile(arguments.FilePath, arguments.FileArguments),
            _ => session.RunPrompt(),
        };
    }
}
