using System;
using System.IO;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>A rule list on disk. Load, edit the document, save; saving notices when somebody else changed the file meanwhile.</summary>
internal sealed class RuleFile
{
    private byte[]? _savedBytes;

    private RuleFile(RuleDocument document, byte[]? savedBytes)
    {
        Document = document;
        _savedBytes = savedBytes;
    }

    public string Path => Document.Path;
    public RuleDocument Document { get; private set; }

    /// <summary>The file is there; else the list is empty, as on a machine without rules.</summary>
    public bool Exists => _savedBytes is not null;

    /// <summary>What a file's name says about its dialect: dsm.sys, dsm.opt and other .opt and .sys files are TSM's.</summary>
    public static RuleDialect DialectOf(string path) =>
        System.IO.Path.GetExtension(path ?? throw new ArgumentNullException(nameof(path))).ToLowerInvariant() is ".opt" or ".sys"
            ? RuleDialect.OptionsFile
            : RuleDialect.RuleList;

    /// <summary>Reads a list; an empty one if there is no file and <paramref name="mustExist"/> is false.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Null: this system's way to compare, the dialect that the file's name says.</param>
    /// <param name="mustExist">True for a file that the user named.</param>
    /// <exception cref="RuleFileException">The list is faulty.</exception>
    /// <exception cref="ImageBackupException">PolicyReadFailed.</exception>
    public static RuleFile Load(string path, RuleParseOptions? options = null, bool mustExist = false)
    {
        options ??= RuleParseOptions.Default with { Dialect = DialectOf(path) };
        if (options.OpenIncluded is null)
            options = options with { OpenIncluded = OpenBeside };
        var bytes = PolicyFile.TryRead(path, RuleText.MaximumBytes);
        if (bytes is null && mustExist)
            throw new ImageBackupException(ErrorId.PolicyReadFailed, $"There is no file '{path}'.", path);
        return bytes is null
            ? new RuleFile(RuleDocument.Empty(path, options), null)
            : new RuleFile(RuleDocument.Parse(RuleText.Decode(bytes, path), path, options), bytes);
    }

    /// <summary>Writes another version of the document, atomically; does nothing if no byte differs.</summary>
    /// <exception cref="ImageBackupException">PolicyWriteFailed, also if the file is no longer what was loaded.</exception>
    public void Save(RuleDocument document)
    {
        if (document is null)
            throw new ArgumentNullException(nameof(document));
        if (document.Path != Path)
            throw new ArgumentException("The document is another file's.", nameof(document));
        if (ReferenceEquals(document, Document))
            return;
        var bytes = document.Text.Encode();
        PolicyFile.Write(Path, bytes, _savedBytes, RuleText.MaximumBytes);
        Document = document;
        _savedBytes = bytes;
    }

    // An included file's path is relative to the file that names it.
    private static (string Path, RuleText Text) OpenBeside(string file, string namingPath)
    {
        string path;
        try
        {
            path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(namingPath))!, file);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new ImageBackupException(ErrorId.PolicyReadFailed, $"'{file}' is not a file's path.", file, e);
        }

        var bytes = PolicyFile.TryRead(path, RuleText.MaximumBytes)
            ?? throw new ImageBackupException(ErrorId.PolicyReadFailed, $"There is no file '{path}'.", path);
        return (path, RuleText.Decode(bytes, path));
    }
}
