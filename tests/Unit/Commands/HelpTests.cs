using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;
using System.Text.RegularExpressions;
using ImageBackup.Commands;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>That the help names exactly what the cmdlets have, and that its examples are true.</summary>
[Collection(CommandTests.Name)]
public sealed class HelpTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("imagebackup-help-").FullName;

    private static readonly Dictionary<string, Type> s_cmdlets = typeof(BackupVolumeImageCommand).Assembly.GetExportedTypes()
        .Where(t => t.IsDefined(typeof(CmdletAttribute), false))
        .ToDictionary(t => t.GetCustomAttribute<CmdletAttribute>()! is var c ? $"{c.VerbName}-{c.NounName}" : "", StringComparer.OrdinalIgnoreCase);

    public void Dispose() => Directory.Delete(_work, recursive: true);

    private static IEnumerable<string> ParametersOf(string cmdlet)
    {
        foreach (PropertyInfo property in s_cmdlets[cmdlet].GetProperties())
        {
            if (property.IsDefined(typeof(ParameterAttribute), inherit: true))
                yield return property.Name;
        }
        if (s_cmdlets[cmdlet].GetCustomAttribute<CmdletAttribute>()!.SupportsShouldProcess)
        {
            yield return "Confirm";
            yield return "WhatIf";
        }
    }

    public static TheoryData<string> Cmdlets() => [.. s_cmdlets.Keys];

    [Fact]
    public void Every_cmdlet_has_a_page_and_every_page_a_cmdlet() =>
        Assert.Equal(s_cmdlets.Keys.Order(StringComparer.Ordinal), HelpPages.Names.Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Cmdlets))]
    public void A_page_names_exactly_the_parameters(string cmdlet) =>
        Assert.Equal(ParametersOf(cmdlet).Order(StringComparer.Ordinal), HelpPages.Parameters(cmdlet).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Cmdlets))]
    public void The_MAML_names_exactly_the_parameters_and_describes_each(string cmdlet)
    {
        var maml = HelpPages.Maml();
        Assert.True(maml.ContainsKey(cmdlet), "The MAML lacks the cmdlet: run build.ps1 -Task Help.");
        Assert.Equal(ParametersOf(cmdlet).Order(StringComparer.Ordinal), maml[cmdlet].Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.All(maml[cmdlet].Parameters, p => Assert.True(p.Value.Length > 0, p.Key));
        Assert.Equal(HelpPages.Synopsis(cmdlet), maml[cmdlet].Synopsis);
    }

    [Fact]
    public void The_MAML_has_no_other_cmdlets() =>
        Assert.Equal(s_cmdlets.Keys.Order(StringComparer.Ordinal), HelpPages.Maml().Keys.Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Cmdlets))]
    public void A_page_is_filled_in_and_has_three_examples_or_more(string cmdlet)
    {
        Assert.DoesNotContain("{{", HelpPages.Text(cmdlet), StringComparison.Ordinal);
        Assert.InRange(HelpPages.Examples(cmdlet).Count, 3, 20);
        Assert.All(HelpPages.Examples(cmdlet), e => Assert.Contains(e.Run, new[] { "", "run", "run pwsh" }));
        Assert.All(HelpPages.Examples(cmdlet), e => Assert.NotEqual("", e.Title));
    }

    [Theory, MemberData(nameof(Cmdlets))]
    public void Every_example_parses_and_uses_the_cmdlet_with_parameters_that_exist(string cmdlet)
    {
        foreach (HelpExample example in HelpPages.Examples(cmdlet))
        {
            Ast script = Parser.ParseInput(example.Code, out _, out ParseError[] errors);
            Assert.Empty(errors);
            var commands = script.FindAll(a => a is CommandAst, true).Cast<CommandAst>().ToList();
            foreach (CommandAst command in commands.Where(c => c.GetCommandName() is { } n && s_cmdlets.ContainsKey(n)))
            {
                string[] known = [.. ParametersOf(command.GetCommandName()), "ErrorAction", "ErrorVariable", "WarningAction", "Verbose"];
                Assert.All(command.CommandElements.OfType<CommandParameterAst>(), p => Assert.Contains(p.ParameterName, known));
            }
        }
        Assert.Contains(
            HelpPages.Examples(cmdlet), e => e.Code.Contains(cmdlet, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The pages' own test bed: see the help page of any cmdlet for what an example may count on.</summary>
    [Theory, MemberData(nameof(Cmdlets))]
    public void Every_example_that_is_marked_runs(string cmdlet)
    {
        var runnable = HelpPages.Examples(cmdlet).Where(e => e.Run == "run").ToList();
        Assert.SkipWhen(runnable.Count == 0, "The page has no example that runs everywhere.");
        using (var session = NewSession())
        {
            File.WriteAllBytes(Path.Combine(_work, "disk.img"), RandomBytes(1 << 20));
            session.Run("""
                Initialize-ImageRepository ./images -Password $password | Connect-ImageRepository
                Backup-VolumeImage ./disk.img
                """).WithoutErrors();
            if (cmdlet.Contains("-ImageItem", StringComparison.Ordinal) || cmdlet == "Compare-ImageBackup")
            {
                File.WriteAllBytes(Path.Combine(_work, "files.img"), SeedImage.Load("files-ext4"));
                session.Run("$null = Backup-VolumeImage ./files.img").WithoutErrors();
            }
        }
        foreach (HelpExample example in runnable)
        {
            using var session = NewSession();
            session.Run("$null = Connect-ImageRepository ./images -Password $password").WithoutErrors();
            ShellResult result = session.Run(example.Code);
            Assert.True(
                result.Errors.Count == 0, $"{cmdlet}, '{example.Title}': {string.Join("; ", result.Errors.Select(e => e.ToString()))}");
            foreach (string left in Directory.GetFileSystemEntries(_work).Where(f => Path.GetFileName(f) is not ("images" or "disk.img" or "files.img")))
            {
                if (Directory.Exists(left))
                    Directory.Delete(left, recursive: true);
                else
                    File.Delete(left);
            }
        }
    }

    [Fact]
    public void Every_topic_that_a_page_or_topic_names_exists()
    {
        foreach (string file in Directory.GetFiles(HelpPages.Folder))
        {
            foreach (Match topic in Regex.Matches(File.ReadAllText(file), @"\babout_ImageBackup\w*"))
                Assert.True(File.Exists(Path.Combine(HelpPages.Folder, topic.Value + ".help.txt")), $"{Path.GetFileName(file)} names {topic.Value}.");
        }
    }

    [Fact]
    public void No_line_of_a_topic_is_longer_than_a_terminal_is_wide() =>
        Assert.All(
            Directory.GetFiles(HelpPages.Folder, "*.help.txt"),
            f => Assert.All(File.ReadAllLines(f), line => Assert.True(line.Length <= 80, $"{Path.GetFileName(f)}: {line}")));

    private ShellSession NewSession()
    {
        var session = new ShellSession();
        session.SetLocation(_work);
        session.Set("password", RepositoryFixture.Secret(RepositoryFixture.PasswordText));
        return session;
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(5).NextBytes(bytes);
        return bytes;
    }
}
