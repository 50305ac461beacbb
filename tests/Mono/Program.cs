using System;
using System.Security;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Verify;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Tests.Mono;

/// <summary>
/// The engine's netstandard2.0 build at work: <c>backup REPOSITORY PASSWORD VOLUME</c> creates a repository and puts out the
/// image's id, <c>restore REPOSITORY PASSWORD ID TARGET</c> restores and proves an image that anybody made.
/// </summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        try
        {
            using RepositoryPassword password = RepositoryPassword.From(Secret(arguments[2]));
            switch (arguments[0])
            {
                case "backup":
                    using (ImageRepository repository = ImageRepository.Create(arguments[1], password, CancellationToken.None))
                    {
                        VolumeDescription volume = VolumeSystem.Current.Find(arguments[3]);
                        ImageBackupInfo image = new BackupJob(repository, VolumeSystem.Current).Run(
                            new BackupRequest { Volume = volume, ChunkSizeBytes = 256 << 10 }, null, CancellationToken.None);
                        Console.WriteLine(image.Id);
                    }
                    return 0;
                case "restore":
                    using (ImageRepository repository = ImageRepository.Open(arguments[1], password, CancellationToken.None))
                    {
                        var request = new RestoreRequest { ImageId = arguments[3], Destination = arguments[4] };
                        _ = new RestoreJob(repository, VolumeSystem.Current).Run(request, null, CancellationToken.None);
                        bool isWhole = new VerifyJob(repository).Run(arguments[3], null, CancellationToken.None).IsWhole;
                        Console.WriteLine(isWhole ? "whole" : "NOT WHOLE");
                        return isWhole ? 0 : 1;
                    }
                default:
                    Console.Error.WriteLine($"'{arguments[0]}' is neither backup nor restore.");
                    return 2;
            }
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            return 1;
        }
    }

    private static SecureString Secret(string text)
    {
        var secret = new SecureString();
        foreach (char c in text)
            secret.AppendChar(c);
        return secret;
    }
}
