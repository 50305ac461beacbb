using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using ImageBackup.Completion;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Pipeline;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Names and words of others on their way to a person: every string of every object, and every stream.</summary>
[Collection(CommandTests.Name)]
public sealed class ShownTextTests : IDisposable
{
    /// <summary>ANSI, OSC, C1, bidi, line separators, and a line that would pass for one of ours.</summary>
    private const string Evil = "\u001b[31m\u001b]0;t\u0007\u009b2J\u202e\u2028x\r\nFORGED";

    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;

    public ShownTextTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
    }

    public void Dispose() => _session.Dispose();

    /// <summary>Every type that a view is for; jobs are made by the engine.</summary>
    public static TheoryData<string> ViewedTypes() => new(XDocument.Load(SourceTree.FormatFile).Descendants("TypeName").Select(name => name.Value)
        .Where(name => !name.StartsWith("Deserialized.", StringComparison.Ordinal) && name != typeof(ImageBackupJob).FullName).Distinct());

    [Theory]
    [MemberData(nameof(ViewedTypes))]
    public void Every_string_of_every_object_is_harmless_in_its_views_and_its_text(string typeName)
    {
        Type type = ViewTests.TypeOf(typeName);
        object value = Make(type, 0)!;
        AssertHarmless(_session.Run("$value | Out-Default", ("value", value)).WithoutErrors().Text);
        AssertHarmless(Assert.Single(_session.Run("\"$value\"").WithoutErrors().Output).ToString());
        foreach (XElement view in XDocument.Load(SourceTree.FormatFile).Descendants("View").Where(view => view.Descendants("TypeName").Any(name => name.Value == typeName)))
        {
            // A property is shown as it is: it must not be a text. A script is run as the formatter runs it.
            Assert.All(view.Descendants("PropertyName").Select(name => name.Value), name => Assert.True(IsHarmless(type.GetProperty(name)!.PropertyType), $"{typeName}.{name} is shown without DisplayText's script."));
            foreach (XElement script in view.Descendants("ScriptBlock"))
            {
                foreach (PSObject? shown in _session.Run($"$value | ForEach-Object {{ {script.Value} }}").WithoutErrors().Output)
                    AssertHarmless(shown?.ToString() ?? "");
            }
        }
    }

    [Theory]
    [MemberData(nameof(ViewedTypes))]
    public void Every_object_is_a_short_text_and_so_is_every_property_of_it(string typeName)
    {
        Type type = ViewTests.TypeOf(typeName);
        object value = Make(type, 0)!;
        // Lists become what they are by their properties, which Make goes past.
        foreach (PropertyInfo property in type.GetProperties().Where(property => property.CanWrite && property.GetIndexParameters().Length == 0))
            property.SetValue(value, property.GetValue(value));
        // Neither the dump of a record, nor the name of a type. Export-Csv writes ToString() of each property.
        ShellResult shown = _session.Run("\"$value\"; foreach ($property in $value.PSObject.Properties) { if ($null -ne $property.Value) { $property.Value.ToString() } }", ("value", value)).WithoutErrors();
        Assert.True(shown.Output.Count > 1);
        Assert.All(shown.Output, text => Assert.DoesNotMatch(@" = |\w \{ |`\d\[|^(System|ImageBackup)\.\w+|<>z__", text.ToString()));
        // What the types file adds is there, sorts, and is not said twice.
        foreach (string label in XDocument.Load(SourceTree.FormatFile).Descendants("View").Where(view => view.Descendants("TypeName").Any(name => name.Value == typeName)).Descendants("TableColumnHeader").Select(header => (string)header.Element("Label")!))
            Assert.True((bool)Assert.Single(_session.Run($"$null -ne $value.PSObject.Properties['{label}']").WithoutErrors().Output).BaseObject, label);
        string[] names = [.. _session.Run("foreach ($property in $value.PSObject.Properties) { $property.Name }").WithoutErrors().Output.Select(name => name.ToString())];
        Assert.Equal(names.Order(StringComparer.Ordinal), type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Select(property => property.Name).Where(name => name != "Item").Order(StringComparer.Ordinal));
    }

    /// <summary>What the formatter writes of a value of this type are figures and words of ours.</summary>
    private static bool IsHarmless(Type type) => (Nullable.GetUnderlyingType(type) ?? type) is { IsValueType: true } value
        && (value.IsPrimitive || value.IsEnum || value.Namespace == "System");

    [Fact]
    public void The_scripts_of_the_views_show_a_text_as_everything_else_does()
    {
        string script = XDocument.Load(SourceTree.FormatFile).Descendants("ScriptBlock").First(block => block.Value.Contains("Line($_.Label)", StringComparison.Ordinal)).Value;
        string Shown(string label) => Assert.Single(_session.Run($"$value | ForEach-Object {{ {script} }}", ("value", new PSObject(new { Label = label }))).WithoutErrors().Output).ToString();
        foreach (string text in new[] { Evil, "plain", "\U000E0041 👩‍🚀", "a\u00ad\u200c\u200d\ufeff\u0085\u009f", "" })
            Assert.Equal(DisplayText.Line(text), Shown(text));
    }

    [Fact]
    public void Errors_warnings_and_questions_are_harmless_and_the_objects_keep_what_was_read()
    {
        ImageBackupException e = new(ErrorId.VolumeNotFound, $"There is no volume '{Evil}'.", Evil);
        ErrorRecord record = ErrorRecords.From(e, null);
        AssertHarmless(record.ToString());
        AssertHarmless(record.CategoryInfo.ToString());
        Assert.Equal(Evil, record.TargetObject);
        Assert.Contains(Evil, record.Exception.Message, StringComparison.Ordinal);
        AssertHarmless(ErrorRecords.From(new InvalidOperationException(Evil), Evil).ToString());
    }

    [Fact]
    public void A_volume_and_a_repository_with_such_names_are_told_of_harmlessly()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux alone lets a file have such a name.");
        string name = "evil\u001b[31m\nFORGED.img";
        string volume = _fixture.NewVolume(name, seed: 5);
        ShellResult whatIf = _session.Run("Backup-VolumeImage $v -Repository $repository -Password $password -WhatIf -Verbose 4>&1", ("v", volume));
        AssertHarmless(whatIf.Text);
        Assert.Contains(@"\u{1b}", whatIf.Text + string.Concat(whatIf.Output.Select(line => line.ToString())), StringComparison.Ordinal);
        Assert.All(whatIf.Output, line => AssertHarmless(line.ToString()));
        ImageBackupInfo image = _session.Run("Backup-VolumeImage $v -Repository $repository -Password $password -ImageType Dynamic", ("v", volume)).WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal(volume, image.Volume);
        ShellResult missing = _session.Run("Connect-ImageRepository $r -Password $password", ("r", _fixture.PathOf(name)));
        AssertHarmless(Assert.Single(missing.Errors).ToString());
        File.Delete(volume);
    }

    [Fact]
    public void What_is_completed_is_shown_harmlessly_and_means_the_name_itself()
    {
        string name = Evil + "`$x\"\u201c'";
        string quoted = NameCompleter.Quoted(name);
        AssertHarmless(quoted);
        Assert.DoesNotContain('\n', quoted);
        Assert.Equal(name, Assert.Single(_session.Run(quoted).WithoutErrors().Output).BaseObject);
        var candidate = new CompletionCandidate(name, "on " + name);
        AssertHarmless(candidate.ListText);
        AssertHarmless(candidate.Tooltip);
        Assert.Equal(name, candidate.Text);
        Assert.Equal("'a b'", NameCompleter.Quoted("a b"));
    }

    private static void AssertHarmless(string text)
    {
        Assert.DoesNotContain("\nFORGED", text, StringComparison.Ordinal);
        string bare = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        Assert.Equal(bare.Replace("\n", "", StringComparison.Ordinal), DisplayText.Line(bare.Replace("\n", "", StringComparison.Ordinal)));
    }

    /// <summary>A value of the type whose strings, however deep, are all <see cref="Evil"/>.</summary>
    private static object? Make(Type type, int depth)
    {
        if (type == typeof(string) || type == typeof(object))
            return Evil;
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Make(underlying, depth);
        if (type.IsArray && type.GetArrayRank() == 1)
            return List(type.GetElementType()!, depth);
        if (type.IsInterface && type.IsGenericType && type.GetGenericArguments() is [var element] && type.IsAssignableFrom(element.MakeArrayType()))
            return List(element, depth);
        if (type.IsValueType)
            return Fill(Activator.CreateInstance(type)!, depth);
        bool isOurs = type.Assembly == typeof(ImageBackupInfo).Assembly || type.Assembly == typeof(ImageBackupJob).Assembly;
        // A plan is made of the policy's own objects, which hold together; what is shown of it is in the same scripts.
        bool isRecord = type.GetMethod("<Clone>$") is not null && type != typeof(VolumePlan);
        return isOurs && !type.IsAbstract && depth < 5 && (isRecord || depth == 0 || type == typeof(VolumeIdentity) || type.Name.StartsWith("JoinedList", StringComparison.Ordinal))
            ? Fill(RuntimeHelpers.GetUninitializedObject(type), depth)
            : null;
    }

    private static Array List(Type element, int depth)
    {
        var list = Array.CreateInstance(element, depth < 5 ? 1 : 0);
        if (list.Length > 0)
            list.SetValue(Make(element, depth + 1), 0);
        return list;
    }

    private static object Fill(object value, int depth)
    {
        if (value.GetType().IsPrimitive || value.GetType().IsEnum || value.GetType().Namespace == "System")
            return value;
        // The fields of a base are its own.
        for (Type? type = value.GetType(); type is not null; type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (depth < 5 && Make(field.FieldType, depth + 1) is { } made)
                    field.SetValue(value, made);
            }
        }
        return value;
    }
}
