using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using System.Text.RegularExpressions;
using ImageBackup.Commands;
using ImageBackup.Engine.Policy.Options;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>What the help pages claim of parameters, compared with the parameters.</summary>
public sealed partial class HelpClaimTests
{
    private static readonly Dictionary<string, Type> s_cmdlets = typeof(BackupVolumeImageCommand).Assembly.GetExportedTypes()
        .Where(type => type.IsDefined(typeof(CmdletAttribute), false))
        .ToDictionary(type => type.GetCustomAttribute<CmdletAttribute>()! is var cmdlet ? $"{cmdlet.VerbName}-{cmdlet.NounName}" : "");

    public static TheoryData<string> Cmdlets() => [.. s_cmdlets.Keys];

    /// <summary>Each parameter of a page: its text, and the YAML below it.</summary>
    private static Dictionary<string, (string Text, string Yaml)> Sections(string cmdlet) =>
        ParameterSection().Matches(HelpPages.Text(cmdlet)).ToDictionary(m => m.Groups[1].Value, m => (m.Groups[2].Value.Trim(), m.Groups[3].Value));

    private static IEnumerable<PropertyInfo> ParametersOf(string cmdlet) =>
        s_cmdlets[cmdlet].GetProperties().Where(property => property.IsDefined(typeof(ParameterAttribute), inherit: true));

    /// <summary>An overriding property's own attributes take the place of the ones that it overrides.</summary>
    private static IEnumerable<ParameterAttribute> Declared(PropertyInfo property) =>
        property.GetCustomAttributes<ParameterAttribute>(inherit: false) is var own && own.Any() ? own : property.GetCustomAttributes<ParameterAttribute>(inherit: true);

    [Theory, MemberData(nameof(Cmdlets))]
    public void Sets_positions_and_pipelines_are_the_parameters(string cmdlet)
    {
        Dictionary<string, (string Text, string Yaml)> sections = Sections(cmdlet);
        Assert.All(ParametersOf(cmdlet), property =>
        {
            string[] claimed = [.. SetItem().Matches(sections[property.Name].Yaml).Select(m => string.Join(' ', m.Groups.Values.Skip(1).Select(g => g.Value.ToLowerInvariant())))];
            string[] actual = [.. Declared(property).Select(parameter => string.Join(' ',
                parameter.ParameterSetName == ParameterAttribute.AllParameterSets ? "(all)" : parameter.ParameterSetName.ToLowerInvariant(),
                parameter.Position < 0 ? "named" : parameter.Position.ToString(CultureInfo.InvariantCulture),
                Word(parameter.Mandatory), Word(parameter.ValueFromPipeline), Word(parameter.ValueFromPipelineByPropertyName)))];
            Assert.True(actual.Order(StringComparer.Ordinal).SequenceEqual(claimed.Order(StringComparer.Ordinal)), $"-{property.Name}: the page says [{string.Join("; ", claimed)}], and it is [{string.Join("; ", actual)}].");
        });

        static string Word(bool value) => value ? "true" : "false";
    }

    [Theory, MemberData(nameof(Cmdlets))]
    public void Aliases_types_and_names_of_sets_are_the_parameters(string cmdlet)
    {
        Dictionary<string, (string Text, string Yaml)> sections = Sections(cmdlet);
        Assert.All(ParametersOf(cmdlet), property =>
        {
            string yaml = sections[property.Name].Yaml;
            string[] aliases = [.. property.GetCustomAttribute<AliasAttribute>(inherit: true)?.AliasNames ?? []];
            Assert.Equal(aliases.Order(StringComparer.Ordinal), AliasItem().Match(yaml).Groups[1].Captures.Select(c => c.Value).Order(StringComparer.Ordinal));
            string type = Regex.Match(yaml, "(?m)^Type: (.*)$").Groups[1].Value;
            Assert.Equal(NameOf(property.PropertyType), type);
            Assert.Equal(property.IsDefined(typeof(SupportsWildcardsAttribute), inherit: true) ? "true" : "false", Regex.Match(yaml, "(?m)^SupportsWildcards: (.*)$").Groups[1].Value);
        });
        string[] sets = [.. ParametersOf(cmdlet).SelectMany(Declared)
            .Select(parameter => parameter.ParameterSetName).Where(name => name != ParameterAttribute.AllParameterSets).Distinct()];
        string? first = s_cmdlets[cmdlet].GetCustomAttribute<CmdletAttribute>()!.DefaultParameterSetName;
        string[] headings = [.. Regex.Matches(Regex.Match(HelpPages.Text(cmdlet), @"(?s)\n## SYNTAX\n(.*?)\n## ").Groups[1].Value, @"(?m)^### (.+)$").Select(m => m.Groups[1].Value)];
        if (sets.Length == 0)
            Assert.Single(headings);
        else
            Assert.Equal(sets.Union(first is null ? [] : [first]).Select(name => name == first ? name + " (Default)" : name).Order(StringComparer.Ordinal), headings.Order(StringComparer.Ordinal));
    }

    /// <summary>"0 to 9999" in a parameter's text is its range, and a parameter with a range says it.</summary>
    [Theory, MemberData(nameof(Cmdlets))]
    public void Ranges_are_the_parameters(string cmdlet)
    {
        Dictionary<string, (string Text, string Yaml)> sections = Sections(cmdlet);
        Assert.All(ParametersOf(cmdlet), property =>
        {
            if (property.GetCustomAttribute<ValidateRangeAttribute>(inherit: true) is not { MinRange: { } least, MaxRange: { } most })
                return;
            foreach (Match claim in Regex.Matches(sections[property.Name].Text, @"(?<![\w.-])(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)(?![\w.])"))
            {
                Assert.Equal(
                    (Convert.ToDouble(least, CultureInfo.InvariantCulture), Convert.ToDouble(most, CultureInfo.InvariantCulture)),
                    (double.Parse(claim.Groups[1].Value, CultureInfo.InvariantCulture), double.Parse(claim.Groups[2].Value, CultureInfo.InvariantCulture)));
            }
        });
    }

    /// <summary>What a page calls a parameter's default is what the parameter has if it is not given, or what the policy then says.</summary>
    [Theory, MemberData(nameof(Cmdlets))]
    public void Defaults_are_the_parameters(string cmdlet)
    {
        Dictionary<string, (string Text, string Yaml)> sections = Sections(cmdlet);
        object command = Activator.CreateInstance(s_cmdlets[cmdlet])!;
        Assert.All(ParametersOf(cmdlet), property =>
        {
            string claimed = Regex.Match(sections[property.Name].Yaml, "(?m)^DefaultValue: (.*)$").Groups[1].Value.Trim('\'');
            object? value = (cmdlet, property.Name) == ("Backup-VolumeImage", nameof(BackupVolumeImageCommand.GapSize)) ? GapSize.Default.Kibibytes : property.GetValue(command);
            bool isUnset = value is null or Array { Length: 0 } || value.GetType().IsValueType && value.Equals(Activator.CreateInstance(value.GetType()));
            string actual = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            Assert.True(claimed == actual || isUnset && claimed.Length == 0, $"-{property.Name}: the page says '{claimed}', and it is '{actual}'.");
        });
    }

    /// <summary>restic's order, which the code has: a command or a file before the variable that holds the password.</summary>
    [Fact]
    public void Every_page_that_lists_the_variables_of_passwords_has_their_order()
    {
        int count = 0;
        foreach (string file in Directory.GetFiles(HelpPages.Folder, "*-*.md"))
        {
            string text = Regex.Replace(File.ReadAllText(file), @"\s+", " ");
            foreach (Match list in Regex.Matches(text, @"RESTIC_PASSWORD\w*(?:(?:,| and| or) RESTIC_PASSWORD\w*){2}"))
            {
                count++;
                Assert.Equal(
                    ["RESTIC_PASSWORD_COMMAND", "RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD"],
                    Regex.Matches(list.Value, @"RESTIC_PASSWORD\w*").Select(m => m.Value));
            }
        }
        Assert.InRange(count, 10, 100);
    }

    [Theory, MemberData(nameof(Cmdlets))]
    public void The_first_example_runs_in_a_test(string cmdlet)
    {
        // What these need is not on every machine: a terminal that is asked, the id of a key, LVM. FirstExamples runs them on what it makes.
        HelpExample first = HelpPages.Examples(cmdlet)[0];
        Assert.True(first.Run.StartsWith("run", StringComparison.Ordinal) || FirstExampleTests.Beds.ContainsKey(cmdlet), $"The first example of {cmdlet}, '{first.Title}', is not run.");
    }

    private static string NameOf(Type type)
    {
        if (type.IsArray)
            return NameOf(type.GetElementType()!) + "[]";
        return Nullable.GetUnderlyingType(type) is { } underlying ? $"System.Nullable`1[{underlying.FullName}]" : type.FullName!;
    }

    [GeneratedRegex(@"(?ms)^### -(\w+)\s*\n(.*?)^```yaml\n(.*?)^```")]
    private static partial Regex ParameterSection();

    [GeneratedRegex(@"(?m)^- Name: (.+)\n  Position: (.+)\n  IsRequired: (.+)\n  ValueFromPipeline: (.+)\n  ValueFromPipelineByPropertyName: (.+)$")]
    private static partial Regex SetItem();

    [GeneratedRegex(@"(?m)^Aliases:(?: \[\])?\n(?:- (.+)\n)*")]
    private static partial Regex AliasItem();
}
