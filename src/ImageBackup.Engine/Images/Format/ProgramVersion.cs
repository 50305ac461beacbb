using System.Reflection;

namespace ImageBackup.Engine.Images.Format;

/// <summary>What snapshot records name as their program.</summary>
internal static class ProgramVersion
{
    public static string Text { get; } = "ImageBackup " + (typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "");
}
