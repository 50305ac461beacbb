using System;
using System.Linq;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Session;

/// <summary>
/// Where the last sample of a repository's packs ended, in a file of this user on this machine. Losing it costs coverage,
/// nothing else: then samples begin at random places.
/// </summary>
internal sealed class SampleCursor(string repositoryId)
{
    private const int NameLength = 64;
    private const int MaxFileBytes = 1024;

    private static string Folder => Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);

    /// <summary>Null if the user has no place for such files.</summary>
    public string? Path { get; } = Folder.Length > 0 && IsName(repositoryId) ? System.IO.Path.Combine(Folder, "ImageBackup", "samples", repositoryId) : null;

    /// <summary>The last pack's name, or a random one.</summary>
    public string Load() =>
        Path is not null && StateFile.TryRead(Path, MaxFileBytes)?.Trim() is { } text && IsName(text)
            ? text
            : Guid.NewGuid().ToString("N") + Guid.NewGuid().ToString("N");

    public bool TrySave(string packName) => Path is not null && StateFile.TryWrite(Path, packName) is null;

    private static bool IsName(string text) => text.Length == NameLength && text.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');
}
