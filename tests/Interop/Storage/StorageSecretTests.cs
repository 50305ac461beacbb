using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Azure.Storage;
using Azure.Storage.Sas;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Crash;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>
/// A server's password in a URL, and a bucket's in variables, are found in nothing that a command puts out, logs, keeps or shows to other users:
/// with all streams open, errors in full, objects in all forms.
/// </summary>
[Collection(ObjectStoreTests.Name)]
public sealed class StorageSecretTests(CephService ceph, AzureService azure) : IDisposable
{
    private const string BucketKey = "SKT-this-is-secret-too";

    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    private const string All = """
        $VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
        if ($env:RIG_ENDPOINT) {
            $PSDefaultParameterValues = @{ 'Initialize-ImageRepository:StorageOption' = @{ 'azure.endpoint' = $env:RIG_ENDPOINT }; 'Connect-ImageRepository:StorageOption' = @{ 'azure.endpoint' = $env:RIG_ENDPOINT } }
        }
        $objects = & {
            Initialize-ImageRepository -Confirm:$false
            $c = Connect-ImageRepository; $c
            Backup-VolumeImage $env:RIG_VOLUME -Confirm:$false
            Backup-VolumeImage $env:RIG_VOLUME -WhatIf
            Get-ImageRepository; Get-ImageBackup; Get-ImageRepositoryKey
            Test-ImageRepository; Optimize-ImageRepository -WhatIf
            Get-ImageRepositoryLock -ErrorAction Ignore
            Get-ImageBackup | Remove-ImageBackup -WhatIf
        } *>&1
        $objects | Format-List * -Force | Out-String -Width 500
        $objects | ForEach-Object { "$_"; try { ConvertTo-Json $_ -Depth 4 } catch { "$_" } }
        $objects | Export-Clixml $env:RIG_CLIXML
        Disconnect-ImageRepository
        foreach ($locator in $env:RIG_WRONG -split '\|') {
            try { Connect-ImageRepository $locator } catch { $_ }
            Get-ImageBackup -Repository $locator -ErrorAction Continue
        }
        $Error | ForEach-Object { $_ | Format-List * -Force | Out-String -Width 500; $_.Exception | Format-List * -Force | Out-String -Width 500; $_.Exception.ToString() }
        """;

    [Fact]
    public void Of_a_REST_server()
    {
        HostProcess.Require();
        using var server = new RestServer();
        string wrong = RestServer.FreePort().ToString(System.Globalization.CultureInfo.InvariantCulture);
        string url = server.Url("secret");
        AssertSilent(url, string.Join('|', url.Replace($":{server.Port}/", $":{wrong}/", StringComparison.Ordinal), server.Url("none"), url.Replace("http:", "https:", StringComparison.Ordinal), url + "?x=1"),
            [RestServer.Password, Uri.EscapeDataString(RestServer.Password), Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RestServer.UserName}:{RestServer.Password}"))]);
    }

    [Fact]
    public void Of_a_bucket()
    {
        HostProcess.Require();
        ceph.Need();
        string name = ceph.NewName();
        ceph.Administer("user", "create", "--uid=secret" + name, "--display-name=secret", "--access-key=AK" + name, "--secret-key=" + BucketKey);
        AssertSilent($"s3:http://127.0.0.1:{ceph.Port}/bucket-{name}/repository", $"s3:http://127.0.0.1:{ceph.Port}/other-{name}-not-there/x|s3:http://127.0.0.1:{RestServer.FreePort()}/b/x",
            [BucketKey, "X-Amz-Signature=", ", Signature="], ("AWS_ACCESS_KEY_ID", "AK" + name), ("AWS_SECRET_ACCESS_KEY", BucketKey));
    }

    [Fact]
    public void Of_a_container()
    {
        HostProcess.Require();
        azure.Need();
        string name = azure.NewName();
        AssertSilent(AzureService.Url(name, "silent-" + name), AzureService.Url("x", "other-" + name) + "|azure:Not:valid|azure:rig:/" + name,
            [AzureService.Key], ("AZURE_ACCOUNT_NAME", AzureService.Account), ("AZURE_ACCOUNT_KEY", AzureService.Key), ("AZURE_ENDPOINT_SUFFIX", "invalid"),
            ("RIG_ENDPOINT", azure.Endpoint()));
    }

    [Fact]
    public void Of_a_container_by_a_signature()
    {
        HostProcess.Require();
        azure.Need();
        string name = azure.NewName();
        using (IStorage storage = AzureService.Open(AzureService.Url("other"), azure.Options()))
            storage.CreateLayout(TestContext.Current.CancellationToken);
        var builder = new BlobSasBuilder(BlobContainerSasPermissions.All, DateTimeOffset.UtcNow.AddDays(1)) { BlobContainerName = AzureService.Container, Resource = "c" };
        string signature = builder.ToSasQueryParameters(new StorageSharedKeyCredential(AzureService.Account, AzureService.Key)).ToString();
        string secret = signature.Split("sig=")[1].Split('&')[0];
        AssertSilent(AzureService.Url(name), AzureService.Url("x", "other-" + name) + "|azure:Not:valid",
            [secret, Uri.UnescapeDataString(secret)], ("AZURE_ACCOUNT_NAME", AzureService.Account), ("AZURE_ACCOUNT_SAS", signature), ("AZURE_ACCOUNT_KEY", ""), ("AZURE_ENDPOINT_SUFFIX", "invalid"),
            ("RIG_ENDPOINT", azure.Endpoint()));
    }

    private void AssertSilent(string url, string wrong, string[] secrets, params (string Name, string Value)[] variables)
    {
        string machine = _rig["machine"];
        Directory.CreateDirectory(machine);
        ProcessStartInfo start = HostProcess.StartInfo(isPwsh: false, All, machine);
        start.Environment["RESTIC_REPOSITORY"] = url;
        start.Environment["RESTIC_CACHE_DIR"] = _rig["cache"];
        start.Environment["RIG_VOLUME"] = _rig.Volume("volume.img", 3);
        start.Environment["RIG_CLIXML"] = _rig["machine/objects.xml"];
        start.Environment["RIG_WRONG"] = wrong;
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        var shown = new HashSet<string>();
        using HostProcess host = HostProcess.Begin(start);
        while (!host.HasEnded)
        {
            // What every user of the machine sees of the command and of what it starts. What else runs here may say anything.
            shown.UnionWith(CommandLines($"RIG_CLIXML={start.Environment["RIG_CLIXML"]}"));
            Thread.Sleep(50);
        }
        (int _, string output, string error) = host.End();
        // It did what it was to do: else it could say nothing either.
        Assert.Contains("VersionsExist", output, StringComparison.Ordinal);
        Assert.Contains("Storage", error + output, StringComparison.Ordinal);
        Assert.NotEmpty(shown);
        IEnumerable<(string Place, string Text)> places =
            [("output", output), ("errors", error), .. shown.Select(line => ("ps", line)),
             .. new[] { machine, _rig["cache"] }.Where(Directory.Exists).SelectMany(folder => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)).Select(file => (file, Encoding.Latin1.GetString(File.ReadAllBytes(file))))];
        foreach ((string place, string text) in places)
        {
            foreach (string secret in secrets)
                Assert.False(text.Contains(secret, StringComparison.Ordinal), $"A secret is in {place}: {Around(text, secret)}");
        }
    }

    /// <summary>Those of the processes that have this variable.</summary>
    private static IEnumerable<string> CommandLines(string variable)
    {
        foreach (string folder in Directory.GetDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])))
        {
            string line;
            try
            {
                if (!File.ReadAllText(Path.Combine(folder, "environ")).Split('\0').Contains(variable))
                    continue;
                line = File.ReadAllText(Path.Combine(folder, "cmdline"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }
            yield return line;
        }
    }

    private static string Around(string text, string secret)
    {
        int at = text.IndexOf(secret, StringComparison.Ordinal);
        return text[Math.Max(0, at - 200)..Math.Min(text.Length, at + 100)];
    }
}
