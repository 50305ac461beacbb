using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Keys;

public sealed class KeyFileTests
{
    /// <summary>Made by restic 0.14.0 under the password "geheim ✓"; what it holds by <c>restic cat masterkey</c>.</summary>
    internal const string ResticKey = """{"created":"2026-11-22T15:02:14.09449928Z","username":"root","hostname":"vm","kdf":"scrypt","N":32768,"r":8,"p":6,"salt":"YseVYc4XQYt0NY1T7wGI2Kg+wVEwPUTvJkWkcSyacZK1/MYJHRyihKThk1yIODiTMiahZsuPemb6YdwmHNePdQ==","data":"xx6xlKNX2nQe/fZCg0jDS96dTpC2K24FDHI5GQXKHGiMfgkJ/zcqp018elY/x2Nv/9ZnjbKEKWSS0qvp3BSFloXMlpw4TQP0FREJmmZ3K1PB7BhWp6TzpNgnKEgOgceNqVsb2wk5CWbWuwy4O8CLtuNd/mEyOYcsaEg0yV3Ph2J4CKNTeXVWkdonO64Vmv0aKQf4frN1BI38W9rwfkJjyw=="}""";

    /// <summary>What a crash would leave on the disk has the keys in it.</summary>
    [Fact]
    public void While_a_key_is_held_there_are_no_core_dumps()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "prctl is Linux's.");
        using MasterKey one = MasterKey.Generate();
        using (MasterKey two = MasterKey.Generate())
            Assert.True(CoreDumps.AreForbidden);
        // Others may hold one beside these tests, so that it ends with the last is proven by the one that is left.
        one.IsSame(one);
        Assert.True(CoreDumps.AreForbidden);
        MasterKey twice = MasterKey.Generate();
        twice.Dispose();
        twice.Dispose();
        Assert.True(CoreDumps.AreForbidden);
    }

    /// <summary>The example of design.rst, "Keys, Encryption and MAC" (the document omits its password, and a comma).</summary>
    private const string DocumentKey = """
        {
            "hostname": "kasimir",
            "username": "fd0",
            "kdf": "scrypt",
            "N": 65536,
            "r": 8,
            "p": 1,
            "created": "2015-01-02T18:10:13.48307196+01:00",
            "data": "tGwYeKoM0C4j4/9DFrVEmMGAldvEn/+iKC3te/QE/6ox/V4qz58FUOgMa0Bb1cIJ6asrypCx/Ti/pRXCPHLDkIJbNYd2ybC+fLhFIJVLCvkMS+trdywsUkglUbTbi+7+Ldsul5jpAj9vTZ25ajDc+4FKtWEcCWL5ICAOoTAxnPgT+Lh8ByGQBH6KbdWabqamLzTRWxePFoYuxa7yXgmj9A==",
            "salt": "uW4fEI1+IOzj7ED9mVor+yTSJFd68DGlGOeLgJELYsTU5ikhG/83/+jGd4KKAaQdSrsfzrdOhAMftTSih5Ux6w=="
        }
        """;

    [Fact]
    public void Opens_a_key_that_restic_made()
    {
        KeyFile file = KeyFile.Read(Encoding.UTF8.GetBytes(ResticKey));
        using RepositoryPassword password = Password("geheim ✓");
        using MasterKey? key = file.Open(password);
        Assert.NotNull(key);
        Assert.Equal("O6FHdPBuC4pjFuQ/jvHOng==", Convert.ToBase64String(key.MacK));
        Assert.Equal("FMoVC9wfzwVIE/YBmPBgDg==", Convert.ToBase64String(key.MacR));
        Assert.Equal("3C3MSmZzc3icb/u73OolBc+qzGP4/4jZk/bvgovmFRM=", Convert.ToBase64String(key.Encryption));
        using RepositoryPassword wrong = Password("geheim");
        Assert.Null(file.Open(wrong));
    }

    [Fact]
    public void Reads_the_documents_example()
    {
        KeyFile file = KeyFile.Read(Encoding.UTF8.GetBytes(DocumentKey));
        Assert.Equal((65536, 8, 1), (file.N, file.R, file.P));
        Assert.Equal((64, "kasimir", "fd0"), (file.Salt.Length, file.HostName, file.UserName));
        Assert.Equal(new DateTimeOffset(2015, 1, 2, 18, 10, 13, TimeSpan.FromHours(1)).AddTicks(4830719), file.Created);
        Assert.Equal(160, file.Data.Length);
    }

    [Fact]
    public void Round_trip()
    {
        using MasterKey master = MasterKey.Generate();
        using RepositoryPassword password = Password("a long one with spaces and ünïcödé");
        byte[] json = KeyFile.Create(master, password).Write();
        using MasterKey? opened = KeyFile.Read(json).Open(password);
        Assert.NotNull(opened);
        Assert.Equal(master.Encryption, opened.Encryption);
        Assert.Equal(master.MacK, opened.MacK);
        Assert.Equal(master.MacR, opened.MacR);
        string text = Encoding.UTF8.GetString(json);
        Assert.DoesNotContain("long one", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(master.Encryption), text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 8, 1)]
    [InlineData(-32768, 8, 1)]
    [InlineData(1, 8, 1)]
    [InlineData(32767, 8, 1)]
    [InlineData(1 << 30, 8, 1)]
    [InlineData(32768, 0, 1)]
    [InlineData(32768, 257, 1)]
    [InlineData(32768, int.MaxValue, 1)]
    [InlineData(32768, 8, 0)]
    [InlineData(32768, 8, 65)]
    [InlineData(1 << 20, 16, 1)]
    [InlineData(1 << 20, 8, 64)]
    [InlineData(65536, 1, 1)] // RFC 7914, section 2: N < 2^(128 * r / 8)
    public void Parameters_that_nobody_means_are_refused(int n, int r, int p) => Assert.Throws<FormatException>(() => KeyFile.Read(WithCost(n, r, p)));

    [Theory]
    [InlineData(2, 1, 1)]
    [InlineData(16, 256, 64)]
    public void Odd_parameters_are_computed(int n, int r, int p)
    {
        using RepositoryPassword password = Password("x");
        Assert.Null(KeyFile.Read(WithCost(n, r, p)).Open(password));
    }

    [Fact]
    public void The_password_may_be_any_of_the_keys()
    {
        (MemoryStorage storage, RepositoryFiles files, MasterKey master) = New();
        string[] names = ["one", "two", "three"];
        foreach (string name in names)
        {
            using RepositoryPassword password = Password(name);
            KeyRing.Add(files, master, password);
        }
        foreach (string name in names)
        {
            using RepositoryPassword password = Password(name);
            (MasterKey opened, string keyName) = KeyRing.Open(files, password, _ => true, CancellationToken.None);
            Assert.Equal(master.Encryption, opened.Encryption);
            Assert.Contains(keyName, storage.Names(StoredKind.Key));
        }
        using RepositoryPassword wrong = Password("four");
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => KeyRing.Open(files, wrong, _ => true, CancellationToken.None));
        Assert.Equal(ErrorId.WrongPassword, e.Id);
        Assert.DoesNotContain("four", e.Message, StringComparison.Ordinal);
        Assert.Contains("3 keys", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_key_is_passed_over_where_another_opens()
    {
        (MemoryStorage storage, RepositoryFiles files, MasterKey master) = New();
        using RepositoryPassword password = Password("good");
        KeyRing.Add(files, master, password);
        byte[] garbage = Encoding.UTF8.GetBytes("{ this is not a key");
        storage.Save(StoredKind.Key, BlobId.Of(garbage).ToString(), garbage);
        storage.Save(StoredKind.Key, new string('0', 64), Encoding.UTF8.GetBytes(ResticKey));
        Assert.Equal(master.MacK, KeyRing.Open(files, password, _ => true, CancellationToken.None).Master.MacK);
        using RepositoryPassword wrong = Password("bad");
        Assert.Equal(ErrorId.WrongPassword, Assert.Throws<ImageBackupException>(() => KeyRing.Open(files, wrong, _ => true, CancellationToken.None)).Id);
    }

    [Fact]
    public void Only_damaged_keys_are_said_to_be_that()
    {
        (MemoryStorage storage, RepositoryFiles files, MasterKey master) = New();
        using RepositoryPassword password = Password("good");
        string name = KeyRing.Add(files, master, password);
        byte[] content = storage.Content(StoredKind.Key, name);
        storage.Replace(StoredKind.Key, name, content.Take(content.Length / 2).ToArray());
        Assert.Equal(ErrorId.KeyCorrupt, Assert.Throws<ImageBackupException>(() => KeyRing.Open(files, password, _ => true, CancellationToken.None)).Id);
        storage.Delete(StoredKind.Key, name);
        // Without its config the repository would be gone.
        storage.Save(StoredKind.Config, "", [1]);
        Assert.Equal(ErrorId.RepositoryInvalid, Assert.Throws<ImageBackupException>(() => KeyRing.Open(files, password, _ => true, CancellationToken.None)).Id);
    }

    private static (MemoryStorage, RepositoryFiles, MasterKey) New()
    {
        var storage = new MemoryStorage();
        return (storage, new RepositoryFiles(storage), MasterKey.Generate());
    }

    private static byte[] WithCost(int n, int r, int p) => Encoding.UTF8.GetBytes(ResticKey
        .Replace("\"N\":32768", "\"N\":" + n.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("\"r\":8", "\"r\":" + r.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("\"p\":6", "\"p\":" + p.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));

    private static RepositoryPassword Password(string text) => RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(text));
}
