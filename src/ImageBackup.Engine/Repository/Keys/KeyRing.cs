using System;
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

    /// <exception cref="ImageBackupException">WrongPassword; KeyCorrupt where every key is unreadable; RepositoryInvalid where there is none.</exception>
    public static (MasterKey Master, string KeyName) Open(RepositoryFiles files, RepositoryPassword password, CancellationToken cancellation)
    {
        StoredFile[] keys = files.List(StoredKind.Key).Take(TriedCount).ToArray();
        if (keys.Length == 0)
            throw new ImageBackupException(ErrorId.RepositoryInvalid, $"The directory '{files.Location}' has a 'config' but no keys.", files.Location);
        ImageBackupException? damaged = null;
        int readable = 0;
        foreach (StoredFile key in keys)
        {
            cancellation.ThrowIfCancellationRequested();
            KeyFile file;
            try
            {
                byte[] content = files.Load(StoredKind.Key, key.Name);
                if (BlobId.Of(content).ToString() != key.Name)
                    throw files.Corrupt(StoredKind.Key, key.Name, "its content does not match its name");
                file = KeyFile.Read(content);
            }
            catch (FormatException e)
            {
                damaged = files.Corrupt(StoredKind.Key, key.Name, e.Message.TrimEnd('.'));
                continue;
            }
            catch (ImageBackupException e) when (e.Id == ErrorId.KeyCorrupt)
            {
                damaged = e;
                continue;
            }
            readable++;
            if (file.Open(password) is { } master)
                return (master, key.Name);
        }
        if (readable == 0 && damaged is not null)
            throw damaged;
        string also = damaged is null ? "" : $" (and {damaged.Message})";
        throw new ImageBackupException(ErrorId.WrongPassword,
            $"The password opens none of the {readable} key{(readable == 1 ? "" : "s")} of the repository '{files.Location}'{also}.", files.Location);
    }
}
