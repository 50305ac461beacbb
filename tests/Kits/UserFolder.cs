using System;

namespace ImageBackup.Tests.Kits;

/// <summary>The user's home directory, for the caches of package clients. TestEnvironment reads it before it gives the process another.</summary>
internal static class UserFolder
{
    public static string Path { get; } = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
}
