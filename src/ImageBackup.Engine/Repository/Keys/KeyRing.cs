using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Keys;

/// <summary>The repository's key files: which of them a password opens.</summary>
internal static class KeyRing
{
    /// <summary>restic tries no more than so many keys, in no certain order.</summary>
    private const int ResticTriedCount = 20;

    /// <summary>So many key files are read at most: with their limit, some tens of megabytes.</summary>
    private const int ReadCount = 1000;

    /// <summary>A label is a few words of one line.</summary>
    public const int MaxLabelLength = 100;

    public static string Add(RepositoryFiles files, MasterKey master, RepositoryPassword password, string? label = null)
    {
        byte[] content = KeyFile.Create(master, password, label).Write();
        string name = BlobId.Of(content).ToString();
        files.Save(StoredKind.Key, name, content);
        return name;
    }

    /// <summary>
    /// Adds a key for another password and proves that it opens. Until its file is under its name, durably, there is no new
    /// key; the others are not touched, so no moment is one at which nothing opens the repository.
    /// </summary>
    /// <exception cref="ImageBackupException">PasswordMissing, RepositoryWriteFailed, a storage failure.</exception>
    public static RepositoryKeyInfo AddProven(RepositoryFiles files, MasterKey master, RepositoryPassword password, string currentName, string? label)
    {
        ThrowIfUnfit(files, password, label);
        string name = Add(files, master, password, label);
        using MasterKey? opened = Load(files, name).Open(password);
        if (opened is null || !opened.IsSame(master))
        {
            files.Delete(StoredKind.Key, name);
            throw new ImageBackupException(ErrorId.RepositoryWriteFailed, "The new key did not open again: this machine's memory or the storage is faulty. It was removed.", files.Location);
        }
        return Info(files, name, currentName);
    }

    /// <exception cref="ImageBackupException">PasswordMissing, ParameterInvalid (the label).</exception>
    public static void ThrowIfUnfit(RepositoryFiles files, RepositoryPassword password, string? label)
    {
        if (password.IsEmpty)
            throw new ImageBackupException(ErrorId.PasswordMissing, "A key cannot have an empty password.", files.Location);
        if (label is not null && (label.Length > MaxLabelLength || string.IsNullOrWhiteSpace(label) || label.Any(char.IsControl)))
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"A key's label is one line of 1 to {MaxLabelLength} characters, without control characters.", label);
        }
    }

    /// <summary>Throws if the repository has as many keys as restic tries.</summary>
    /// <exception cref="ImageBackupException">NotSupported.</exception>
    public static void ThrowIfFull(RepositoryFiles files)
    {
        int count = files.List(StoredKind.Key).Count();
        if (count >= ResticTriedCount)
        {
            throw new ImageBackupException(ErrorId.NotSupported,
                $"The repository '{files.Location}' has {count} keys, and restic tries no more than {ResticTriedCount}: it might never find another.", files.Location)
            {
                RecommendedAction = "Remove unused keys with Remove-ImageRepositoryKey.",
            };
        }
    }

    /// <summary>All keys, the damaged ones too.</summary>
    public static IReadOnlyList<RepositoryKeyInfo> List(RepositoryFiles files, string currentName) =>
        files.List(StoredKind.Key).Select(file => Info(files, file.Name, currentName))
            .OrderBy(key => key.Created ?? DateTime.MaxValue).ThenBy(key => key.Id, StringComparer.Ordinal).ToList();

    /// <summary>
    /// Removes a key; never the one that opened the repository, and none if that one has gone: nobody knows then
    /// whether another one opens it.
    /// </summary>
    /// <exception cref="ImageBackupException">KeyInUse, KeyIsLast, KeyNotFound, a storage failure.</exception>
    public static void Remove(RepositoryFiles files, string name, string currentName)
    {
        ThrowIfNeeded(files, name, currentName);
        files.Delete(StoredKind.Key, name);
        files.SyncDeletions(StoredKind.Key);
    }

    /// <exception cref="ImageBackupException">KeyInUse, KeyIsLast, KeyNotFound, a storage failure.</exception>
    public static void ThrowIfNeeded(RepositoryFiles files, string name, string currentName)
    {
        if (name == currentName)
        {
            throw new ImageBackupException(ErrorId.KeyInUse,
                $"The key {DisplayText.ShortId(name)} is the one that this session opened the repository '{files.Location}' with.", name);
        }
        if (!files.Exists(StoredKind.Key, name))
            throw new ImageBackupException(ErrorId.KeyNotFound, $"The repository '{files.Location}' has no key {DisplayText.ShortId(name)} any more.", name);
        if (Info(files, currentName, currentName) is { Problem: { } problem })
        {
            throw new ImageBackupException(ErrorId.KeyIsLast,
                $"The key {DisplayText.ShortId(name)} may be the last one that opens the repository '{files.Location}': the one in use is gone or damaged ({problem}).", name);
        }
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
            Label = key?.Label,
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

    /// <summary>
    /// The key that a password opens. A user who can write to the repository can put keys there, dear ones and many: the one that is
    /// named is tried first, then the cheap before the dear, until the work of one key at the limit has been done in all.
    /// </summary>
    /// <param name="files">The repository's files.</param>
    /// <param name="password">The password.</param>
    /// <param name="fits">
    /// Whether a master key is the repository's: a creation that ended half way may have left a key of the same password
    /// and of another master key. If none fits, the first that the password opens is given.
    /// </param>
    /// <param name="cancellation">Ends the trying, within a key too.</param>
    /// <param name="hint">The beginning of the id of the key to try first, whatever it costs; null or empty: none.</param>
    /// <param name="ahead">A list of the keys that was begun before; null: none.</param>
    /// <exception cref="ImageBackupException">
    /// WrongPassword; KeysNotTried if there are more than could be tried; KeyCorrupt if every key is unreadable;
    /// RepositoryInvalid if there is none.
    /// </exception>
    public static (MasterKey Master, string KeyName) Open(
        RepositoryFiles files, RepositoryPassword password, Func<MasterKey, bool> fits, CancellationToken cancellation, string? hint = null, ListsAhead? ahead = null)
    {
        List<string> names = files.List(StoredKind.Key, ahead).Select(key => key.Name).ToList();
        if (names.Count == 0)
            throw new ImageBackupException(ErrorId.RepositoryInvalid, $"The directory '{files.Location}' has a 'config' but no keys.", files.Location);
        // A stable order, and the named one among those that are read at all.
        names = names.OrderByDescending(name => IsHinted(name, hint)).ThenBy(name => name, StringComparer.Ordinal).ToList();
        ImageBackupException? damaged = null;
        var keys = new List<(string Name, KeyFile File)>();
        foreach (string name in names.Take(ReadCount))
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                keys.Add((name, Load(files, name)));
            }
            catch (ImageBackupException e) when (e.Id == ErrorId.KeyCorrupt)
            {
                damaged = e;
            }
        }
        int triedCount = 0, untriedCount = Math.Max(0, names.Count - ReadCount);
        long spentBytes = 0;
        (MasterKey Master, string KeyName)? stranger = null;
        foreach ((string name, KeyFile file) in keys.OrderByDescending(key => IsHinted(key.Name, hint)).ThenBy(key => key.File.WorkBytes))
        {
            if (triedCount > 0 && spentBytes + file.WorkBytes > KeyFile.WorkLimitBytes)
            {
                untriedCount++;
                continue;
            }
            MasterKey? opened;
            try
            {
                opened = file.Open(password, cancellation);
            }
            catch (OutOfMemoryException)
            {
                // It asks for more than this machine has; another may be the right one.
                untriedCount++;
                continue;
            }
            triedCount++;
            // The named one does not count: who names it wants it tried, and the others too if it was the wrong one.
            spentBytes += IsHinted(name, hint) ? 0 : file.WorkBytes;
            if (opened is not { } master)
                continue;
            if (fits(master))
            {
                stranger?.Master.Dispose();
                return (master, name);
            }
            if (stranger is null)
                stranger = (master, name);
            else
                master.Dispose();
        }
        if (stranger is { } found)
            return found;
        if (keys.Count == 0 && untriedCount == 0 && damaged is not null)
            throw damaged;
        throw NoneOpens(files, triedCount, untriedCount, damaged is null ? "" : $" (and {damaged.Message})");
    }

    private static ImageBackupException NoneOpens(RepositoryFiles files, int triedCount, int untriedCount, string also)
    {
        string tried = $"The password opens none of the {triedCount} key{(triedCount == 1 ? "" : "s")} ";
        return untriedCount == 0
            ? new ImageBackupException(ErrorId.WrongPassword, $"{tried}of the repository '{files.Location}'{also}.", files.Location)
            : new ImageBackupException(ErrorId.KeysNotTried,
                $"{tried}of the repository '{files.Location}' that were tried{also}. {untriedCount} more key{(untriedCount == 1 ? " was" : "s were")} not tried, because that would take too long or too much memory; "
                + "name yours with RESTIC_KEY_HINT or Connect-ImageRepository -KeyId. Somebody may have put keys there.", files.Location);
    }

    private static bool IsHinted(string name, string? hint) => !string.IsNullOrEmpty(hint) && name.StartsWith(hint, StringComparison.OrdinalIgnoreCase);
}
