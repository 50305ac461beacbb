using System.Security;
using ImageBackup.Engine.Storage;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>A second repository beside the command's own.</summary>
public abstract partial class RepositoryCmdlet
{
    /// <summary>Opens another repository, with a password of its own; it is closed with the command.</summary>
    /// <param name="argument">A connection, a name of one, or a place.</param>
    /// <param name="password">Null: what a connection of the session has, else restic's variables.</param>
    /// <param name="passwordFile">Full path of its file; null if it was not given.</param>
    /// <param name="isFrom">Its password is in restic's RESTIC_FROM_ variables.</param>
    private protected RepositoryConnection OpenOther(RepositoryArgument argument, SecureString? password, string? passwordFile, bool isFrom)
    {
        if (argument.Connection is { } given)
        {
            _ = given.Repository;
            return given;
        }
        if (SessionConnection.Named(argument.Path!) is { } named)
            return named;
        StorageLocation location = LocationOf(argument.Path!);
        if (_opened.TryGetValue(location.DisplayName, out RepositoryConnection? held))
            return held;
        if (password is null && passwordFile is null && SessionConnection.At(location.DisplayName) is { } connected)
            return connected;
        RepositoryConnection connection = Connect(location, password, passwordFile, isFrom);
        _opened.Add(location.DisplayName, connection);
        return connection;
    }
}
