using System;
using System.IO;
using System.Text;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public sealed class SnapshotDefaultsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_is_set_is_read_again_and_the_rest_stays()
    {
        string path = Path.Combine(_directory["new"], "snapshots.json");
        Assert.Equal(SnapshotDefaults.Empty, SnapshotDefaults.Load(path));
        SnapshotDefaults.Edit(path, d => d with { Provider = "LINUX_LVM", CacheSizePercent = 15, IdleWait = TimeSpan.FromMilliseconds(250), SnapshotTimeout = TimeSpan.FromSeconds(90) });
        SnapshotDefaults.Edit(path, d => d with { CreateCommand = "freeze \"$IMAGEBACKUP_VOLUME\"", ExcludeWriters = ["a", "b"], CacheSizePercent = null });
        SnapshotDefaults now = SnapshotDefaults.Load(path);
        Assert.Equal(("LINUX_LVM", null, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(90), "freeze \"$IMAGEBACKUP_VOLUME\""),
            (now.Provider, now.CacheSizePercent, now.IdleWait, now.SnapshotTimeout, now.CreateCommand));
        Assert.Equal(["a", "b"], now.ExcludeWriters);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"provider\":5}")]
    [InlineData("{\"cacheSizePercent\":0}")]
    [InlineData("{\"cacheSizePercent\":1e99}")]
    [InlineData("{\"idleWaitSeconds\":1000}")]
    [InlineData("{\"idleWaitSeconds\":-1}")]
    [InlineData("{\"snapshotTimeoutSeconds\":0}")]
    [InlineData("{\"commandTimeoutSeconds\":1e300}")]
    [InlineData("{\"createCommand\":\"a\\nb\"}")]
    [InlineData("{\"includeWriters\":[1]}")]
    [InlineData("{\"includeWriters\":[[[[[[]]]]]]}")]
    public void A_fault_is_told_with_the_file(string json)
    {
        string path = _directory["snapshots.json"];
        File.WriteAllText(path, json);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => SnapshotDefaults.Load(path));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.Throws<ImageBackupException>(() => SnapshotDefaults.Edit(path, d => d));
        Assert.Equal(json, File.ReadAllText(path));
    }

    [Fact]
    public void A_bad_value_changes_nothing()
    {
        string path = _directory["snapshots.json"];
        SnapshotDefaults.Edit(path, d => d with { IdleRetries = 3 });
        byte[] before = File.ReadAllBytes(path);
        Assert.Throws<ImageBackupException>(() => SnapshotDefaults.Edit(path, d => d with { IdleRetries = -1 }));
        Assert.Throws<ImageBackupException>(() => SnapshotDefaults.Edit(path, d => d with { Provider = "a b" }));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Contains("\"idleRetries\": 3", Encoding.UTF8.GetString(before), StringComparison.Ordinal);
    }
}
