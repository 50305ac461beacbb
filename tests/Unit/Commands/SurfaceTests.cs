using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;
using System.Security;
using ImageBackup.Commands;
using ImageBackup.Pipeline;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>The cmdlets' outside: names, parameters, impact; and that the manifest says the same.</summary>
public sealed class SurfaceTests
{
    private static readonly string[] s_changing =
    [
        "Initialize-ImageRepository", "Backup-VolumeImage", "Copy-ImageBackup", "Restore-VolumeImage", "Restore-ImageItem", "Unlock-ImageRepository", "Repair-ImageRepository", "Repair-ImageVolume",
        "Export-ImageRepositoryPassword",
        "Add-ImageRepositoryKey", "Set-ImageRepositoryPassword", "Optimize-ImageRepository", "Remove-ImageBackup", "Remove-ImageRepositoryKey",
        "Set-IncludeImage", "Set-ExcludeImage", "Remove-IncludeImage", "Set-ImageDomain", "Set-ManagementClass", "Remove-ManagementClass",
        "Set-SnapshotProvider", "Test-SnapshotProvider", "Set-ImageBackup",
    ];

    private static IEnumerable<(Type Type, CmdletAttribute Cmdlet)> Cmdlets() =>
        from type in typeof(BackupVolumeImageCommand).Assembly.GetExportedTypes()
        let cmdlet = type.GetCustomAttribute<CmdletAttribute>()
        where cmdlet is not null
        select (type, cmdlet);

    private static string NameOf(CmdletAttribute cmdlet) => cmdlet.VerbName + "-" + cmdlet.NounName;

    private static IEnumerable<PropertyInfo> Parameters(Type type) =>
        type.GetProperties().Where(p => p.IsDefined(typeof(ParameterAttribute), inherit: true));

    [Fact]
    public void Every_verb_is_approved_and_no_noun_is_a_plural()
    {
        HashSet<string> approved = [.. new[]
        {
            typeof(VerbsCommon), typeof(VerbsCommunications), typeof(VerbsData), typeof(VerbsDiagnostic), typeof(VerbsLifecycle),
            typeof(VerbsSecurity), typeof(VerbsOther),
        }.SelectMany(t => t.GetFields().Select(f => f.Name))];
        Assert.NotEmpty(Cmdlets());
        Assert.All(Cmdlets(), c =>
        {
            Assert.Contains(c.Cmdlet.VerbName, approved);
            Assert.False(c.Cmdlet.NounName.EndsWith('s') && !c.Cmdlet.NounName.EndsWith("ss", StringComparison.Ordinal), c.Cmdlet.NounName);
            Assert.Equal(c.Cmdlet.VerbName + c.Cmdlet.NounName + "Command", c.Type.Name);
        });
    }

    [Fact]
    public void The_manifest_exports_exactly_the_cmdlets()
    {
        Ast manifest = Parser.ParseFile(Path.Combine(SourceTree.Root, "ImageBackup.psd1"), out _, out ParseError[] errors);
        Assert.Empty(errors);
        var table = (System.Collections.Hashtable)manifest.Find(a => a is HashtableAst, false).SafeGetValue();
        Assert.Equal(
            Cmdlets().Select(c => NameOf(c.Cmdlet)).Order(StringComparer.Ordinal),
            ((object[])table["CmdletsToExport"]!).Cast<string>().Order(StringComparer.Ordinal));
        Assert.Equal(Aliases().Order(StringComparer.Ordinal), ((object[])table["AliasesToExport"]!).Cast<string>());
        Assert.Empty((object[])table["FunctionsToExport"]!);
        Assert.Equal(typeof(BackupVolumeImageCommand).Assembly.GetName().Version!.ToString(3), table["ModuleVersion"]);
    }

    [Fact]
    public void What_changes_something_asks_and_what_destroys_always_does()
    {
        Assert.Equal(
            s_changing.Order(StringComparer.Ordinal),
            Cmdlets().Where(c => c.Cmdlet.SupportsShouldProcess).Select(c => NameOf(c.Cmdlet)).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["Remove-ImageBackup", "Remove-ImageRepositoryKey", "Restore-VolumeImage"],
            Cmdlets().Where(c => c.Cmdlet.ConfirmImpact == ConfirmImpact.High).Select(c => NameOf(c.Cmdlet)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_password_is_never_plain_text() =>
        Assert.All(
            Cmdlets().SelectMany(c => Parameters(c.Type)).Where(p => p.Name.Contains("Password", StringComparison.OrdinalIgnoreCase)
                || p.Name.Contains("Secret", StringComparison.OrdinalIgnoreCase)),
            // A password's file is a path.
            p => Assert.Equal(p.Name.EndsWith("PasswordFile", StringComparison.Ordinal) ? typeof(string) : typeof(SecureString), p.PropertyType));

    [Fact]
    public void Every_cmdlet_that_puts_something_out_says_what() =>
        Assert.Equal(
            ["Disconnect-ImageRepository", "Remove-ImageRepositoryKey", "Remove-IncludeImage", "Remove-ManagementClass"],
            Cmdlets().Where(c => !c.Type.IsDefined(typeof(OutputTypeAttribute), false)).Select(c => NameOf(c.Cmdlet)).Order(StringComparer.Ordinal));

    /// <summary>Images are taken and restored as VolumeImage, listed and removed as ImageBackup: the other noun is found too.</summary>
    [Fact]
    public void The_verbs_of_images_take_both_nouns() =>
        Assert.Equal(
            ["Backup-ImageVolume", "Get-VolumeImage", "Remove-VolumeImage", "Restore-ImageBackup", "Set-VolumeImage", "Test-VolumeImage"],
            Aliases().Order(StringComparer.Ordinal));

    [Fact]
    public void An_alias_is_not_a_cmdlet_s_name_and_its_page_tells_it() => Assert.All(Cmdlets(), c =>
    {
        string[] aliases = AliasesOf(c.Type);
        Assert.DoesNotContain(aliases, alias => Cmdlets().Any(other => NameOf(other.Cmdlet) == alias));
        Assert.Contains($"## ALIASES\n\n{(aliases.Length == 0 ? "None." : $"`{string.Join("`, `", aliases)}`")}\n", SourceTree.Read($"en-US/{NameOf(c.Cmdlet)}.md"), StringComparison.Ordinal);
    });

    private static IEnumerable<string> Aliases() => Cmdlets().SelectMany(c => AliasesOf(c.Type));

    private static string[] AliasesOf(Type cmdlet) =>
        cmdlet.GetCustomAttributes(typeof(AliasAttribute), false).Cast<AliasAttribute>().SelectMany(a => a.AliasNames).ToArray();

    [Fact]
    public void Every_error_id_has_a_fitting_category_and_says_what_to_do() =>
        Assert.All(Enum.GetValues<ErrorId>(), id =>
        {
            ErrorRecord record = ErrorRecords.From(new ImageBackupException(id, "what", "whom"), null);
            Assert.Equal(id.ToString(), record.FullyQualifiedErrorId);
            Assert.NotEqual(ErrorCategory.NotSpecified, record.CategoryInfo.Category);
            Assert.NotEqual(ErrorCategory.NotImplemented, record.CategoryInfo.Category);
            Assert.Equal("what", record.ErrorDetails.Message);
            Assert.False(string.IsNullOrWhiteSpace(record.ErrorDetails.RecommendedAction));
            Assert.Equal("whom", record.TargetObject);
        });

    [Fact]
    public void Whatever_nobody_foresaw_asks_to_be_reported_and_shows_no_stack()
    {
        ErrorRecord record = ErrorRecords.From(new AggregateException(new InvalidOperationException("odd.")), "vol");
        Assert.Equal("Unexpected", record.FullyQualifiedErrorId);
        Assert.Contains("odd (InvalidOperationException)", record.ErrorDetails.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", record.ErrorDetails.Message, StringComparison.Ordinal);
        Assert.Contains("report", record.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }
}
