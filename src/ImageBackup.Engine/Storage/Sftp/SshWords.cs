using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>What ssh says when it ends, in the words of <see cref="StorageException"/>.</summary>
internal static class SshWords
{
    private static readonly (string Words, StorageProblem Problem, bool IsPermanent)[] s_known =
    [
        ("host key verification failed", StorageProblem.Untrusted, true),
        ("remote host identification has changed", StorageProblem.Untrusted, true),
        ("no matching host key", StorageProblem.Untrusted, true),
        ("permission denied", StorageProblem.LoginRefused, true),
        ("too many authentication failures", StorageProblem.LoginRefused, true),
        ("subsystem request failed", StorageProblem.Unreachable, true),
        ("bad configuration option", StorageProblem.NoProgram, true),
        ("unknown option", StorageProblem.NoProgram, true),
    ];

    public static StorageException Failure(string said, Exception? reason, string shown)
    {
        (string words, StorageProblem problem, bool isPermanent) = s_known.FirstOrDefault(known => said.IndexOf(known.Words, StringComparison.OrdinalIgnoreCase) >= 0);
        string why = said.Length > 0 ? "ssh has ended: " + said : reason is null or EndOfStreamException or ObjectDisposedException ? "The connection ended." : reason.Message;
        if (reason is InvalidDataException)
            (words, problem, isPermanent, why) = ("", StorageProblem.Unreachable, true, reason.Message);
        return words is null
            ? new StorageException(StorageProblem.Unreachable, shown, why, reason)
            : new StorageException(problem, shown, why, reason) { IsPermanent = isPermanent };
    }
}
