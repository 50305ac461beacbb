using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Policy.Classes;

/// <summary>
/// The classes of a machine, or those that the repository keeps: classes by name, and which of them is the default.
/// Immutable; an edit gives another.
/// </summary>
internal sealed partial class ManagementClassDocument
{
    private readonly List<ManagementClass> _classes;

    private ManagementClassDocument(List<ManagementClass> classes, string? defaultClass)
    {
        _classes = classes;
        DefaultClass = defaultClass;
    }

    public static ManagementClassDocument Empty { get; } = new(new List<ManagementClass>(), null);

    /// <summary>In the order in which they were set.</summary>
    public IReadOnlyList<ManagementClass> Classes => _classes;

    /// <summary>Null: this document does not say. The class may be one of another document.</summary>
    public string? DefaultClass { get; }

    public ManagementClass? Find(string name) => _classes.Find(each => ManagementClass.IsSameName(each.Name, name));

    /// <summary>Adds a class, or changes the one of that name in its place.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public ManagementClassDocument Set(ManagementClass managementClass)
    {
        if (managementClass is null)
            throw new ArgumentNullException(nameof(managementClass));
        managementClass.Checked();
        var classes = new List<ManagementClass>(_classes);
        var index = classes.FindIndex(each => ManagementClass.IsSameName(each.Name, managementClass.Name));
        if (index < 0)
            classes.Add(managementClass);
        else
            classes[index] = managementClass;
        return new ManagementClassDocument(classes, DefaultClass);
    }

    /// <exception cref="ImageBackupException">ManagementClassNotFound; ParameterInvalid: it is the default class.</exception>
    public ManagementClassDocument Remove(string name)
    {
        var classes = new List<ManagementClass>(_classes);
        if (classes.RemoveAll(each => ManagementClass.IsSameName(each.Name, name)) == 0)
            throw new ImageBackupException(ErrorId.ManagementClassNotFound, $"There is no management class '{name}'.", name);
        if (ManagementClass.IsSameName(DefaultClass, name))
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{name}' is the default class; make another the default first.", name);
        return new ManagementClassDocument(classes, DefaultClass);
    }

    /// <summary>Names the default class; null = this document does not say.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: not a class's name.</exception>
    public ManagementClassDocument WithDefault(string? name) =>
        name is null || ManagementClass.IsValidName(name)
            ? new ManagementClassDocument(new List<ManagementClass>(_classes), name)
            : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{name}' cannot be a management class's name.", name);
}
