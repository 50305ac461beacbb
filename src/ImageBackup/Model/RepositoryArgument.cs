using System;
using System.IO;
using System.Management.Automation;
using ImageBackup.Binding;

namespace ImageBackup;

/// <summary>A repository as the user named it: a path, a name of this session, or the object that Connect-ImageRepository gave.</summary>
public sealed class RepositoryArgument
{
    private RepositoryArgument(string? path, RepositoryConnection? connection)
    {
        Path = path;
        Connection = connection;
    }

    /// <summary>As it was written: a name, or a path that is not yet resolved against the session's location.</summary>
    public string? Path { get; }
    public RepositoryConnection? Connection { get; }

    public override string ToString() => Path ?? Connection?.Location ?? "";

    public static RepositoryArgument? From(object? value)
    {
        object? bare = InputProperties.Bare(value);
        return bare switch
        {
            RepositoryArgument argument => argument,
            RepositoryConnection connection => new(null, connection),
            RepositoryInfo info => new(info.Location, null),
            string { Length: > 0 } path => new(path, null),
            FileSystemInfo file => new(file.FullName, null),
            PathInfo path => new(path.ProviderPath, null),
            PSObject properties when InputProperties.Text(properties, "Location") is { } location => new(location, null),
            _ => null,
        };
    }
}
