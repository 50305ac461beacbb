using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Crash;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage.Servers;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>Copy-ImageBackup to a REST server by the Host, and kill -9 of it in the middle.</summary>
public sealed class ServerCopyTests : IDisposable
{
    private const int VolumeBytes = 40 << 20;

    /// <summary>So many packs land before the Host is killed.</summary>
    private const int LandedCount = 4;

    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task A_copy_that_is_killed_in_the_middle_goes_on_where_it_was()
    {
        HostProcess.Require();
        using var server = new RestServer();
        await using var proxy = new FaultyProxy(server.Port);
        StorageLocation location = StorageRegistry.Parse(server.Url("copy"));
        using RepositoryPassword password = TestRepository.NewPassword();
        // Noise: packs are as long as what is in them.
        string volume = _rig["volume"];
        File.WriteAllBytes(volume, SeededBytes.Make(21, VolumeBytes));
        string data = Path.Combine(server.Folder, "copy", "data");
        using (ImageRepository source = _rig.Create("source"))
            ResticRig.Backup(source, volume);
        using (ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
        {
        }
        FileInfo[] Packs() => [.. new DirectoryInfo(data).EnumerateFiles("*", SearchOption.AllDirectories)];
        int Sent() => proxy.Requests.Count(IsPack);
        static bool IsPack(ProxyRequest request) => request.Method == "POST" && request.Path.Contains("/data/", StringComparison.Ordinal);
        string copy = $"$env:RESTIC_PACK_SIZE = 4; $to = Connect-ImageRepository '{server.Url("copy", proxy.Port)}'; "
            + $"(Copy-ImageBackup -Repository '{_rig["source"]}' -Destination $to).CopyId";

        // The later packs are never answered, so that it cannot end before.
        int seen = 0;
        proxy.Script = request => IsPack(request) && Interlocked.Increment(ref seen) > LandedCount ? ProxyFault.Hang : ProxyFault.None;
        using (HostProcess host = HostProcess.Begin(copy))
        {
            while (Packs().Length < LandedCount)
            {
                Assert.False(host.HasEnded, "The copy ended before it was killed.");
                Thread.Sleep(5);
            }
            host.Kill();
        }
        FileInfo[] landed = Packs();
        long landedBytes = landed.Sum(pack => pack.Length);
        using (ImageRepository destination = Open())
            Assert.Empty(ResticRig.List(destination));

        proxy.Script = _ => ProxyFault.None;
        proxy.Forget();
        string copyId = End(copy);
        Assert.All(landed, pack => Assert.True(File.Exists(pack.FullName), "A pack that had landed is gone."));
        // What landed was whole, so it is not sent again: all packs together are hardly longer than the volume, of which nothing can be compressed.
        Assert.InRange(Packs().Sum(pack => pack.Length), VolumeBytes, VolumeBytes + (1 << 20));
        Assert.InRange(Packs().Length - landed.Length, 1, Sent());
        Assert.True(landedBytes >= LandedCount * (4L << 20) - (2 << 20), $"{landedBytes} bytes had landed.");

        // And once more: it is there.
        proxy.Forget();
        Assert.Equal(copyId, End(copy));
        Assert.Equal(0, Sent());
        using (ImageRepository destination = Open())
        {
            Assert.Equal(copyId, Assert.Single(ResticRig.List(destination)).Id);
            Assert.DoesNotContain(destination.Locks(), held => !held.IsStale);
            TestRepository.AssertHealthy(destination);
            _rig.AssertRestores(destination, copyId, volume);
        }
        ResticTool.Run(server.Url("copy"), "unlock");
        ResticTool.Run(server.Url("copy"), "check", "--read-data");

        ImageRepository Open() => ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken);

        static string End(string command)
        {
            using HostProcess host = HostProcess.Begin(command);
            (int code, string output, string error) = host.End();
            Assert.True(code == 0, output + error);
            return output.Trim();
        }
    }
}
