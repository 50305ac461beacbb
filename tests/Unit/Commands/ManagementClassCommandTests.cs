using System;
using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>The cmdlets that keep management classes, on files.</summary>
[Collection(CommandTests.Name)]
public sealed class ManagementClassCommandTests(RepositoryFixture fixture) : IDisposable
{
    private readonly PolicySession _session = new(fixture);

    public void Dispose() => _session.Dispose();

    [Fact]
    public void A_new_class_has_the_originals_defaults()
    {
        ManagementClassInfo made = _session.Run("Set-ManagementClass WEEKLY -PassThru").WithoutErrors().Single<ManagementClassInfo>();
        Assert.Equal(("WEEKLY", false, "2", "1", "30", "60", 0), (made.Name, made.IsDefault, made.VersionsExist, made.VersionsDeleted, made.RetainExtra, made.RetainOnly, made.Frequency));
        Assert.Equal((null, null, null, null, null), (made.Serialization, made.ChangingRetries, made.ImageType, made.GapSize, made.Description));
        Assert.Equal((_session.ClassPath, false), (made.ClassPath, made.Enforced));
    }

    [Fact]
    public void Without_any_there_is_the_built_in_one()
    {
        ManagementClassInfo only = _session.Run("Get-ManagementClass").WithoutErrors().Single<ManagementClassInfo>();
        Assert.Equal(("STANDARD", true, "built in", null), (only.Name, only.IsDefault, only.Source, only.ClassPath));
    }

    [Fact]
    public void What_is_not_named_stays_and_null_takes_out()
    {
        _session.Run("Set-ManagementClass GOLD -Description 'the good ones' -VersionsExist 7 -VersionsDeleted NoLimit -RetainExtra 0 -RetainOnly nolimit -Frequency 6 "
            + "-Serialization Dynamic -ChangingRetries 3 -ImageType Static -GapSize 1m").WithoutErrors();
        ManagementClassInfo changed = _session.Run("Set-ManagementClass gold -RetainExtra 9 -ImageType $null -GapSize $null -Description $null -PassThru").WithoutErrors().Single<ManagementClassInfo>();
        Assert.Equal(("GOLD", null, "7", "NoLimit", "9", "NoLimit", 6), (changed.Name, changed.Description, changed.VersionsExist, changed.VersionsDeleted, changed.RetainExtra, changed.RetainOnly, changed.Frequency));
        Assert.Equal((SerializationMode.Dynamic, 3, null, null), (changed.Serialization, changed.ChangingRetries, changed.ImageType, changed.GapSize));
        Assert.Equal(2, _session.Run("Get-ManagementClass").WithoutErrors().Output.Count);
    }

    [Fact]
    public void The_default_is_named_and_cannot_be_removed()
    {
        _session.Run("Set-ManagementClass GOLD -Default; Set-ManagementClass SILVER").WithoutErrors();
        ManagementClassInfo[] all = [.. _session.Run("Get-ManagementClass").WithoutErrors().Output.Select(each => (ManagementClassInfo)each.BaseObject)];
        Assert.Equal([("GOLD", true), ("SILVER", false), ("STANDARD", false)], all.Select(each => (each.Name, each.IsDefault)));
        Assert.Equal("ParameterInvalid", _session.Run("Remove-ManagementClass GOLD").ErrorId);
        _session.Run("Set-ManagementClass SILVER -Default; Remove-ManagementClass GOLD").WithoutErrors();
        Assert.Equal("SILVER", _session.Run("(Get-ManagementClass)[0].Name").WithoutErrors().Single<string>());
    }

    [Fact]
    public void A_class_that_rules_name_is_kept_unless_forced()
    {
        _session.Run("Set-ManagementClass GOLD; Set-IncludeImage /a -ManagementClass GOLD").WithoutErrors();
        ShellResult refused = _session.Run("Get-ManagementClass GOLD | Remove-ManagementClass");
        Assert.Equal("ManagementClassInUse", refused.ErrorId);
        Assert.Contains($"{_session.RulePath}(1)", refused.Errors[0].ToString(), StringComparison.Ordinal);
        _session.Run("Remove-ManagementClass GOLD -WhatIf -Force").WithoutErrors();
        _session.Run("Get-ManagementClass GOLD").WithoutErrors();
        _session.Run("Remove-ManagementClass GOLD -Force").WithoutErrors();
        Assert.Equal("ManagementClassNotFound", _session.Run("Get-ManagementClass GOLD").ErrorId);
    }

    [Fact]
    public void Classes_are_copied_by_the_pipeline()
    {
        string other = fixture.PathOf($"{Guid.NewGuid():N}.json");
        _session.Run("Set-ManagementClass GOLD -VersionsExist 7 -RetainOnly NoLimit -ImageType Dynamic -GapSize 4m -Serialization ShrDynamic").WithoutErrors();
        _session.Run("Get-ManagementClass GOLD | Set-ManagementClass -ClassPath $other", ("other", other)).WithoutErrors();
        ManagementClassInfo copy = _session.Run("Get-ManagementClass G* -ClassPath $other").WithoutErrors().Single<ManagementClassInfo>();
        Assert.Equal(("GOLD", "7", "NoLimit", ImageType.Dynamic, "4m", SerializationMode.ShrDynamic), (copy.Name, copy.VersionsExist, copy.RetainOnly, copy.ImageType, copy.GapSize, copy.Serialization));
    }

    [Theory]
    [InlineData("Set-ManagementClass 'a b'", "ParameterInvalid")]
    [InlineData("Set-ManagementClass X -VersionsExist 0", "ParameterInvalid")]
    [InlineData("Set-ManagementClass X -VersionsExist 10000", "CannotConvertArgumentNoMessage")]
    [InlineData("Set-ManagementClass X -RetainExtra some", "CannotConvertArgumentNoMessage")]
    [InlineData("Set-ManagementClass X -Frequency -1", "ParameterInvalid")]
    [InlineData("Set-ManagementClass X -ChangingRetries 100", "ParameterInvalid")]
    [InlineData("Set-ManagementClass X -GapSize 1t", "ParameterInvalid")]
    [InlineData("Remove-ManagementClass X", "ManagementClassNotFound")]
    [InlineData("Get-ManagementClass -ClassPath ($classes + '.absent')", "PolicyReadFailed")]
    public void What_cannot_be_is_told_and_changes_nothing(string command, string id)
    {
        string before = File.ReadAllText(_session.ClassPath);
        Assert.Equal(id, _session.Run(command).ErrorId);
        Assert.Equal(before, File.ReadAllText(_session.ClassPath));
    }

    [Fact]
    public void A_damaged_file_is_told_and_never_written()
    {
        File.WriteAllText(_session.ClassPath, "{\"version\":1,\"classes\":[{\"name\":\"A\",\"colour\":1}]}");
        foreach (string command in new[] { "Get-ManagementClass", "Set-ManagementClass X", "Remove-ManagementClass A", "Test-IncludeImage /x", "Set-IncludeImage /a -ManagementClass A" })
            Assert.Equal("ManagementClassInvalid", _session.Run(command).ErrorId);
        Assert.Contains("colour", File.ReadAllText(_session.ClassPath), StringComparison.Ordinal);
    }
}
