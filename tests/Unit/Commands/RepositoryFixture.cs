using System;
using System.IO;
using System.Linq;
using System.Security;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>
/// A repository and a volume in a file, made once: deriving a key takes most of a second. Tests add images to it and
/// never remove any.
/// </summary>
public sealed class RepositoryFixture : IDisposable
{
    public const string PasswordText = "Wachtwoord-7!";

    public RepositoryFixture()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("imagebackup-commands-").FullName;
        Location = Path.Combine(Directory, "repository");
        // The list of repositories opened before is this user's: it is not for tests to fill.
        Environment.SetEnvironmentVariable("XDG_STATE_HOME", Path.Combine(Directory, "state"));
        using RepositoryPassword password = RepositoryPassword.From(Secret(PasswordText));
        ImageRepository.Create(Location, password, CancellationToken.None).Dispose();
        VolumeFile = NewVolume("volume.img", seed: 1);
    }

    public string Directory { get; }
    public string Location { get; }

    /// <summary>3 MiB and 5,000 bytes: random, a hole of 1 MiB, random.</summary>
    public string VolumeFile { get; }

    public static SecureString Secret(string text)
    {
        var secret = new SecureString();
        foreach (char c in text)
            secret.AppendChar(c);
        return secret;
    }

    public string NewVolume(string name, int seed)
    {
        string path = Path.Combine(Directory, name);
        var bytes = new byte[(3 * 1024 * 1024) + 5000];
        new Random(seed).NextBytes(bytes);
        Array.Clear(bytes, 1024 * 1024, 1024 * 1024);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>Every file under the repository with its length: what writing nothing leaves as it was.</summary>
    public string[] RepositoryFiles() =>
        [.. System.IO.Directory.EnumerateFiles(Location, "*", SearchOption.AllDirectories)
            .Select(f => $"{Path.GetRelativePath(Location, f)} {new FileInfo(f).Length}")
            .Order(StringComparer.Ordinal)];

    internal ShellSession NewSession(params Type[] moreCmdlets)
    {
        var session = new ShellSession(moreCmdlets);
        session.SetLocation(Directory);
        session.Set("repository", Location);
        session.Set("password", Secret(PasswordText));
        session.Set("volume", VolumeFile);
        return session;
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}

/// <summary>Tests of the cmdlets share a repository, and some the process's environment: one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class CommandTests : ICollectionFixture<RepositoryFixture>
{
    public const string Name = "Commands";
}
