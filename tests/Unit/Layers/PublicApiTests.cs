using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;
using System.Reflection;
using ImageBackup.Commands;
using Xunit;

namespace ImageBackup.Tests.Unit.Layers;

/// <summary>
/// The types that users can hold: what cmdlets put out and take. Scripts and Export-Clixml files name them, so each is written down
/// in PublicApi.txt beside this file, and none is added or renamed by accident.
/// </summary>
/// <remarks>IMAGEBACKUP_WRITE_TOPICS=1 writes the list anew.</remarks>
public sealed class PublicApiTests
{
    private const string List = "tests/Unit/Layers/PublicApi.txt";
    private static readonly Assembly s_engine = typeof(ErrorId).Assembly, s_module = typeof(BackupVolumeImageCommand).Assembly;

    [Fact]
    public void Every_public_type_is_written_down()
    {
        string[] actual = [.. s_engine.GetExportedTypes().Concat(s_module.GetExportedTypes()).Select(Line).Order(StringComparer.Ordinal)];
        string path = Path.Combine(SourceTree.Root, List);
        if (Environment.GetEnvironmentVariable("IMAGEBACKUP_WRITE_TOPICS") == "1")
            File.WriteAllLines(path, actual);
        Assert.SkipUnless(File.Exists(path), "The source is not here.");
        Assert.Equal(File.ReadAllLines(path), actual);
    }

    [Fact]
    public void The_public_face_is_one_namespace() => Assert.DoesNotContain(
        s_engine.GetExportedTypes().Concat(s_module.GetExportedTypes()), type => !IsCmdlet(type) && !IsHook(type) && type.Namespace != "ImageBackup");

    /// <summary>What a property of a public type gives is public too, or nobody could do anything with it.</summary>
    [Fact]
    public void What_a_public_type_shows_is_public()
    {
        var hidden = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Type type in s_engine.GetExportedTypes().Concat(s_module.GetExportedTypes()))
        {
            foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            {
                foreach (Type shown in Parts(property.PropertyType).Where(shown => !shown.IsVisible))
                    hidden.Add($"{type.Name}.{property.Name}: {shown}");
            }
        }
        Assert.Empty(hidden);
    }

    private static bool IsCmdlet(Type type) => typeof(Cmdlet).IsAssignableFrom(type);

    /// <summary>PowerShell looks for these by their interface or class, among the public types only.</summary>
    private static bool IsHook(Type type) => typeof(IModuleAssemblyInitializer).IsAssignableFrom(type) || typeof(CmdletProvider).IsAssignableFrom(type);

    private static string Line(Type type) => $"{(IsCmdlet(type) ? "cmdlet" : type.IsEnum ? "enum" : type.IsValueType ? "struct" : "class")} {type.FullName}";

    private static IEnumerable<Type> Parts(Type type) =>
        type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type) : type.HasElementType ? Parts(type.GetElementType()!) : [type];
}
