using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Engine.Storage.S3;
using ImageBackup.Session;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>What a repository's name says, and what is said of one that is not reached.</summary>
public sealed class StorageLocationTests
{
    [Theory]
    [InlineData("/srv/repo", "/srv/repo")]
    [InlineData("local:/srv/repo", "/srv/repo")]
    [InlineData(@"C:\repo", @"C:\repo")]
    [InlineData("./odd:name", "./odd:name")]
    [InlineData("unheard:of", "unheard:of")]
    public void A_path_is_a_directory(string text, string path)
    {
        StorageLocation location = StorageRegistry.Parse(text);
        Assert.Equal((StorageLocation.LocalScheme, path, path), (location.Scheme, location.LocalPath, location.DisplayName));
        Assert.False(StorageRegistry.HasScheme(text));
    }

    [Theory]
    [InlineData("gs:bucket:/x", "rclone:REMOTE:BUCKET")]
    [InlineData("b2:bucket:x", "s3:HOST/BUCKET")]
    [InlineData("swift:container:/x", "rclone:REMOTE:CONTAINER")]
    [InlineData("s3legacy:host/bucket", "s3_layout")]
    public void A_storage_that_is_not_reached_says_how_to_get_there(string text, string advice)
    {
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse(text, path => path));
        Assert.Equal(ErrorId.NotSupported, e.Id);
        Assert.Contains(advice, e.RecommendedAction, StringComparison.Ordinal);
        Assert.DoesNotContain("bucket", e.Message + e.Target, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Backup-VolumeImage x -Repository rest:https://me:s3:cr/et@h:8000/p/ -AsJob", "Backup-VolumeImage x -Repository rest:https://me@h:8000/p/ -AsJob")]
    [InlineData("x 'rest:http://:secret@h/' y", "x 'rest:http://@h/' y")]
    [InlineData("Get-ImageVolume /dev/sda", "Get-ImageVolume /dev/sda")]
    public void A_job_s_command_line_shows_no_password(string line, string shown) => Assert.Equal(shown, StorageRegistry.WithoutPasswords(line));

    [Fact]
    public void A_path_is_made_absolute_and_an_option_that_nobody_knows_is_refused()
    {
        Assert.Equal("/at/x", RepositoryLocation.Parse("x", path => "/at/" + path).LocalPath);
        var options = new Dictionary<string, string> { ["rest.conections"] = "9" };
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse("x", path => path, options));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.Contains("conections", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3:s3.amazonaws.com/bucket/a/b", "https://s3.amazonaws.com/", "bucket", "a/b/", null, false, "s3:s3.amazonaws.com/bucket/a/b")]
    [InlineData("s3:s3.eu-west-1.amazonaws.com/bucket", "https://s3.eu-west-1.amazonaws.com/", "bucket", "", "eu-west-1", false, "s3:s3.eu-west-1.amazonaws.com/bucket")]
    [InlineData("s3:s3.amazonaws.com/my.bucket/", "https://s3.amazonaws.com/", "my.bucket", "", null, true, "s3:s3.amazonaws.com/my.bucket")]
    [InlineData("s3://host:9000/bucket/x/", "https://host:9000/", "bucket", "x/", null, true, "s3:host:9000/bucket/x")]
    [InlineData("s3:http://127.0.0.1:9000/bucket//x", "http://127.0.0.1:9000/", "bucket", "x/", null, true, "s3:http://127.0.0.1:9000/bucket/x")]
    public void An_S3_location_is_restics(string text, string service, string bucket, string prefix, string? region, bool isPathStyle, string shown)
    {
        StorageLocation location = StorageRegistry.Parse(text);
        S3Address address = S3Location.AddressOf(location.Address, null);
        Assert.Equal((service, bucket, prefix, region, isPathStyle), (address.Service.AbsoluteUri, address.Bucket, address.Prefix, address.Region, address.IsPathStyle));
        Assert.Equal(shown, location.DisplayName);
        Assert.Equal(shown, StorageRegistry.Parse(shown).DisplayName);
        // Who names a bucket has not opened it: the SDK is not loaded for that.
        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly => assembly.GetName().Name!.StartsWith("AWSSDK", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("s3:host", "names no bucket")]
    [InlineData("s3:https://key:s3cret@host/bucket", "may hold no name and no password")]
    [InlineData("s3:ftp://host/bucket", "must be HOST/BUCKET")]
    [InlineData("s3:host/bucket?x", "may have no '?'")]
    [InlineData("s3:host/bucket", "cannot be DEEP_ARCHIVE", "s3.storage-class", "deep_archive")]
    [InlineData("s3:host/bucket", "must be one of: auto, dns, path", "s3.bucket-lookup", "guess")]
    [InlineData("s3:host/bucket", "must be one of", "s3.list-objects-v1", "perhaps")]
    [InlineData("s3:host/bucket", "must be a number from 1 to 3650", "s3.object-lock-days", "0")]
    [InlineData("s3:host/bucket", "must be one of: COMPLIANCE, GOVERNANCE", "s3.object-lock-mode", "none")]
    [InlineData("s3:host/bucket", "must be a time such as", "s3.point-in-time", "yesterday")]
    public void An_S3_location_that_cannot_be_used_says_why(string text, string why, string? option = null, string? value = null) =>
        AssertRefused(text, why, option, value);

    [Theory]
    [InlineData(null, true)]
    [InlineData("compliance", true)]
    [InlineData("Governance", false)]
    public void An_object_lock_is_the_stricter_one_unless_the_other_is_named_and_the_past_cannot_have_one(string? mode, bool isCompliance)
    {
        var options = new Dictionary<string, string> { ["s3.object-lock-days"] = "30" };
        if (mode is not null)
            options["s3.object-lock-mode"] = mode;
        S3Address address = S3Location.AddressOf("host/bucket", options);
        Assert.Equal((TimeSpan.FromDays(30), isCompliance), (address.Retention, address.IsCompliance));
        options["s3.point-in-time"] = "2026-11-29T20:00:00Z";
        Assert.Contains("exclude each other", Assert.Throws<FormatException>(() => S3Location.AddressOf("host/bucket", options)).Message, StringComparison.Ordinal);
        options.Remove("s3.object-lock-days");
        Assert.Equal(new DateTimeOffset(2026, 11, 29, 20, 0, 0, TimeSpan.Zero), S3Location.AddressOf("host/bucket", options).PointInTime);
    }

    [Theory]
    [InlineData("azure:backups:/a/b", "backups", "a/b/", "azure:backups:/a/b")]
    [InlineData("azure:backups:a//b/", "backups", "a/b/", "azure:backups:/a/b")]
    [InlineData("azure:backups:/", "backups", "", "azure:backups:/")]
    public void An_Azure_location_is_restics(string text, string container, string prefix, string shown)
    {
        StorageLocation location = StorageRegistry.Parse(text, new Dictionary<string, string> { ["azure.access-tier"] = "cool" });
        AzureAddress address = AzureLocation.AddressOf(location.Address, location.Options);
        Assert.Equal((container, prefix, "Cool"), (address.Container, address.Prefix, address.AccessTier));
        Assert.Equal(shown, location.DisplayName);
        Assert.Equal(shown, StorageRegistry.Parse(shown).DisplayName);
        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly => assembly.GetName().Name!.StartsWith("Azure.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("azure:backups", "must be CONTAINER:/PATH")]
    [InlineData("azure:No:/x", "3 to 63 lowercase letters")]
    [InlineData("azure:a--b:/x", "3 to 63 lowercase letters")]
    [InlineData("azure:backups:/a/../b", "no '..'")]
    [InlineData("azure:backups:/x", "must be one of: Hot, Cool, Cold", "azure.access-tier", "Archive")]
    [InlineData("azure:backups:/x", "must be the URL", "azure.endpoint", "https://me:s3cret@h/")]
    [InlineData("azure:backups:/x", "must be the URL", "azure.endpoint", "https://h/?sig=s3cret")]
    [InlineData("azure:backups:/x", "must be a number from 1 to 64", "azure.connections", "0")]
    public void An_Azure_location_that_cannot_be_used_says_why(string text, string why, string? option = null, string? value = null) =>
        AssertRefused(text, why, option, value);

    [Theory]
    [InlineData("myaccount", null, "https://myaccount.blob.core.windows.net/")]
    [InlineData("myaccount", "core.chinacloudapi.cn", "https://myaccount.blob.core.chinacloudapi.cn/")]
    [InlineData("devstoreaccount1", "localhost:10000", "https://devstoreaccount1.blob.localhost:10000/")]
    [InlineData(null, null, null, "set AZURE_ACCOUNT_NAME")]
    [InlineData("my/secret", null, null, "AZURE_ACCOUNT_NAME cannot be an account's name")]
    [InlineData("myaccount", "host/path", null, "AZURE_ENDPOINT_SUFFIX cannot be")]
    public void The_account_is_named_by_restics_variables(string? account, string? suffix, string? service, string? why = null)
    {
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_NAME", account);
        Environment.SetEnvironmentVariable("AZURE_ENDPOINT_SUFFIX", suffix);
        try
        {
            StorageLocation location = StorageRegistry.Parse("azure:backups:/x");
            if (why is null)
            {
                Assert.Equal(service, AzureLocation.WithAccess(location).Service!.AbsoluteUri);
                return;
            }
            var e = Assert.Throws<FormatException>(() => AzureLocation.WithAccess(location));
            Assert.Contains(why, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("my/secret", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("AZURE_ACCOUNT_NAME", null);
            Environment.SetEnvironmentVariable("AZURE_ENDPOINT_SUFFIX", null);
        }
    }

    [Theory]
    [InlineData("sftp:me@host:/srv/x/", "sftp:me@host:/srv/x")]
    [InlineData("sftp:host:x", "sftp:host:x")]
    [InlineData("sftp://me@host:2222//srv/x", "sftp://me@host:2222//srv/x")]
    [InlineData("rclone:remote:a/b", "rclone:remote:a/b")]
    [InlineData("rclone::local:/srv/x", "rclone::local:/srv/x")]
    public void A_location_behind_a_program_names_it_again(string text, string shown)
    {
        Assert.Equal(shown, StorageRegistry.Parse(text).DisplayName);
        using IStorage storage = StorageRegistry.Open(StorageRegistry.Parse(shown));
        Assert.Equal(shown, storage.Location.DisplayName);
    }

    [Theory]
    [InlineData("sftp:host", "must be USER@HOST")]
    [InlineData("sftp:-oProxyCommand=x:/y", "may not begin with '-'")]
    [InlineData("sftp://-x@host//y", "may not begin with '-'")]
    [InlineData("sftp://me:s3cret@host//y", "may hold no password")]
    [InlineData("sftp:h:/x", "leave one out", "sftp.command|sftp.args", "a|b")]
    [InlineData("sftp:h:/x", "has a quote that is not closed", "sftp.args", "-o 'x")]
    [InlineData("rclone:x", "must be REMOTE:PATH")]
    [InlineData("rclone:--config=x:y", "must be REMOTE:PATH")]
    [InlineData("rclone::sftp,host=x,pass=s3cret:y", "may hold no password")]
    [InlineData("rclone:r:y", "a time such as", "rclone.timeout", "soon")]
    public void A_location_behind_a_program_that_cannot_be_used_says_why(string text, string why, string? names = null, string? values = null)
    {
        var options = new Dictionary<string, string>();
        for (int i = 0; names is not null && i < names.Split('|').Length; i++)
            options[names.Split('|')[i]] = values!.Split('|')[i];
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse(text, path => path, options));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rest:http://h/", "rest.connections", "0")]
    [InlineData("rest:http://h/", "rest.connections", "65")]
    [InlineData("rest:http://h/", "REST.Connections", "many-secrets")]
    [InlineData("/x", "local.connections", "-1")]
    public void An_option_s_value_is_checked_and_not_shown(string text, string option, string value)
    {
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse(text, path => path, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { [option] = value }));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.Contains("must be a number from 1 to 64", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secrets", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_number_of_connections_reaches_the_storage()
    {
        var options = new Dictionary<string, string> { ["rest.connections"] = "9", ["local.connections"] = "3" };
        using IStorage server = StorageRegistry.Open(StorageRegistry.Parse("rest:http://h/", options));
        Assert.Equal(9, server.Traits.Connections);
        using IStorage directory = StorageRegistry.Open(StorageRegistry.Parse("/x", options));
        Assert.Equal((3, false), (directory.Traits.Connections, directory.Traits.IsRemote));
        using IStorage usual = StorageRegistry.Open(StorageRegistry.Parse("/x"));
        Assert.Equal(1, usual.Traits.Connections);
    }

    [Fact]
    public void A_call_that_changes_something_outlives_the_command_by_a_moment_only()
    {
        using var stop = new System.Threading.CancellationTokenSource();
        using (PendingCalls.Begin(stop.Token))
        {
            using ChangingCall call = PendingCalls.BeginChange();
            stop.Cancel();
            Assert.True(PendingCalls.Stop.IsCancellationRequested);
            Assert.False(call.Token.IsCancellationRequested);
            Assert.True(call.Token.WaitHandle.WaitOne(TimeSpan.FromMinutes(1)));
        }
    }

    private static void AssertRefused(string text, string why, string? option, string? value)
    {
        var options = option is null ? null : new Dictionary<string, string> { [option] = value! };
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse(text, path => path, options));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", e.ToString(), StringComparison.Ordinal);
    }
}
