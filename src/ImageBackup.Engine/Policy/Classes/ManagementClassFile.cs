using System;

namespace ImageBackup.Engine.Policy.Classes;

/// <summary>The machine's classes on disk. Load, edit the document, save; saving notices when somebody else changed the file meanwhile.</summary>
internal sealed class ManagementClassFile
{
    private byte[]? _savedBytes;

    private ManagementClassFile(string path, ManagementClassDocument document, byte[]? savedBytes)
    {
        Path = path;
        Document = document;
        _savedBytes = savedBytes;
    }

    public string Path { get; }
    public ManagementClassDocument Document { get; private set; }

    /// <summary>The file is there; else there are no classes but the built-in one.</summary>
    public bool Exists => _savedBytes is not null;

    /// <summary>An empty document if there is no file and <paramref name="mustExist"/> is false.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mustExist">True for a file that the user named.</param>
    /// <exception cref="ImageBackupException">ManagementClassInvalid, PolicyReadFailed.</exception>
    public static ManagementClassFile Load(string path, bool mustExist = false)
    {
        var bytes = PolicyFile.TryRead(path, ManagementClassDocument.MaximumBytes);
        if (bytes is null && mustExist)
            throw new ImageBackupException(ErrorId.PolicyReadFailed, $"There is no file '{path}'.", path);
        return new ManagementClassFile(path,
            bytes is null ? ManagementClassDocument.Empty : ManagementClassDocument.Read(bytes, path, isEnforced: false), bytes);
    }

    /// <exception cref="ImageBackupException">PolicyWriteFailed, also if the file is no longer what was loaded.</exception>
    public void Save(ManagementClassDocument document)
    {
        if (document is null)
            throw new ArgumentNullException(nameof(document));
        var bytes = document.Write();
        PolicyFile.Write(Path, bytes, _savedBytes, ManagementClassDocument.MaximumBytes);
        Document = document;
        _savedBytes = bytes;
    }
}
