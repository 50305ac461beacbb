using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Crash;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage.Servers;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>
/// kill -9 of the Host at any of its requests to a server, in backups and in removals, again and again: nothing that was confirmed is lost, and the
/// next command needs no human. IMAGEBACKUP_KILLS says how often (4).
/// </summary>
[Collection(ObjectStoreTests.Name)]
public sealed class ServerKillTests(CephService ceph, AzureService azure) : IDisposable
{
    private const int VolumeBytes = 14 << 20;

    private static readonly int s_killCount = int.Parse(Environment.GetEnvironmentVariable("IMAGEBACKUP_KILLS") ?? "4", CultureInfo.InvariantCulture);

    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Over_REST()
    {
        HostProcess.Require();
        using var server = new RestServer();
        await KillAll(server.Port, port => (server.Url("killed", port), null));
        ResticTool.Run(server.Url("killed"), "check", "--read-data");
    }

    [Fact]
    public async Task Over_S3()
    {
        HostProcess.Require();
        ceph.Need();
        string name = ceph.NewName();
        await KillAll(ceph.Port, port => (ceph.Url(name, port), null));
        ResticTool.Run(ceph.Url(name), "check", "--read-data");
    }

    [Fact]
    public async Task Over_Azure()
    {
        HostProcess.Require();
        azure.Need();
        string name = azure.NewName();
        await KillAll(azure.Port, port => (AzureService.Url(name), azure.Options(port)));
    }

    private async Task KillAll(int serverPort, Func<int, (string Url, Dictionary<string, string>? Options)> place)
    {
        await using var proxy = new FaultyProxy(serverPort);
        StorageLocation location = StorageRegistry.Parse(place(serverPort).Url, place(serverPort).Options);
        string earlier = _rig.Volume("earlier.img", 1), volume = _rig["volume.img"], earlierId;
        using (RepositoryPassword password = TestRepository.NewPassword())
        using (ImageRepository created = ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
            earlierId = ResticRig.Backup(created, earlier).Id;

        // Small packs: more requests to be killed at.
        (string url, Dictionary<string, string>? options) = place(proxy.Port);
        string connect = $"$env:RESTIC_PACK_SIZE = 4; $c = Connect-ImageRepository '{url}' -StorageOption @{{ {string.Join("; ", options?.Select(option => $"'{option.Key}' = '{option.Value}'") ?? [])} }}; ";
        string backup = connect + $"Backup-VolumeImage '{volume}' -ChunkSize 256KB";
        File.WriteAllBytes(volume, SeededBytes.Make(2, VolumeBytes));
        int backupRequests = Count(backup);
        int removalRequests = Count(Removal());

        var random = new Random(17);
        int kills = 0;
        for (int round = 0; round < s_killCount; round++)
        {
            bool isRemoval = round % 2 == 1;
            File.WriteAllBytes(volume, SeededBytes.Make(100 + round, VolumeBytes));
            string command = isRemoval ? Removal() : backup;
            proxy.Forget();
            using (HostProcess host = HostProcess.Begin(command))
            {
                int moment = random.Next(1, isRemoval ? removalRequests : backupRequests);
                while (!host.HasEnded && proxy.Requests.Count < moment)
                    Thread.Sleep(1);
                if (!host.HasEnded)
                    kills++;
                host.Kill();
            }
            using ImageRepository repository = Open();
            // The dead process's lock is stale to us at once.
            Assert.All(repository.Locks(), held => Assert.True(held.IsStale));
            _rig.AssertRestores(repository, earlierId, earlier);
        }
        Assert.True(kills * 2 > s_killCount, $"Only {kills} of {s_killCount} were caught alive.");

        using (ImageRepository repository = Open())
        {
            string lastId = ResticRig.Backup(repository, volume).Id;
            Assert.Empty(repository.Check(readData: true, null, TestContext.Current.CancellationToken).Problems);
            repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, TestContext.Current.CancellationToken);
            TestRepository.AssertHealthy(repository);
            Assert.Empty(repository.Locks());
            _rig.AssertRestores(repository, earlierId, earlier);
            _rig.AssertRestores(repository, lastId, volume);
        }
        ImageRepository Open()
        {
            using RepositoryPassword password = TestRepository.NewPassword();
            return ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken);
        }

        // Of an image that shares half of its packs with one that stays.
        string Removal()
        {
            using ImageRepository repository = Open();
            string id = ResticRig.Backup(repository, volume).Id;
            File.WriteAllBytes(volume, [.. File.ReadAllBytes(volume).AsSpan(0, VolumeBytes / 2), .. SeededBytes.Make(Environment.TickCount, 1 << 20)]);
            ResticRig.Backup(repository, volume);
            return connect + $"Remove-ImageBackup {id} -Confirm:$false; $null = Optimize-ImageRepository -MaxUnused 0 -Confirm:$false";
        }

        int Count(string command)
        {
            proxy.Forget();
            using HostProcess host = HostProcess.Begin(command);
            (int code, string output, string error) = host.End();
            Assert.True(code == 0, output + error);
            return proxy.Requests.Count;
        }
    }
}
