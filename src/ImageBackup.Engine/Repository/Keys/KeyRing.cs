using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Crypto;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Keys;

/// <summary>The repository's key files: which of them a password opens.</summary>
internal static class KeyRing
{
    /// <summary>restic's own bound on the keys it tries: each costs a tenth of a second and 32 MiB.</summary>
    private const int TriedCount = 20;

    public static string Add(RepositoryFiles files, MasterKey master, RepositoryPassword password)
    {
        byte[] content = KeyFile.Create(master, password).Write();
        string name = BlobId.Of(content).ToString();
        files.Save(StoredKind.Key, name, content);
        return name;
    }

    /// <summary>
    /// Adds a key for another password and proves that it opens. Until its file is under its name, durably, there is no new
    /// key; the others are not touched, so no moment is one at which nothing opens the repository.
    /// </summary>
    /// <exception cref="ImageBackupException">PasswordMissing, NotSupported (too many keys), RepositoryWriteFailed, a storage failure.</exception>
    public static RepositoryKeyInfo AddProven(RepositoryFiles files, MasterKey master, RepositoryPassword password, string currentName)
    {
        if (password.IsEmpty)
            throw new ImageBackupException(ErrorId.PasswordMissing, "A key cannot have an empty password.", files.Location);
        int count = files.List(StoredKind.Key).Count();
        if (count >= TriedCount)
        {
            throw new ImageBackupException(ErrorId.NotSupported,
                $"The repository '{files.Location}' has {count} keys, and no more than {TriedCount} are tried when it is opened (by restic too): another might never be found.", files.Location)
            {
                RecommendedAction = "Remove keys that nobody uses with Remove-ImageRepositoryKey.",
            };
        }
        string name = Add(files, master, password);
        using MasterKey? opened = Load(files, name).Open(password);
        if (opened is null || !opened.IsSame(master))
        {
            files.Delete(StoredKind.Key, name);
            throw new ImageBackupException(ErrorId.RepositoryWriteFailed, "The new key did not open again: this machine's memory or the storage is faulty. It was removed.", files.Location);
        }
        return Info(files, name, currentName);
    }

    /// <summary>All keys, the damaged ones too.</summary>
    public static IReadOnlyList<RepositoryKeyInfo> List(RepositoryFiles files, string currentName) =>
        files.List(StoredKind.Key).Select(file => Info(files, file.Name, currentName))
            .OrderBy(key => key.Created ?? DateTime.MaxValue).ThenBy(key => key.Id, StringComparer.Ordinal).ToList();

    /// <summary>
    /// Removes a key; never the one that opened the repository, and none where that one has gone: nobody knows then
    /// whether another one opens it.
    /// </summary>
    /// <exception cref="ImageBackupException">KeyInUse, KeyIsLast, KeyNotFound, a storage failure.</exception>
    public static void Remove(RepositoryFiles files, string name, string currentName)
    {
        if (name == currentName)
        {
            throw new ImageBackupException(ErrorId.KeyInUse,
                $"The key {Short(name)} is the one that this session opened the repository '{files.Location}' with.", name);
        }
        if (!files.Guard(StoredKind.Key, () => files.Storage.Exists(StoredKind.Key, name)))
            throw new ImageBackupException(ErrorId.KeyNotFound, $"The repository '{files.Location}' has no key {Short(name)} any more.", name);
        if (Info(files, currentName, currentName) is { Problem: { } problem })
        {
            throw new ImageBackupException(ErrorId.KeyIsLast,
                $"The key {Short(name)} may be the last one that opens the repository '{files.Location}': the one in use is gone or damaged ({problem}).", name);
        }
        files.Delete(StoredKind.Key, name);
        files.SyncDeletions(StoredKind.Key);
    }

    /// <summary>What a key's file says, or what is wrong with it.</summary>
    public static RepositoryKeyInfo Info(RepositoryFiles files, string name, string currentName)
    {
        KeyFile? key = null;
        string? problem = null;
        try
        {
            key = Load(files, name);
        }
        catch (ImageBackupException e)
        {
            problem = e.Message;
        }
        return new RepositoryKeyInfo
        {
            Id = name,
            IsCurrent = name == currentName,
            UserName = key?.UserName,
            ComputerName = key?.HostName,
            Created = key?.Created?.LocalDateTime,
            Problem = problem,
            Repository = files.Location,
        };
    }

    /// <exception cref="ImageBackupException">KeyCorrupt, a storage failure.</exception>
    private static KeyFile Load(RepositoryFiles files, string name)
    {
        byte[] content = files.Load(StoredKind.Key, name);
        if (BlobId.Of(content).ToString() != name)
            throw files.Corrupt(StoredKind.Key, name, "its content does not match its name");
        try
        {
            return KeyFile.Read(content);
        }
        catch (FormatException e)
        {
            throw files.Corrupt(StoredKind.Key, name, e.Message.TrimEnd('.'));
        }
    }

    private static string Short(string name) => name.Length > 8 ? name.Substring(0, 8) : name;

    /// <exception cref="ImageBackupException">WrongPassword; KeyCorrupt where every key is unreadable; RepositoryInvalid where there is none.</exception>
    /// <param name="files">The repository's files.</param>
    /// <param name="password">The password.</param>
    /// <param name="fits">
    /// Whether a master key is the repository's: a creation that ended half way may have left a key of the same password
    /// and of another master key. Where none fits, the first that the password opens is given.
    /// </param>
    /// <param name="cancellation">Ends the trying.</param>
    public static (MasterKey Master, string KeyName) Open(RepositoryFiles files, RepositoryPassword password, Func<MasterKey, bool> fits, CancellationToken cancellation)
    {
        StoredFile[] keys = files.List(StoredKind.Key).Take(TriedCount).ToArray();
        if (keys.Length == 0)
            throw new ImageBackupException(ErrorId.RepositoryInvalid, $"The directory '{files.Location}' has a 'config' but no keys.", files.Location);
        ImageBackupException? damaged = null;
        int readable = 0;
        (MasterKey Master, string KeyName)? stranger = null;
        foreach (StoredFile key in keys)
        {
            cancellation.ThrowIfCancellationRequested();
            KeyFile file;
            try
            {
                file = Load(files, key.Name);
            }
            catch (ImageBackupException e) when (e.Id == ErrorId.KeyCorrupt)
            {
                damaged = e;
                continue;
            }
            readable++;
            if (file.Open(password) is not { } master)
                continue;
            if (fits(master))
            {
                stranger?.Master.Dispose();
                return (master, key.Name);
            }
            if (stranger is null)
                stranger = (master, key.Name);
            else
                master.Dispose();
        }
        if (stranger is { } found)
            return found;
        if (readable == 0 && damaged is not null)
            throw damaged;
        string also = damaged is null ? "" : $" (and {damaged.Message})";
        throw new ImageBackupException(ErrorId.WrongPassword,
            $"The password opens none of the {readable} key{(readable == 1 ? "" : "s")} of the repository '{files.Location}'{also}.", files.Location);
    }
}
