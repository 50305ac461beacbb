using System;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class OptionResolverTests
{
    private static readonly RuleParseOptions s_linux = new() { IsWindows = false };

    [Fact]
    public void Who_stands_higher_decides_and_is_named()
    {
        // Each source is there or not; the highest that is there decides.
        Gen.Int[0, 31].Sample(mask =>
        {
            bool Has(int bit) => (mask & (1 << bit)) != 0;
            ImageOptions With(int bit, int kibibytes) => Has(bit) ? new ImageOptions { GapSize = GapSize.FromKibibytes(kibibytes) } : ImageOptions.Empty;
            var rules = RuleDocument.Parse("* x\ninclude.image /a GOLD" + (Has(1) ? " imagegapsize=1" : ""), "/etc/rules", s_linux);
            var machine = rules.SetClientOptions(With(4, 4));
            var enforced = RuleDocument.Parse("exclude.image /other", "repository", s_linux with { IsEnforced = true }).SetClientOptions(With(3, 3));
            var classes = new ManagementClassCatalog(ManagementClassDocument.Empty.Set(new ManagementClass { Name = "Gold", GapSize = With(2, 2).GapSize }));
            var policy = new ImagePolicy(machine, enforced, classes);
            var decision = policy.Evaluate(new VolumeNames(["/a"], false));
            var resolved = policy.Resolve(decision, With(0, 0));

            var line = decision.Line;
            ResolvedOption<GapSize> expected = Has(0) ? new(GapSize.FromKibibytes(0), OptionSource.CommandLine, null)
                : Has(1) ? new(GapSize.FromKibibytes(1), OptionSource.Rule, $"/etc/rules({line})")
                : Has(2) ? new(GapSize.FromKibibytes(2), OptionSource.ManagementClass, "Gold")
                : Has(3) ? new(GapSize.FromKibibytes(3), OptionSource.ClientWide, "repository")
                : Has(4) ? new(GapSize.FromKibibytes(4), OptionSource.ClientWide, "/etc/rules")
                : new(GapSize.Default, OptionSource.BuiltIn, null);
            Assert.Equal(expected, resolved.GapSize);
            Assert.Equal(new ResolvedOption<string>("Gold", OptionSource.Rule, $"/etc/rules({line})"), resolved.ManagementClass);
        }, iter: 200);
    }

    [Fact]
    public void Every_option_is_resolved_from_a_rule()
    {
        var rules = RuleDocument.Parse("include.image /a imagetype=static imagegapsize=1 chunksize=512k compression=better snapshotbackuptype=full snapshotproviderimage=VSS snapshotcachesize=5 snapshotcachelocation=/c "
            + "snapshotfsidlewait=3 snapshotfsidleretries=6 presnapshotcmd=b postsnapshotcmd=a serialization=dynamic changingretries=7", "r", s_linux);
        var policy = new ImagePolicy(rules, null, new ManagementClassCatalog(ManagementClassDocument.Empty));
        var r = policy.Resolve(policy.Evaluate(new VolumeNames(["/a"], false)));
        Assert.Equal((ImageType.Static, "VSS", 5, "/c", 6, "b", "a"), (r.ImageType.Value!.Value, r.SnapshotProvider.Value, r.SnapshotCacheSizePercent.Value,
            r.SnapshotCacheLocation.Value, r.IdleRetries.Value, r.PreSnapshotCommand.Value, r.PostSnapshotCommand.Value));
        Assert.Equal((TimeSpan.FromSeconds(3), SerializationMode.Dynamic, 7), (r.IdleWait.Value, r.Serialization.Value, r.ChangingRetries.Value));
        Assert.Equal(new ResolvedOption<SnapshotBackupType>(SnapshotBackupType.Full, OptionSource.Rule, "r(1)"), r.SnapshotBackupType);
        Assert.Equal(new ResolvedOption<ImageCompression>(ImageCompression.Better, OptionSource.Rule, "r(1)"), r.Compression);
        Assert.Equal((512 << 10, OptionSource.Rule), (r.ChunkSize.Value!.Value.Bytes, r.ChunkSize.Source));
        Assert.All([r.ImageType.Source, r.GapSize.Source, r.SnapshotProvider.Source, r.SnapshotCacheSizePercent.Source, r.SnapshotCacheLocation.Source, r.IdleWait.Source,
            r.IdleRetries.Source, r.PreSnapshotCommand.Source, r.PostSnapshotCommand.Source, r.Serialization.Source, r.ChangingRetries.Source],
            source => Assert.Equal(OptionSource.Rule, source));
    }

    [Theory]
    [InlineData("off", ImageCompression.Off)]
    [InlineData("no", ImageCompression.Off)]
    [InlineData("FASTEST", ImageCompression.Fastest)]
    [InlineData("auto", ImageCompression.Auto)]
    [InlineData("yes", ImageCompression.Auto)]
    [InlineData("Better", ImageCompression.Better)]
    [InlineData("max", ImageCompression.Max)]
    public void Compression_has_the_names_of_restic_and_of_TSM(string text, ImageCompression expected)
    {
        Assert.Equal(expected, OptionResolver.OfVariable(text).Compression);
        var rules = RuleDocument.Parse($"COMPRESSIon {text}\ninclude.image /a", "r", s_linux);
        var policy = new ImagePolicy(rules, null, new ManagementClassCatalog(ManagementClassDocument.Empty));
        var resolved = policy.Resolve(policy.Evaluate(new VolumeNames(["/a"], false))).Compression;
        Assert.Equal((expected, OptionSource.ClientWide), (resolved.Value, resolved.Source));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Without_the_variable_the_built_in_compression_holds(string? text) => Assert.Null(OptionResolver.OfVariable(text).Compression);

    [Fact]
    public void A_value_that_restic_does_not_know_is_an_error_that_names_the_variable()
    {
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => OptionResolver.OfVariable("zip"));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.Contains("RESTIC_COMPRESSION", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_class_is_the_commands_or_the_rules_or_the_default()
    {
        var classes = new ManagementClassCatalog(ManagementClassDocument.Empty.Set(new ManagementClass { Name = "GOLD" }).Set(new ManagementClass { Name = "SILVER" }));
        var policy = new ImagePolicy(RuleDocument.Parse("include.image /a gold", "r", s_linux), null, classes);
        var hit = policy.Evaluate(new VolumeNames(["/a"], false));
        var miss = policy.Evaluate(new VolumeNames(["/b"], false));
        Assert.Equal(("SILVER", OptionSource.CommandLine), Class(policy.Resolve(hit, null, "silver")));
        Assert.Equal(("GOLD", OptionSource.Rule), Class(policy.Resolve(hit)));
        Assert.Equal(("STANDARD", OptionSource.BuiltIn), Class(policy.Resolve(miss)));
        Assert.Equal(ErrorId.ManagementClassNotFound, Assert.Throws<ImageBackupException>(() => policy.Resolve(hit, null, "NOWHERE")).Id);

        static (string, OptionSource) Class(ResolvedOptions options) => (options.ManagementClass.Value, options.ManagementClass.Source);
    }

    [Fact]
    public void Without_idle_retries_the_changing_retries_count()
    {
        var policy = new ImagePolicy(RuleDocument.Parse("include.image /a changingretries=9\ninclude.image /b snapshotfsidleretries=2", "r", s_linux), null,
            new ManagementClassCatalog(ManagementClassDocument.Empty));
        Assert.Equal(9, policy.Resolve(policy.Evaluate(new VolumeNames(["/a"], false))).IdleRetries.Value);
        Assert.Equal(2, policy.Resolve(policy.Evaluate(new VolumeNames(["/b"], false))).IdleRetries.Value);
    }

    [Fact]
    public void An_empty_command_decides_that_there_is_none()
    {
        var policy = new ImagePolicy(RuleDocument.Parse("presnapshotcmd everywhere\ninclude.image /a presnapshotcmd=\"\"", "r", s_linux), null,
            new ManagementClassCatalog(ManagementClassDocument.Empty));
        Assert.Equal(new ResolvedOption<string?>(null, OptionSource.Rule, "r(2)"), policy.Resolve(policy.Evaluate(new VolumeNames(["/a"], false))).PreSnapshotCommand);
        Assert.Equal("everywhere", policy.Resolve(policy.Evaluate(new VolumeNames(["/b"], false))).PreSnapshotCommand.Value);
    }

    [Fact]
    public void The_domain_is_the_machines_and_the_repositorys()
    {
        var enforced = RuleDocument.Parse("domain.image /c", "repository", s_linux with { IsEnforced = true });
        var policy = new ImagePolicy(RuleDocument.Parse("domain.image /a /b", "r", s_linux), enforced, new ManagementClassCatalog(ManagementClassDocument.Empty));
        Assert.Equal(["/a", "/b", "/c"], policy.Domain.Select(each => each.Text));
    }

    // asked, serialization, provider usable, provider NONE: type, failover, is a failover
    [Theory]
    [InlineData("", "", true, ImageType.Snapshot, ImageType.Static, false)]
    [InlineData("", "", false, ImageType.Static, null, false)]
    [InlineData("", "snapshotproviderimage=none", true, ImageType.Static, null, false)]
    [InlineData("", "serialization=dynamic", true, ImageType.Snapshot, ImageType.Dynamic, false)]
    [InlineData("", "serialization=dynamic", false, ImageType.Dynamic, null, false)]
    [InlineData("", "imagetype=static", true, ImageType.Static, null, false)]
    [InlineData("", "imagetype=dynamic", true, ImageType.Dynamic, null, false)]
    [InlineData("", "imagetype=snapshot", true, ImageType.Snapshot, ImageType.Static, false)]
    [InlineData("", "imagetype=snapshot", false, ImageType.Static, null, true)]
    [InlineData("", "imagetype=snapshot snapshotproviderimage=none", true, ImageType.Static, null, true)]
    [InlineData("", "imagetype=snapshot serialization=dynamic", false, ImageType.Dynamic, null, true)]
    [InlineData("", "imagetype=snapshot serialization=shrdynamic", true, ImageType.Snapshot, ImageType.Static, false)]
    [InlineData("static", "imagetype=snapshot", true, ImageType.Static, null, false)]
    [InlineData("dynamic", "imagetype=static", true, ImageType.Dynamic, null, false)]
    [InlineData("snapshot", "imagetype=static", false, ImageType.Static, null, true)]
    [InlineData("static", "serialization=dynamic", true, ImageType.Static, null, false)]
    public void The_image_type_is_decided(string command, string rule, bool usable, ImageType type, ImageType? failover, bool isFailover)
    {
        var decision = ImageTypeDecision.Decide(Resolve(command, rule, null), usable, "the volume is not on LVM");
        Assert.Equal((type, failover, isFailover), (decision.Type, decision.Failover, decision.IsFailover));
        Assert.NotEmpty(decision.Reason);
        if (isFailover && !usable)
            Assert.Contains("the volume is not on LVM", decision.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_serialization_that_stands_higher_beats_a_static_type()
    {
        var gold = new ManagementClass { Name = "GOLD", ImageType = ImageType.Static };
        var decision = ImageTypeDecision.Decide(Resolve("", "serialization=dynamic", gold), true);
        Assert.Equal((ImageType.Dynamic, OptionSource.Rule), (decision.Type, decision.Source));
        var byClass = ImageTypeDecision.Decide(Resolve("", "", gold with { Serialization = SerializationMode.Dynamic }), true);
        Assert.Equal((ImageType.Static, OptionSource.ManagementClass), (byClass.Type, byClass.Source));
        Assert.Equal(new QuiescePolicy(5, false), byClass.Quiesce);
    }

    [Theory]
    [InlineData(SerializationMode.Static, 4, 1, false)]
    [InlineData(SerializationMode.ShrStatic, 4, 5, false)]
    [InlineData(SerializationMode.ShrStatic, 0, 1, false)]
    [InlineData(SerializationMode.ShrDynamic, 4, 4, true)]
    [InlineData(SerializationMode.ShrDynamic, 0, 0, true)]
    [InlineData(SerializationMode.Dynamic, 4, 0, true)]
    public void Serialization_says_how_hard_to_try(SerializationMode mode, int retries, int attempts, bool endsDynamic) =>
        Assert.Equal(new QuiescePolicy(attempts, endsDynamic), QuiescePolicy.Of(mode, retries));

    private static ResolvedOptions Resolve(string command, string rule, ManagementClass? managementClass)
    {
        var classes = managementClass is null ? ManagementClassDocument.Empty : ManagementClassDocument.Empty.Set(managementClass).WithDefault(managementClass.Name);
        var policy = new ImagePolicy(RuleDocument.Parse("include.image /a " + rule, "r", s_linux), null, new ManagementClassCatalog(classes));
        var asked = command.Length == 0 ? ImageOptions.Empty : new ImageOptions { ImageType = Enum.Parse<ImageType>(command, true) };
        return policy.Resolve(policy.Evaluate(new VolumeNames(["/a"], false)), asked);
    }
}
