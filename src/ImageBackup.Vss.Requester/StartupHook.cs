using System;
using ImageBackup.Vss.Requester;

/// <summary>
/// What .NET calls before the program that it starts, if DOTNET_STARTUP_HOOKS names this assembly: its name, its method and that it is
/// in no namespace are .NET's rule. The program itself never begins.
/// </summary>
public static class StartupHook
{
    public static void Initialize() => Environment.Exit(RequesterProgram.Run());
}
