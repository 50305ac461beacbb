using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Session;

/// <summary>
/// Where the last sample of a repository's packs ended, in a file of this user on this machine. Losing it costs coverage,
/// nothing else: then samples begin at random places.
/// </summary>
internal sealed class SampleCursor(string repositoryId)
{
    private const int NameLength = 64;

    private static string Folder => Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);

    /// <summary>Null where the user has no place for such files.</summary>
    public string? Path { get; } = Folder.Length > 0 && IsName(repositoryId) ? System.IO.Path.Combine(Folder, "ImageBackup", "samples", repositoryId) : null;

    /// <summary>The last pack's name, or a random one.</summary>
    public string Load()
    {
        try
        {
            if (Path is not null && File.ReadAllText(Path).Trim() is var text && IsName(text))
                return text;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
        return Guid.NewGuid().ToString("N") + Guid.NewGuid().ToString("N");
    }

    public bool TrySave(string packName)
    {
        try
        {
            if (Path is null)
                return false;
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            File.WriteAllText(Path, packName);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsName(string text) => text.Length == NameLength && text.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');
}
