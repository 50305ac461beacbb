using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Removing images, expiry, optimizing: through the engine, on repositories of their own.</summary>
[Collection(CommandTests.Name)]
public sealed class RemovalCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _location;

    public RemovalCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _location = fixture.PathOf($"removal-{Guid.NewGuid():N}");
        _session.Run("$null = Initialize-ImageRepository $own -Password $password; $null = Connect-ImageRepository $own -Password $password", ("own", _location)).WithoutErrors();
        // The machine's own classes must not matter here.
        string classes = fixture.PathOf("classes.json");
        if (!File.Exists(classes))
            _session.Run("$null = Set-ManagementClass STANDARD -ClassPath $classes", ("classes", classes)).WithoutErrors();
        _session.Set("classes", classes);
    }

    public void Dispose()
    {
        _session.Run("Disconnect-ImageRepository");
        _session.Dispose();
    }

    private ImageBackupInfo Backup(string? volume = null, string? computer = null) =>
        _session.Run("$a = @{}; if ($computer) { $a.ComputerName = $computer }; Backup-VolumeImage $v @a -ClassPath $classes -Confirm:$false 3>$null",
            ("v", volume ?? _fixture.VolumeFile), ("computer", computer)).WithoutErrors().Single<ImageBackupInfo>();

    private string[] Snapshots() => [.. Directory.GetFiles(Path.Combine(_location, "snapshots")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Fact]
    public void Active_ones_are_listed_and_with_IncludeInactive_all_with_their_date_and_why()
    {
        ImageBackupInfo[] images = [Backup(), Backup(), Backup()];
        ImageBackupInfo active = _session.Run("Get-ImageBackup -ClassPath $classes").WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal((images[2].Id, true, null, RetentionReason.Active), (active.Id, active.IsActive, active.ExpiresAt, active.ExpiryReason!.Value));
        ImageBackupInfo[] all = [.. _session.Run("Get-ImageBackup -IncludeInactive -ClassPath $classes").WithoutErrors().Output.Select(o => (ImageBackupInfo)o.BaseObject)];
        Assert.Equal(images.Select(i => i.Id), all.Select(i => i.Id));
        // STANDARD: two versions, 30 days.
        Assert.Equal((true, RetentionReason.VersionsExist, images[2].BackupTime), (all[0].IsExpired, all[0].ExpiryReason!.Value, all[0].ExpiresAt!.Value));
        Assert.Equal((false, RetentionReason.RetainExtra, RetentionValuesSource.CurrentClass), (all[1].IsExpired, all[1].ExpiryReason!.Value, all[1].RetentionSource!.Value));
        Assert.Equal(images[2].BackupTime.ToUniversalTime().AddDays(30), all[1].ExpiresAt!.Value.ToUniversalTime());
        Assert.Equal(images[2].BackupTime, all[1].InactiveSince);
        string table = _session.Run("Get-ImageBackup -IncludeInactive -ClassPath $classes | Out-Default").WithoutErrors().Text;
        Assert.Contains("EXPIRED", table, StringComparison.Ordinal);
        Assert.Contains($"{all[1].ExpiresAt:yyyy-MM-dd}", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Expired_ones_go_and_no_others()
    {
        ImageBackupInfo[] images = [Backup(), Backup(), Backup()];
        ShellResult what = _session.Run("Remove-ImageBackup -Expired -ClassPath $classes -WhatIf").WithoutErrors();
        Assert.Contains("VersionsExist", what.Text, StringComparison.Ordinal);
        Assert.Equal(3, Snapshots().Length);
        // The floor holds what is young.
        Assert.Empty(_session.Run("Remove-ImageBackup -Expired -ClassPath $classes -KeepWithin 1 -Confirm:$false -PassThru").WithoutErrors().Output);
        Assert.Empty(_session.Run("Remove-ImageBackup -Expired -ClassPath $classes -ComputerName elsewhere -Confirm:$false -PassThru").WithoutErrors().Output);
        ShellResult gone = _session.Run("Remove-ImageBackup -Expired -ClassPath $classes -Confirm:$false -PassThru").WithoutErrors();
        Assert.Equal(images[0].Id, gone.Single<ImageBackupInfo>().Id);
        Assert.Equal(images.Skip(1).Select(i => i.Id).Order(StringComparer.Ordinal), Snapshots());
        Assert.Empty(_session.Run("Remove-ImageBackup -Expired -ClassPath $classes -Confirm:$false -PassThru").WithoutErrors().Output);
    }

    [Fact]
    public void The_class_of_now_wins_and_the_repositorys_over_the_machines()
    {
        ImageBackupInfo[] images = [Backup(), Backup(), Backup()];
        string lax = _fixture.PathOf($"lax-{Guid.NewGuid():N}.json");
        _session.Run("$null = Set-ManagementClass STANDARD -VersionsExist 9 -ClassPath $lax", ("lax", lax)).WithoutErrors();
        Assert.Empty(_session.Run("Remove-ImageBackup -Expired -ClassPath $lax -Confirm:$false -PassThru").WithoutErrors().Output);
        _session.Run("$null = Set-ManagementClass STANDARD -VersionsExist 1 -Enforced -Confirm:$false").WithoutErrors();
        ShellResult gone = _session.Run("Remove-ImageBackup -Expired -ClassPath $lax -Confirm:$false -PassThru").WithoutErrors();
        Assert.Equal(images.Take(2).Select(i => i.Id), gone.Output.Select(o => ((ImageBackupInfo)o.BaseObject).Id));
        // The repository's policy is not an image: it is still there, and after optimizing too.
        Assert.Equal(2, Snapshots().Length);
        _session.Run("$null = Optimize-ImageRepository -MaxUnused 0 -Confirm:$false").WithoutErrors();
        Assert.Equal("1", _session.Run("(Get-ManagementClass STANDARD).VersionsExist.ToString()").WithoutErrors().Single<string>());
        Assert.True(_session.Run("Test-ImageRepository -ReadData").WithoutErrors().Single<RepositoryCheckResult>().IsHealthy);
    }

    [Fact]
    public void Faulty_classes_stop_expiry_and_only_warn_a_listing()
    {
        Backup();
        string faulty = _fixture.PathOf($"faulty-{Guid.NewGuid():N}.json");
        File.WriteAllText(faulty, "{ nonsense");
        Assert.Equal("ManagementClassInvalid", _session.Run("Remove-ImageBackup -Expired -ClassPath $faulty -Confirm:$false", ("faulty", faulty)).ErrorId);
        Assert.Equal("PolicyReadFailed", _session.Run("Remove-ImageBackup -Expired -ClassPath ./absent.json -Confirm:$false").ErrorId);
        Assert.Equal("ManagementClassInvalid", _session.Run("Get-ImageBackup -ClassPath $faulty", ("faulty", faulty)).ErrorId);
        Assert.Single(Snapshots());
    }

    [Fact]
    public void A_volume_is_gone_only_by_a_statement_which_is_kept_until_a_new_image()
    {
        string other = _fixture.NewVolume($"gone-{Guid.NewGuid():N}.img", seed: 3);
        ImageBackupInfo[] images = [Backup(other), Backup(other)];
        ImageBackupInfo kept = Backup();
        Assert.Empty(_session.Run("Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved $v -WhatIf -PassThru", ("v", other)).WithoutErrors().Output);
        Assert.Equal(3, Snapshots().Length);
        // One version is kept of a volume that is gone, for 60 days.
        ShellResult gone = _session.Run("Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved $v -Confirm:$false -PassThru", ("v", other)).WithoutErrors();
        Assert.Equal(images[0].Id, gone.Single<ImageBackupInfo>().Id);
        Assert.Equal(3, Snapshots().Length);
        Assert.Equal(kept.Id, _session.Run("Get-ImageBackup -ClassPath $classes").WithoutErrors().Single<ImageBackupInfo>().Id);
        ImageBackupInfo last = _session.Run("Get-ImageBackup -Id $id -ClassPath $classes", ("id", images[1].Id)).WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal((false, false, RetentionReason.RetainOnly), (last.IsActive, last.IsExpired, last.ExpiryReason!.Value));
        Assert.InRange(last.ExpiresAt!.Value, DateTime.Now.AddDays(59), DateTime.Now.AddDays(61));
        // Said again, the first date counts, and there is no second statement.
        _session.Run("Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved $v -Confirm:$false", ("v", other)).WithoutErrors();
        Assert.Equal(3, Snapshots().Length);
        Assert.True(_session.Run("$null = Optimize-ImageRepository -MaxUnused 0 -Confirm:$false; Test-ImageRepository -ReadData").WithoutErrors().Single<RepositoryCheckResult>().IsHealthy);
        // It came back.
        ImageBackupInfo back = Backup(other);
        Assert.Equal(new HashSet<string> { kept.Id, back.Id },
            _session.Run("Get-ImageBackup -ClassPath $classes").WithoutErrors().Output.Select(o => ((ImageBackupInfo)o.BaseObject).Id).ToHashSet());
        Assert.Equal("ImageNotFound", _session.Run("Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved /no/such -Confirm:$false").ErrorId);
        Assert.Equal("ParameterInvalid", _session.Run("Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved $v -ComputerName a, b -Confirm:$false", ("v", other)).ErrorId);
        // With its last image the statement goes.
        _session.Run("Get-ImageBackup -IncludeInactive $v | Remove-ImageBackup -Confirm:$false", ("v", other)).WithoutErrors();
        Assert.Equal([kept.Id], Snapshots());
    }

    [Theory]
    [InlineData("30", 30)]
    [InlineData("'30'", 30)]
    [InlineData("30.5", 30.5)]
    [InlineData("'30d'", 30)]
    [InlineData("'1y6m2w1d12h'", 365 + 180 + 14 + 1.5)]
    [InlineData("'36h'", 1.5)]
    [InlineData("'2.12:00:00'", 2.5)]
    [InlineData("([TimeSpan]::FromDays(3))", 3)]
    public void A_length_of_time_is_days_unless_it_says_otherwise(string text, double days)
    {
        object? value = _session.Run(text).WithoutErrors().Output.Single();
        Assert.Equal(TimeSpan.FromDays(days), new ImageBackup.Binding.DurationAttribute().Transform(null!, value!));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("'soon'")]
    [InlineData("''")]
    [InlineData("'-3d'")]
    [InlineData("[double]::NaN")]
    public void A_length_of_time_that_says_nothing_is_refused(string text) =>
        Assert.Contains("ParameterArgumentTransformationError", _session.Run($"Remove-ImageBackup -Expired -KeepWithin ({text}) -WhatIf").ErrorId, StringComparison.Ordinal);

    [Fact]
    public void Optimizing_gives_back_what_only_removed_images_had()
    {
        string other = _fixture.NewVolume($"opt-{Guid.NewGuid():N}.img", seed: 4);
        ImageBackupInfo kept = Backup(), gone = Backup(other);
        _session.Run("Remove-ImageBackup $id -Confirm:$false", ("id", gone.Id)).WithoutErrors();
        long before = PackBytes();
        ShellResult what = _session.Run("Optimize-ImageRepository -WhatIf").WithoutErrors();
        RepositoryOptimizeResult plan = what.Single<RepositoryOptimizeResult>();
        Assert.True(plan is { IsPlan: true, FreedBytes: > 2 << 20 });
        Assert.Contains("MiB", what.Text, StringComparison.Ordinal);
        Assert.Equal(before, PackBytes());
        RepositoryOptimizeResult done = _session.Run("Optimize-ImageRepository").WithoutErrors().Single<RepositoryOptimizeResult>();
        Assert.Equal((false, plan.FreedBytes), (done.IsPlan, done.FreedBytes));
        Assert.Equal(before - done.FreedBytes, PackBytes());
        Assert.Empty(_session.Host.Console.Questions);
        Assert.True(_session.Run("Test-ImageBackup $id", ("id", kept.Id)).WithoutErrors().Single<VerifyResult>().IsWhole);
        // Asked, it says how much first; said no to, it does nothing.
        _session.Host.Console.Answer = 2;
        Assert.Empty(_session.Run("Optimize-ImageRepository -Confirm").WithoutErrors().Output);
        Assert.Contains("in use", Assert.Single(_session.Host.Console.Questions), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5%", "5%")]
    [InlineData("'12.5%'", "12.5%")]
    [InlineData("0", "0")]
    [InlineData("500MB", "524288000")]
    [InlineData("'1 GiB'", "1073741824")]
    [InlineData("unlimited", "Unlimited")]
    public void The_limit_of_waste(string given, string expected)
    {
        RepositoryOptimizeResult result = _session.Run($"Optimize-ImageRepository -MaxUnused {given} -WhatIf").WithoutErrors().Single<RepositoryOptimizeResult>();
        Assert.Equal(expected, result.MaxUnused.ToString());
    }

    [Theory]
    [InlineData("'100%'")]
    [InlineData("'a lot'")]
    [InlineData("-1")]
    [InlineData("'-5%'")]
    [InlineData("$null")]
    public void Limits_that_are_none(string given) =>
        Assert.Contains("ParameterArgumentTransformationError", _session.Run($"Optimize-ImageRepository -MaxUnused {given} -WhatIf").ErrorId, StringComparison.Ordinal);

    [Fact]
    public void Keys_come_and_go()
    {
        RepositoryKeyInfo first = _session.Run("Get-ImageRepositoryKey").WithoutErrors().Single<RepositoryKeyInfo>();
        Assert.True(first.IsCurrent);
        _session.Set("new", RepositoryFixture.Secret("Neu-11!"));
        Assert.Empty(_session.Run("Add-ImageRepositoryKey -NewPassword $new -WhatIf").WithoutErrors().Output);
        RepositoryKeyInfo added = _session.Run("Add-ImageRepositoryKey -NewPassword $new").WithoutErrors().Single<RepositoryKeyInfo>();
        Assert.False(added.IsCurrent);
        Assert.Equal(2, _session.Run("Get-ImageRepositoryKey").WithoutErrors().Output.Count);
        Assert.Equal(added.Id, _session.Run("Get-ImageRepositoryKey -Id $id", ("id", added.ShortId)).WithoutErrors().Single<RepositoryKeyInfo>().Id);
        Assert.Equal("KeyNotFound", _session.Run("Get-ImageRepositoryKey -Id zz").ErrorId);
        Assert.Equal("KeyInUse", _session.Run("Remove-ImageRepositoryKey $id -Confirm:$false", ("id", first.Id)).ErrorId);
        string table = _session.Run("Get-ImageRepositoryKey | Out-Default").WithoutErrors().Text;
        Assert.Contains(added.ShortId, table, StringComparison.Ordinal);
        Assert.Contains("*", table, StringComparison.Ordinal);

        _session.Run("Disconnect-ImageRepository; $null = Connect-ImageRepository $own -Password $new").WithoutErrors();
        Assert.Empty(_session.Run("Get-ImageRepositoryKey | Where-Object { -not $_.IsCurrent } | Remove-ImageRepositoryKey -WhatIf").WithoutErrors().Output);
        Assert.Equal(2, _session.Run("Get-ImageRepositoryKey").WithoutErrors().Output.Count);
        // It asks.
        _session.Host.Console.Answer = 0;
        _session.Run("Get-ImageRepositoryKey | Where-Object { -not $_.IsCurrent } | Remove-ImageRepositoryKey").WithoutErrors();
        Assert.Single(_session.Host.Console.Questions);
        Assert.Equal(added.Id, _session.Run("Get-ImageRepositoryKey").WithoutErrors().Single<RepositoryKeyInfo>().Id);
        Assert.Equal("WrongPassword", _session.Run("Connect-ImageRepository $own -Password $password").ErrorId);
        Assert.Equal("PasswordMissing", _session.Run("Add-ImageRepositoryKey -NewPassword ([System.Security.SecureString]::new())").ErrorId);
    }

    [Fact]
    public void A_missing_pack_names_the_image_in_the_error()
    {
        ImageBackupInfo image = Backup();
        string pack = Directory.EnumerateFiles(Path.Combine(_location, "data"), "*", SearchOption.AllDirectories).OrderByDescending(f => new FileInfo(f).Length).First();
        File.Delete(pack);
        ShellResult result = _session.Run("Optimize-ImageRepository");
        Assert.Equal("PackCorrupt", result.ErrorId);
        Assert.Contains(image.ShortId, result.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Contains("Remove-ImageBackup", result.Errors[0].ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    private long PackBytes() => Directory.EnumerateFiles(Path.Combine(_location, "data"), "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);
}
