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
    public void Without_any_there_is_the_built_in_one()
    {
        ManagementClassInfo only = _session.Run("Get-ManagementClass").WithoutErrors().Single<ManagementClassInfo>();
        Assert.Equal(("STANDARD", true, "built in", null), (only.Name, only.IsDefault, only.Source, only.ClassPath));
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
