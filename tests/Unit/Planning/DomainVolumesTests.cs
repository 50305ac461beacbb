using System;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Planning;

public sealed class DomainVolumesTests
{
    private readonly VolumeDouble _volumes = new();

    public DomainVolumesTests()
    {
        _volumes.Add("/dev/sda1", new byte[1], d => d with { MountPoints = ["/srv/a"] });
        _volumes.Add("/dev/sda2", new byte[2], d => d with { Holders = ["/dev/vg/x"] });
        _volumes.Add("/dev/vg/x", new byte[3]);
        _volumes.Add("/odd/[1]", new byte[4]);
    }

    // The double's volumes are told apart by their length.
    private DomainVolumes Resolve(params string[] statements) => DomainVolumes.Resolve(
        RuleDocument.Parse(string.Join("\n", statements), "r", new RuleParseOptions { IsWindows = false }).Domain,
        new VolumeInventory(_volumes, reader => new FileSystemDescription { Type = "x", Label = $"L{reader.LengthBytes}" }),
        CancellationToken.None);

    [Fact]
    public void Names_and_patterns_give_each_volume_once_in_the_statements_order()
    {
        DomainVolumes domain = Resolve("domain.image LABEL=L3 /dev/sda1", "domain.image /dev/... /odd/[[]1]");
        Assert.Equal(["/dev/vg/x", "/dev/sda1", "/odd/[1]"], domain.Volumes.Select(volume => volume.Name));
        Assert.Empty(domain.Failures);
        Assert.Empty(domain.Unmatched);
    }

    [Fact]
    public void What_others_lie_on_is_taken_only_by_name()
    {
        Assert.DoesNotContain(Resolve("domain.image *").Volumes, volume => volume.Name == "/dev/sda2");
        Assert.Equal("/dev/sda2", Assert.Single(Resolve("domain.image /dev/sda2").Volumes).Name);
    }

    [Fact]
    public void What_is_not_there_is_told_and_the_others_are_found()
    {
        DomainVolumes domain = Resolve("domain.image /nope /none/* /srv/a*");
        Assert.Equal("/dev/sda1", Assert.Single(domain.Volumes).Name);
        (string name, ImageBackupException reason) = Assert.Single(domain.Failures);
        Assert.Equal(("/nope", ErrorId.VolumeNotFound), (name, reason.Id));
        Assert.Equal("/none/*", Assert.Single(domain.Unmatched));
    }
}
