using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <summary>Paging files and shadow storage on real volumes: what is found is exactly their content.</summary>
public sealed class NtfsOmittedTests
{
    private const string Store = "{6b3a3c1e-9d52-11ef-8c0b-00155d012345}{3808876b-c176-4e48-b7ae-04046e6cc752}";
    private const string Catalog = "{3808876B-C176-4e48-B7AE-04046E6CC752}";

    [Fact]
    public void TheyAreFoundAndNothingElseIsTouched()
    {
        using ImageFile image = Create();
        IReadOnlyList<OmittedFile> found = Find(image);
        Assert.Equal(
            ["System Volume Information\\" + Catalog, "System Volume Information\\" + Store, "hiberfil.sys", "pagefile.sys", "swapfile.sys"],
            found.Select(static file => file.Path).Order(StringComparer.Ordinal));

        UsedRangeMap map = new NtfsReader().ReadUsedRanges(image, CancellationToken.None);
        SortedDictionary<string, string> before = NtfsImages.Hash(image);
        using ImageFile copy = image.Copy();
        foreach (ByteRange range in found.SelectMany(static file => file.Ranges))
        {
            Assert.True(map.Covers(range));
            copy.Write(range.OffsetBytes, new byte[range.LengthBytes]);
        }
        SortedDictionary<string, string> after = NtfsImages.Hash(copy);
        Assert.Equal(
            found.Select(static file => file.Path.Replace('\\', '/')).Order(StringComparer.Ordinal),
            before.Keys.Where(path => before[path] != after[path]).Order(StringComparer.Ordinal));
        Assert.Equal(before.Keys, after.Keys);
        foreach (OmittedFile file in found)
            Assert.Equal(ClustersOf(Length(file.Path)), file.Ranges.Sum(static range => range.LengthBytes));
    }

    [Fact]
    public void AHibernatedSystemKeepsThemAll()
    {
        using ImageFile image = Create("hibr");
        Assert.Empty(Find(image));
    }

    [Fact]
    public void AnOpenJournalKeepsThemUnlessTheDriverFlushed()
    {
        using ImageFile image = Create();
        NtfsLog.Write(image, isClean: false);
        Assert.Empty(Find(image));
        Assert.Equal(5, new NtfsReader().FindOmittedFiles(image, isFlushed: true, CancellationToken.None).Count);
    }

    [Fact]
    public void AFileOfThatNameThatIsNoHiddenSystemFileIsKept()
    {
        using ImageFile image = Create(isHidden: false);
        Assert.DoesNotContain(Find(image), static file => file.Path.EndsWith(".sys", StringComparison.Ordinal));
    }

    private static IReadOnlyList<OmittedFile> Find(ImageFile image) =>
        new NtfsReader().FindOmittedFiles(image, isFlushed: false, CancellationToken.None);

    private static int Length(string path) => path switch
    {
        "pagefile.sys" => 3_000_000,
        "hiberfil.sys" => 2_000_001,
        "swapfile.sys" => 500_000,
        _ => 700_000,
    };

    private static long ClustersOf(long length) => (length + 4095) / 4096 * 4096;

    [DllImport("libc", EntryPoint = "setxattr", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int SetAttribute(string path, string name, byte[] value, nint size, int flags);

    internal static ImageFile Create(string hibernationMagic = "wake", bool isHidden = true)
    {
        NtfsImages.RequireTools();
        ImageFile image = NtfsImages.Create(48 << 20);
        try
        {
            using FuseMount mount = NtfsImages.Mount(image);
            // Enough names to push the root's index out of its record.
            for (int i = 0; i < 300; i++)
                File.WriteAllText(Path.Combine(mount.Root, $"some other file of the root number {i}"), "text");
            FileTree.Churn(mount.Root, 8 << 20, 9);
            Directory.CreateDirectory(Path.Combine(mount.Root, "System Volume Information"));
            foreach (string path in new[] { "pagefile.sys", "hiberfil.sys", "swapfile.sys", "System Volume Information/" + Store, "System Volume Information/" + Catalog })
            {
                var content = new byte[Length(path)];
                new Random(content.Length).NextBytes(content);
                if (path == "hiberfil.sys")
                    System.Text.Encoding.ASCII.GetBytes(hibernationMagic).CopyTo(content, 0);
                string fullPath = Path.Combine(mount.Root, path);
                File.WriteAllBytes(fullPath, content);
                if (isHidden)
                    Assert.Equal(0, SetAttribute(fullPath, "system.ntfs_attrib", [0x26, 0, 0, 0], 4, 0));
            }
            File.WriteAllText(Path.Combine(mount.Root, "System Volume Information", "tracking.log"), new string('x', 20_000));
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }
}
