using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Xml.Linq;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>The table views through the engine's formatter; and that every output type has both views.</summary>
public sealed class ViewTests : IDisposable
{
    private const string SomeId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private readonly ShellSession _session = new();

    private static readonly ImageBackupInfo s_image = new()
    {
        Id = SomeId,
        Volume = "/dev/vg/data",
        ComputerName = "server1",
        BackupTime = new DateTime(2026, 3, 4, 5, 6, 7, DateTimeKind.Local),
        SizeBytes = 3L << 29,
        StoredBytes = 1536,
        FileSystem = "xfs",
        ImageType = ImageType.Dynamic,
        Duration = TimeSpan.FromSeconds(3),
    };

    public void Dispose() => _session.Dispose();

    private string Render(object value)
    {
        ShellResult result = _session.Run("$value | Out-Default", ("value", value)).WithoutErrors();
        return result.Text;
    }

    private static void AssertHas(string text, params string[] parts) => Assert.All(parts, p => Assert.Contains(p, text, StringComparison.Ordinal));

    [Fact]
    public void An_image_shows_size_stored_type_and_the_beginning_of_its_id()
    {
        string text = Render(s_image);
        AssertHas(text, "Volume", "Time", "Stored", "/dev/vg/data", "2026-03-04 05:06", "1.5 GiB", "1.5 KiB", "Dynamic", "01234567", "server1");
        Assert.DoesNotContain("fuzzy", text, StringComparison.Ordinal);
        Assert.DoesNotContain(SomeId, text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fuzzy_image_one_with_read_errors_and_one_of_restic_are_marked()
    {
        AssertHas(Render(s_image with { IsFuzzy = true }), "Dynamic, fuzzy");
        AssertHas(Render(s_image with { ReadErrors = [new ByteRange(0, 512)] }), "READ ERRORS");
        AssertHas(Render(s_image with { IsOurs = false, ImageType = null, StoredBytes = null }), "restic");
    }

    [Fact]
    public void A_volume_shows_where_it_is_mounted()
    {
        var volume = new ImageVolume(new VolumeDescription
        {
            Name = "/dev/sda1", DevicePath = "/dev/sda1", Kind = VolumeKind.BlockDevice, SizeBytes = 5L << 30,
            MountPoints = ["/", "/srv"], IsSystem = true, MountedFileSystem = "ext4",
        });
        // No rules were asked, so there is no type to show.
        AssertHas(Render(volume), "/dev/sda1", "ext4", "5 GiB", "/, /srv (system)");
    }

    [Fact]
    public void Results_show_what_matters()
    {
        AssertHas(
            Render(new RestoreResult
            {
                ImageId = SomeId, Volume = "D:", Destination = @"E:\d.img", SizeBytes = 1 << 20, WrittenBytes = 1 << 19, SkippedBytes = 0,
                ZeroBytes = 0, Verified = true, Duration = TimeSpan.FromSeconds(2),
            }),
            "D:", @"E:\d.img", "1 MiB", "512 KiB", "True", "2.0 s", "512 KiB/s");
        var verified = new VerifyResult
        {
            ImageId = SomeId, Volume = "D:", VolumeId = "D:", IsWhole = true, SizeBytes = 1 << 20, ChunkCount = 12345, DamagedRanges = [], Duration = TimeSpan.FromMinutes(2),
        };
        AssertHas(Render(verified), "whole", "12,345", "2:00 min");
        AssertHas(Render(verified with { IsWhole = false, DamagedRanges = [new ByteRange(0, 1), new ByteRange(5, 1)] }), "DAMAGED", "2");
        var check = new RepositoryCheckResult
        {
            Repository = "/backup", IsHealthy = true, DataRead = false, PackCount = 7, IndexCount = 1, SnapshotCount = 3, BlobCount = 9,
            PackBytes = 4096, UnreferencedPackCount = 0, Problems = [], Duration = TimeSpan.FromHours(1.5),
        };
        AssertHas(Render(check), "/backup", "healthy", "not read", "4 KiB", "1:30:00");
        AssertHas(Render(check with { IsHealthy = false }), "DAMAGED");
        AssertHas(
            Render(new RepositoryLockInfo(SomeId, new DateTime(2026, 1, 2, 3, 4, 5), true, "pc", "ann", 77, false)),
            "01234567", "2026-01-02 03:04:05", "True", "77", "ann", "pc");
        AssertHas(Render(new RepositoryProblem(ErrorId.PackCorrupt, "data/ab/abcd", "torn")), "PackCorrupt", "data/ab/abcd", "torn");
        AssertHas(Render(new ByteRange(1 << 20, 4096)), "1,048,576", "4 KiB");
    }

    [Theory]
    [InlineData(0, "0 min")]
    [InlineData(90, "90 min")]
    [InlineData(60 * 47, "47 h")]
    [InlineData(60 * 24 * 400, "400 d")]
    [InlineData(60 * 24 * 366 * 3, "3 y")]
    public void The_age_of_an_image_is_told_in_the_unit_that_fits(int minutes, string age)
    {
        // Half a minute more: the view looks at the clock later than this does.
        DateTime time = DateTime.Now.AddMinutes(-minutes).AddSeconds(-30);
        Assert.Matches($@"\b{age}\b", Render(s_image with { BackupTime = time }));
    }

    [Fact]
    public void An_inactive_image_is_marked()
    {
        AssertHas(Render(s_image), "active");
        AssertHas(Render(s_image with { IsActive = false }), "inactive");
    }

    [Fact]
    public void Lists_of_an_image_are_one_text_for_a_CSV_file()
    {
        ImageBackupInfo image = s_image with
        {
            Tags = ["nightly", "whole"],
            Omitted = [new OmittedContent { Path = "\\pagefile.sys", SizeBytes = 5, Reason = "paging" }],
        };
        Assert.Equal("nightly; whole", image.Tags.ToString());
        Assert.Equal("\\pagefile.sys: 5 bytes (paging)", image.Omitted.ToString());
        Assert.Equal("", image.Warnings.ToString());
        Assert.Equal(["nightly", "whole"], image.Tags);
    }

    [Fact]
    public void Every_output_type_has_a_table_and_a_list_also_when_deserialised()
    {
        XDocument views = XDocument.Load(SourceTree.FormatFile);
        HashSet<string> Types(string control) =>
            [.. views.Descendants("View").Where(v => v.Element(control) is not null).SelectMany(v => v.Descendants("TypeName")).Select(t => t.Value)];
        HashSet<string> tables = Types("TableControl");
        HashSet<string> lists = Types("ListControl");
        var outputs = typeof(ImageBackup.Commands.BackupVolumeImageCommand).Assembly.GetExportedTypes()
            .SelectMany(t => t.GetCustomAttributes(typeof(OutputTypeAttribute), false).Cast<OutputTypeAttribute>())
            .SelectMany(o => o.Type.Select(t => t.Name)).Distinct()
            // The system's own types have the system's own views.
            .Where(t => t.StartsWith("ImageBackup.", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(outputs);
        Assert.All(outputs, type =>
        {
            Assert.Contains(type, tables);
            Assert.Contains(type, lists);
            Assert.Contains("Deserialized." + type, tables);
            Assert.Contains("Deserialized." + type, lists);
        });
    }

    [Fact]
    public void Every_script_of_the_views_parses_and_calls_no_command()
    {
        XDocument views = XDocument.Load(SourceTree.FormatFile);
        Assert.All(views.Descendants("ScriptBlock"), script =>
        {
            var ast = System.Management.Automation.Language.Parser.ParseInput(script.Value, out _, out var errors);
            Assert.Empty(errors);
            Assert.DoesNotContain(
                ast.FindAll(a => a is System.Management.Automation.Language.CommandAst, true),
                c => ((System.Management.Automation.Language.CommandAst)c).GetCommandName() is not null);
        });
    }

    /// <summary>A text that is cut ends in an ellipsis and is understood; a number that is cut is another number.</summary>
    [Theory]
    [InlineData(80)]
    [InlineData(120)]
    public void No_column_of_figures_is_cut_at_the_edge(int windowWidth)
    {
        Assert.All(XDocument.Load(SourceTree.FormatFile).Descendants("View"), view =>
        {
            int start = 0;
            foreach (XElement column in view.Descendants("TableColumnHeader").TakeWhile(c => c.Element("Width") is not null))
            {
                int end = start + (int)column.Element("Width")!;
                bool isFigure = (string?)column.Element("Alignment") == "Right";
                // The last single column before the edge is left free by the formatter.
                Assert.False(isFigure && start < windowWidth - 1 && end > windowWidth, $"{(string?)view.Element("Name")}: {(string?)column.Element("Label")} stands at {start} to {end}.");
                start = end + 1;
            }
        });
    }

    /// <summary>Properties of objects that 0.1.0 exported; of today's the types file keeps them as aliases.</summary>
    private static readonly string[] s_formerNames = ["RestedBy", "LeftOut", "Leftovers"];

    /// <summary>What PowerShell adds to an object of a drive.</summary>
    private static readonly string[] s_driveNames = ["PSChildName", "PSPath"];

    /// <summary>What the types file adds to a type.</summary>
    private static HashSet<string> Added(string typeName) => [.. XDocument.Load(SourceTree.TypesFile).Descendants("Type")
        // An object of a drive (type#Drive) has what its type has.
        .Where(type => (string?)type.Element("Name") == typeName.Split('#')[0]).Descendants()
        .Where(member => member.Name.LocalName is "AliasProperty" or "ScriptProperty").Select(member => (string)member.Element("Name")!)];

    [Fact]
    public void What_a_table_heads_is_a_property_of_the_object_and_of_one_that_was_deserialized()
    {
        Assert.All(XDocument.Load(SourceTree.FormatFile).Descendants("View").Where(view => view.Element("TableControl") is not null), view =>
        {
            string[] typeNames = [.. view.Descendants("TypeName").Select(name => name.Value)];
            Type type = TypeOf(typeNames[0]);
            foreach (string label in view.Descendants("TableColumnHeader").Select(header => (string)header.Element("Label")!))
            {
                // A job's state is PowerShell's own addition to it.
                bool isOwn = type.GetProperty(label) is not null || (type == typeof(ImageBackupJob) && label == "State");
                foreach (string typeName in typeNames)
                    Assert.True(isOwn || Added(typeName).Contains(label), $"{typeName} has no property '{label}', which its table heads: add it to ImageBackup.Types.ps1xml, for the deserialized types too.");
            }
        });
    }

    [Fact]
    public void What_the_types_file_adds_is_hidden_and_leads_to_a_property()
    {
        XElement[] added = [.. XDocument.Load(SourceTree.TypesFile).Descendants().Where(member => member.Name.LocalName is "AliasProperty" or "ScriptProperty")];
        Assert.True(added.Length > 50);
        Assert.All(added, member =>
        {
            Assert.Equal("true", (string?)member.Attribute("IsHidden"));
            string typeName = (string)member.Ancestors("Type").First().Element("Name")!;
            Type type = TypeOf(XDocument.Load(SourceTree.FormatFile).Descendants("ViewSelectedBy").First(view => view.Elements("TypeName").Any(name => name.Value == typeName)).Elements("TypeName").First().Value);
            if ((string?)member.Element("ReferencedMemberName") is { } target)
                Assert.NotNull(type.GetProperty(target));
            foreach (System.Text.RegularExpressions.Match used in System.Text.RegularExpressions.Regex.Matches((string?)member.Element("GetScriptBlock") ?? "", @"\$this\.(\w+)"))
                Assert.True(type.GetProperty(used.Groups[1].Value) is not null || s_formerNames.Contains(used.Groups[1].Value) || s_driveNames.Contains(used.Groups[1].Value), $"{typeName}: {used.Value}");
        });
    }

    [Fact]
    public void Times_are_shaped_by_the_views_and_not_by_the_culture()
    {
        XDocument views = XDocument.Load(SourceTree.FormatFile);
        Assert.All(views.Descendants("ScriptBlock"), script => Assert.DoesNotMatch("yyyy|HH:", script.Value));
        Assert.All(views.Descendants("PropertyName"), shown =>
        {
            Type type = TypeOf(shown.Ancestors("View").First().Descendants("TypeName").First().Value).GetProperty(shown.Value)!.PropertyType;
            Assert.False((Nullable.GetUnderlyingType(type) ?? type) == typeof(DateTime), shown.Value);
        });
        // In an interpolated text a format follows the culture: DisplayText.Minute and Second do not.
        foreach (string file in System.IO.Directory.EnumerateFiles(System.IO.Path.Combine(SourceTree.Root, "src"), "*.cs", System.IO.SearchOption.AllDirectories))
            Assert.DoesNotMatch(@"\{[^{}0-9""][^{}""]*:(yyyy|HH)", System.IO.File.ReadAllText(file));
    }

    /// <summary>The type that a view names. An object of a drive has a name of its own before its type's: type#Drive.</summary>
    internal static Type TypeOf(string typeName) => typeof(ImageBackupInfo).Assembly.GetType(typeName.Split('#')[0])
        ?? typeof(ImageBackup.Commands.BackupVolumeImageCommand).Assembly.GetType(typeName.Split('#')[0], throwOnError: true)!;

    [Fact]
    public void Every_property_that_a_view_names_exists()
    {
        XDocument views = XDocument.Load(SourceTree.FormatFile);
        Assert.All(views.Descendants("View"), view =>
        {
            string typeName = view.Descendants("TypeName").First().Value;
            Type type = TypeOf(typeName);
            HashSet<string> added = Added(typeName);
            Assert.All(view.Descendants("PropertyName"), p => Assert.NotNull(type.GetProperty(p.Value)));
            foreach (XElement script in view.Descendants("ScriptBlock"))
            {
                foreach (System.Text.RegularExpressions.Match used in System.Text.RegularExpressions.Regex.Matches(script.Value, @"\$_\.(\w+)"))
                    Assert.True(type.GetProperty(used.Groups[1].Value) is not null || added.Contains(used.Groups[1].Value) || s_formerNames.Contains(used.Groups[1].Value)
                        || s_driveNames.Contains(used.Groups[1].Value), used.Value);
            }
        });
    }
}
