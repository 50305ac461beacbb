using System;
using ImageBackup.Vss.Requester;

/// <summary>
/// What .NET calls before the program that it starts, if DOTNET_STARTUP_HOOKS names this assembly: its name, its method and that it is
/// in no namespace are .NET's rule. The program itself never begins.
/// </summary>
#pragma warning disable CA1050 // .NET looks for it there.
public static class StartupHook
#pragma warning restore CA1050
{
    public static void Initialize() => Environment.Exit(RequesterProgram.Run());
}
