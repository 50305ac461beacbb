using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace ImageBackup.Tests.Unit.Layers;

public sealed partial class LayerTests
{
    private const string Engine = "src/ImageBackup.Engine/";

    [Fact]
    public void Arrows_point_the_right_way()
    {
        IReadOnlyList<string> files = SourceTree.Files(Engine, "*.cs");
        Assert.True(files.Count > 50, "The engine's source was not found.");
        Assert.Empty(files.SelectMany(file => LayerRules.Violations(file[Engine.Length..], SourceTree.Read(file))));
    }

    /// <summary>The types in signatures, fields and bases say it again, as the compiler has resolved the names.</summary>
    [Fact]
    public void The_compiled_arrows_point_the_right_way()
    {
        var wrong = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Type type in typeof(ErrorId).Assembly.GetTypes())
        {
            if (LayerOf(type) is not { } layer || !LayerRules.Allowed.TryGetValue(layer, out string[]? allowed))
                continue;
            foreach (Type known in Mentioned(type))
            {
                if (LayerOf(known) is { } other && other != layer && !allowed.Contains(other))
                    wrong.Add($"{type} ({layer}) knows {known} ({other})");
                if (LayerRules.PartOfRepository(SpaceOf(type)) is { } part && LayerRules.PartOfRepository(SpaceOf(known)) is { } otherPart
                    && part != otherPart && !LayerRules.AllowedInRepository[part].Contains(otherPart))
                {
                    wrong.Add($"{type} (Repository/{part}) knows {known} (Repository/{otherPart})");
                }
            }
        }
        Assert.Empty(wrong);
    }

    /// <summary>A folder is one subject; one that grows past this has become two.</summary>
    [Fact]
    public void A_folder_of_the_source_is_not_a_room_for_everything() => Assert.Empty(
        from file in SourceTree.Files("src", "*.cs")
        group file by file[..file.LastIndexOf('/')] into folder
        where folder.Count() > 28
        select $"{folder.Key} holds {folder.Count()} files");

    [Fact]
    public void The_engine_references_no_PowerShell() => Assert.DoesNotContain(
        typeof(ErrorId).Assembly.GetReferencedAssemblies(), a => a.Name!.Contains("Automation", StringComparison.OrdinalIgnoreCase));

    [Theory]
    [InlineData("Volumes/X.cs", "using ImageBackup.Engine.Repository;\nnamespace ImageBackup.Engine.Volumes;", "Repository")]
    [InlineData("Repository/X.cs", "namespace ImageBackup.Engine.Repository;\nclass X { FileSystems.IFileSystemReader? R; }", "FileSystems")]
    [InlineData("Repository/Blobs/X.cs", "namespace ImageBackup.Engine.Repository.Blobs;\nclass X { void M(Volumes.IVolumeSystem v) { } }", "Volumes")]
    [InlineData("Repository/Packs/X.cs", "using ImageBackup.Engine.Repository.Indexes;\nnamespace ImageBackup.Engine.Repository.Packs;", "Repository/Indexes")]
    [InlineData("Repository/Writing/X.cs", "namespace ImageBackup.Engine.Repository.Writing;\nclass X { Repository.Maintenance.Pruner? P; }", "Repository/Maintenance")]
    [InlineData("Repository/Other/X.cs", "namespace ImageBackup.Engine.Repository.Other;", "folder of Repository")]
    [InlineData("Blocks/X.cs", "using ImageBackup.Engine.Repository.Blobs;\nnamespace ImageBackup.Engine.Blocks;", "Repository")]
    [InlineData("Storage/X.cs", "using ImageBackup.Engine.Events;\nnamespace ImageBackup.Engine.Storage;", "Events")]
    [InlineData("Policy/X.cs", "namespace ImageBackup.Engine.Policy;\nclass X { global::ImageBackup.Engine.Backup.BackupJob? J; }", "Backup")]
    [InlineData("FileSystems/Ext/X.cs", "using V = ImageBackup.Engine.Volumes.VolumeSystem;\nnamespace ImageBackup.Engine.FileSystems.Ext;", "Volumes")]
    [InlineData("Model/X.cs", "using ImageBackup.Engine.Blocks;\nnamespace ImageBackup;", "Blocks")]
    [InlineData("Model/Images/X.cs", "namespace ImageBackup.Engine.Model.Images;", "another folder")]
    [InlineData("Backup/X.cs", "using System.Management.Automation;\nnamespace ImageBackup.Engine.Backup;", "PowerShell")]
    [InlineData("Backup/Copy/X.cs", "using ImageBackup.Engine.Restore;\nnamespace ImageBackup.Engine.Backup.Copy;", "Restore")]
    [InlineData("Blocks/X.cs", "namespace ImageBackup.Engine.Backup;", "another folder")]
    [InlineData("Backup/Copy/X.cs", "namespace ImageBackup.Engine.Backup;", "another folder")]
    [InlineData("Blocks/X.cs", "namespace System;", "another folder")]
    [InlineData("Compat/Language/X.cs", "namespace ImageBackup.Engine.Backup;", "another folder")]
    [InlineData("Utils/X.cs", "namespace ImageBackup.Engine.Utils;", "not a layer")]
    [InlineData("X.cs", "namespace ImageBackup.Engine;", "no layer")]
    public void A_wrong_arrow_is_found(string path, string source, string what) =>
        Assert.Contains(LayerRules.Violations(path, source), v => v.Contains(what, StringComparison.Ordinal));

    [Theory]
    [InlineData("Backup/X.cs", "using ImageBackup.Engine.Repository.Blobs;\nusing ImageBackup.Engine.Volumes;\nnamespace ImageBackup.Engine.Backup;")]
    [InlineData("Repository/X.cs", "using ImageBackup.Engine.Storage;\nnamespace ImageBackup.Engine.Repository;\n// see Volumes.VolumeSystem\nclass X { string S = \"Backup.BackupJob \"; }")]
    [InlineData("Repository/X.cs", "namespace ImageBackup.Engine.Repository;\nclass X { Y Y => files.Storage.List(); object Z => Storage.StoredKind.Pack; }")]
    [InlineData("Repository/Maintenance/X.cs", "using ImageBackup.Engine.Repository.Packs;\nnamespace ImageBackup.Engine.Repository.Maintenance;")]
    [InlineData("Model/Images/X.cs", "using ImageBackup.Engine.Platform;\nnamespace ImageBackup;")]
    public void A_right_arrow_is_none(string path, string source) => Assert.Empty(LayerRules.Violations(path, source));

    /// <summary>A folder holds one subject: about 25 files are as many as one has.</summary>
    [Fact]
    public void No_folder_of_the_engine_is_a_room_for_everything() => Assert.DoesNotContain(
        SourceTree.Files(Engine, "*.cs").GroupBy(file => file[..file.LastIndexOf('/')]), folder => folder.Count() > 25);

    [Fact]
    public void Nothing_is_named_for_being_anything_at_all() => Assert.DoesNotContain(SourceTree.Files("src", "*"), file => Vague().IsMatch(file));

    [Fact]
    public void Framework_differences_are_files_that_the_project_chooses() =>
        Assert.DoesNotContain(SourceTree.Files("src", "*.cs"), file => Conditional().IsMatch(SourceTree.Read(file)));

    /// <summary>Issue 2, item 1; dot-files, build props and what a build makes aside.</summary>
    [Fact]
    public void The_top_level_is_what_the_architecture_says()
    {
        string[] known = ["src", "tests", "en-US", "ImageBackup.psd1", "build.ps1", "README.md", "LICENSE"];
        string[] made = ["output"];
        Assert.SkipUnless(Directory.Exists(Path.Combine(SourceTree.Root, "src")), "The source is not here.");
        IEnumerable<string> names = new DirectoryInfo(SourceTree.Root).EnumerateFileSystemInfos().Select(e => e.Name)
            .Where(n => n[0] != '.' && !n.EndsWith(".props", StringComparison.Ordinal) && !n.EndsWith(".targets", StringComparison.Ordinal));
        Assert.Empty(names.Except(known).Except(made));
    }

    private static string? LayerOf(Type type) => LayerRules.LayerOf(SpaceOf(type));

    private static string? SpaceOf(Type type) => (type.IsArray || type.IsByRef || type.IsPointer ? type.GetElementType()! : type).Namespace;

    private static IEnumerable<Type> Mentioned(Type type)
    {
        const BindingFlags all = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        IEnumerable<Type?> direct = type.GetInterfaces().Append(type.BaseType)
            .Concat(type.GetFields(all).Select(f => f.FieldType))
            .Concat(type.GetMethods(all).SelectMany(m => m.GetParameters().Select(p => p.ParameterType).Append(m.ReturnType)
                .Concat(m.GetMethodBody()?.LocalVariables.Select(v => v.LocalType) ?? [])))
            .Concat(type.GetConstructors(all).SelectMany(c => c.GetParameters().Select(p => p.ParameterType)));
        return direct.OfType<Type>().SelectMany(t => t.IsGenericType ? t.GetGenericArguments().Append(t) : [t]);
    }

    [GeneratedRegex("(Utils?|Utilities|Helpers?|Common|Managers?|Misc)(/|[.][a-z]+$)", RegexOptions.IgnoreCase)]
    private static partial Regex Vague();

    [GeneratedRegex(@"^\s*#if\b", RegexOptions.Multiline)]
    private static partial Regex Conditional();
}
