using System;
using System.Collections.Generic;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>First examples of help pages that need something that is not on every machine, on what stands for it.</summary>
[Collection(CommandTests.Name)]
public sealed class FirstExampleTests(RepositoryFixture fixture)
{
    /// <summary>By the cmdlet: what of the example is replaced, by what, and what is done before it.</summary>
    internal static readonly Dictionary<string, (string Text, string By, string Before)> Beds = new(StringComparer.Ordinal)
    {
        ["Add-ImageRepositoryKey"] = ("Add-ImageRepositoryKey", "Add-ImageRepositoryKey -NewPassword (ConvertTo-SecureString 'another' -AsPlainText -Force)", ""),
        ["Get-ImageBackupExitCode"] = ("exit (Get-ImageBackupExitCode $failures)", "Get-ImageBackupExitCode $failures", "function Get-ImageVolume { [System.IO.FileInfo]$volume }"),
        ["Get-SnapshotProvider"] = ("", "", ""),
        ["Remove-ImageRepositoryKey"] = ("4f1c09aa", "$id", "$id = (Add-ImageRepositoryKey -NewPassword (ConvertTo-SecureString 'short lived' -AsPlainText -Force)).Id.Substring(0, 8); $ConfirmPreference = 'None'"),
        ["Set-ImageRepositoryPassword"] = ("Set-ImageRepositoryPassword", "Set-ImageRepositoryPassword -NewPassword (ConvertTo-SecureString 'the next' -AsPlainText -Force)", ""),
        ["Set-SnapshotProvider"] = ("-CacheSize 15", "-CacheSize 15 -Path \"$own.json\"", ""),
        ["Test-SnapshotProvider"] = ("Test-SnapshotProvider /dev/mapper/vg-data", "Test-SnapshotProvider $volume -ErrorAction SilentlyContinue", ""),
    };

    public static TheoryData<string> Cmdlets() => [.. Beds.Keys];

    [Theory, MemberData(nameof(Cmdlets))]
    public void Runs(string cmdlet)
    {
        (string text, string by, string before) = Beds[cmdlet];
        string code = HelpPages.Examples(cmdlet)[0].Code;
        Assert.Contains(text, code, StringComparison.Ordinal);
        using ShellSession session = fixture.NewSession();
        // A repository of its own: the keys that are added and removed are not another test's.
        session.Set("own", fixture.PathOf(Guid.NewGuid().ToString("N")));
        session.Run("$null = Initialize-ImageRepository $own -Password $password | Connect-ImageRepository").WithoutErrors();
        ShellResult result = session.Run($"{before}\n{(text.Length > 0 ? code.Replace(text, by, StringComparison.Ordinal) : code)}");
        Assert.All(result.Errors, error => Assert.Contains(error.FullyQualifiedErrorId.Split(',')[0], cmdlet == "Test-SnapshotProvider" ? new[] { "SnapshotUnavailable", "SnapshotFailed" } : []));
    }
}
