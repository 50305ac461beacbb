using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;

namespace ImageBackup;

/// <summary>One image as the user named it: an object of Get-ImageBackup, or the beginning of its id.</summary>
public sealed class ImageArgument
{
    private ImageArgument(object input, string? id, string? repository, string? problem)
    {
        Input = input;
        Id = id;
        Repository = repository;
        Problem = problem;
    }

    public object Input { get; }

    /// <summary>The id or its beginning; null if <see cref="Problem"/> tells why there is none.</summary>
    public string? Id { get; }

    /// <summary><see cref="Id"/>, which a command cannot do without.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: there is none.</exception>
    internal string NeededId => Id ?? throw new ImageBackupException(ErrorId.ParameterInvalid, Problem ?? "The argument names no image.");

    /// <summary>The repository that the object came from, if it says so.</summary>
    public string? Repository { get; }
    public string? Problem { get; }

    public override string ToString() => Id ?? Problem ?? "";

    public static IReadOnlyList<ImageArgument> From(object? value)
    {
        var found = new List<ImageArgument>();
        if (value is null)
            return found;
        Add(value, found);
        return found;
    }

    private static void Add(object? value, List<ImageArgument> found)
    {
        if (value is null)
        {
            found.Add(new(DBNull.Value, null, null, "A value that is $null names no image."));
            return;
        }
        object bare = InputProperties.Bare(value);
        if (NumberToken.IsNumber(bare))
        {
            if (NumberToken.TextOf(value) is not { } typed)
            {
                found.Add(new(value, null, null, IdTransformationAttribute.Lost(bare)));
                return;
            }
            bare = typed;
        }
        switch (bare)
        {
            case ImageArgument argument:
                found.Add(argument);
                return;
            case ImageBackupInfo image:
                found.Add(new(value, image.Id, image.Repository, null));
                return;
            case string id:
                found.Add(IsIdPrefix(id.Trim())
                    ? new(value, id.Trim().ToLowerInvariant(), null, null)
                    : new(value, null, null, $"'{id}' is not an image id: those are hexadecimal digits, as Get-ImageBackup shows them."));
                return;
            case IEnumerable list and not IDictionary:
                foreach (object? item in list)
                    Add(item, found);
                return;
            default:
                // A deserialised image, or any object that carries an image's id.
                var properties = PSObject.AsPSObject(value);
                string? held = InputProperties.Text(properties, "ImageId") ?? InputProperties.Text(properties, "Id");
                found.Add(held is not null && IsIdPrefix(held)
                    ? new(value, held.ToLowerInvariant(), InputProperties.Text(properties, "Repository"), null)
                    : new(value, null, null, $"An object of type {bare.GetType().Name} is not an image: it has no property Id that holds an image's id."));
                return;
        }
    }

    private static bool IsIdPrefix(string text)
    {
        if (text.Length is 0 or > 64)
            return false;
        foreach (char c in text)
        {
            if (c is not ((>= '0' and <= '9') or (>= 'a' and <= 'f') or (>= 'A' and <= 'F')))
                return false;
        }
        return true;
    }
}
