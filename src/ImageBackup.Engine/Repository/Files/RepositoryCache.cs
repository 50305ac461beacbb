using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// Index files, snapshot records and packs of trees of a repository on a server, kept on this machine as restic keeps them, in the same place:
/// what one of the two has loaded, the other need not. The bytes are sealed. A file is used only if its content has the hash that is its
/// name, and of a pack only blobs whose content has the hash that is their id, so that nothing bad comes of a cache that somebody
/// damaged. Whatever goes wrong with it is passed over. Any thread, any process.
/// </summary>
/// <remarks>
/// restic's internal/cache: <c>BASE/ID/version</c>, <c>BASE/ID/index/ab/abcd...</c>, <c>BASE/ID/snapshots/ab/abcd...</c>, <c>BASE/ID/data/ab/abcd...</c>.
/// The packs of an image's own small files are kept too; restic removes these when it looks through its cache.
/// </remarks>
internal sealed class RepositoryCache
{
    private const string Variable = "RESTIC_CACHE_DIR";

    /// <summary>restic's; a cache of another version is left alone.</summary>
    private const string Version = "1";

    private const string TagName = "CACHEDIR.TAG";

    /// <summary>The signature of bford.info/cachedir: backup programs leave such a directory out.</summary>
    private const string Tag = "Signature: 8a477f597d28d172789f06886806bc55\n"
        + "# This file is a cache directory tag created by restic.\n"
        + "# For information about cache directory tags, see:\n"
        + "#\thttp://www.brynosaurus.com/cachedir/\n";

    private readonly string _root;
    private readonly RootedFiles _files;

    private RepositoryCache(string root)
    {
        _root = root;
        _files = new RootedFiles(root);
    }

    /// <summary>RESTIC_CACHE_DIR, else the user's: restic's places. Null: the user has none (a service).</summary>
    public static string? DefaultBase()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
            return given;
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) is { Length: > 0 } local ? Path.Combine(local, "restic") : null;
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache))
            return Path.Combine(cache, "restic");
        return Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home && Path.IsPathRooted(home) ? Path.Combine(home, ".cache", "restic") : null;
    }

    /// <summary>Opens the repository's cache, or makes it; null if there can be none.</summary>
    /// <param name="folder">The folder of all caches.</param>
    /// <param name="repositoryId">64 hexadecimal digits.</param>
    public static RepositoryCache? Open(string? folder, string repositoryId)
    {
        if (folder is null || !Hex.IsName(repositoryId))
            return null;
        try
        {
            folder = Path.GetFullPath(folder);
            DurableFiles.CreatePrivateDirectory(folder);
            string root = Path.Combine(folder, repositoryId);
            DurableFiles.CreatePrivateDirectory(root);
            var cache = new RepositoryCache(root);
            WriteIfAbsent(new RootedFiles(folder), Path.Combine(folder, TagName), Encoding.ASCII.GetBytes(Tag));
            WriteIfAbsent(cache._files, Path.Combine(root, "version"), Encoding.ASCII.GetBytes(Version));
            if (Read(Path.Combine(root, "version"), limitBytes: 16) is not { } version || Encoding.ASCII.GetString(version).Trim() != Version)
                return null;
            // By that restic knows which caches nobody uses any more.
            Directory.SetLastWriteTimeUtc(root, DateTime.UtcNow);
            return cache;
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            return null;
        }
    }

    /// <summary>Whether files of the kind are kept.</summary>
    private static bool Keeps(StoredKind kind) => kind is StoredKind.Index or StoredKind.Snapshot or StoredKind.Pack;

    /// <summary>A file's bytes, proven to have the hash that is its name; null: it is not here.</summary>
    public byte[]? TryRead(StoredKind kind, string name, int limitBytes)
    {
        if (!Keeps(kind) || !Hex.IsName(name))
            return null;
        try
        {
            if (Read(PathOf(kind, name), limitBytes) is not { } content)
                return null;
            if (BlobId.Of(content).ToString() == name)
                return content;
            Remove(kind, name);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
        }
        return null;
    }

    /// <summary>Reads a part of a pack, of which nothing is proven yet; false: it is not here.</summary>
    public bool TryReadPart(string pack, long offsetBytes, byte[] buffer, int countBytes)
    {
        if (!Hex.IsName(pack))
            return false;
        try
        {
            string path = PathOf(StoredKind.Pack, pack);
            if (!File.Exists(path))
                return false;
            using FileStream stream = RegularFile.OpenRead(path);
            if (stream.Length - offsetBytes < countBytes)
                return false;
            stream.Position = offsetBytes;
            int done = 0;
            for (int part; done < countBytes && (part = stream.Read(buffer, done, countBytes - done)) > 0; done += part)
            {
            }
            return done == countBytes;
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            return false;
        }
    }

    /// <summary>Keeps a file whose content is its name's.</summary>
    public void Add(StoredKind kind, string name, byte[] content)
    {
        if (!Keeps(kind) || !Hex.IsName(name))
            return;
        try
        {
            string path = PathOf(kind, name);
            DurableFiles.CreatePrivateDirectory(Path.GetDirectoryName(path)!);
            WriteIfAbsent(_files, path, content);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
        }
    }

    public void Remove(StoredKind kind, string name)
    {
        if (!Keeps(kind) || !Hex.IsName(name))
            return;
        try
        {
            _files.Delete(PathOf(kind, name));
        }
        catch (Exception e) when (IsOfFiles(e))
        {
        }
    }

    /// <summary>Removes what the repository does not have any more.</summary>
    public void RemoveOthers(StoredKind kind, IEnumerable<string> names)
    {
        var known = new HashSet<string>(names, StringComparer.Ordinal);
        RemoveOthers(kind, known.Contains);
    }

    /// <summary>Removes what is not asked to stay.</summary>
    public void RemoveOthers(StoredKind kind, Func<string, bool> stays)
    {
        if (!Keeps(kind))
            return;
        try
        {
            string folder = Path.Combine(_root, StoredFolder.Of(kind));
            if (!Directory.Exists(folder))
                return;
            foreach (string path in Directory.EnumerateDirectories(folder).SelectMany(Directory.EnumerateFiles).ToList())
            {
                if (Hex.IsName(Path.GetFileName(path)) && !stays(Path.GetFileName(path)))
                    _files.Delete(path);
            }
        }
        catch (Exception e) when (IsOfFiles(e))
        {
        }
    }

    private string PathOf(StoredKind kind, string name) => Path.Combine(_root, StoredFolder.Of(kind), name.Substring(0, 2), name);


    private static byte[]? Read(string path, int limitBytes) => File.Exists(path) ? RegularFile.ReadAll(path, limitBytes) : null;

    /// <summary>Written beside and renamed: another process may be writing the same.</summary>
    private static void WriteIfAbsent(RootedFiles files, string path, byte[] content)
    {
        if (File.Exists(path))
            return;
        string temporary = path + "." + Guid.NewGuid().ToString("N") + ".tmp";
        try
        {
            using (FileStream stream = files.Create(temporary, bufferSizeBytes: 0))
                stream.Write(content, 0, content.Length);
            files.Move(temporary, path);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            files.Delete(temporary);
        }
    }

    private static bool IsOfFiles(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or LinkInRepositoryException;
}
