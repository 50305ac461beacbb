using System;
using System.Threading;
using ImageBackup.Engine.Platform.Rooted;

namespace ImageBackup.Engine.Items;

/// <summary>An open directory that several use, each until it disposes of its own use; the last one closes it. Any thread.</summary>
internal sealed class SharedFolder : IDisposable
{
    private readonly Users _users;
    private int _isDisposed;

    /// <param name="folder">Becomes the users'.</param>
    public SharedFolder(RootedFolder folder)
        : this(new Users(folder))
    {
    }

    private SharedFolder(Users users) => _users = users;

    public RootedFolder Folder => _users.Folder;

    /// <summary>One more use of it. Only as long as this one lasts.</summary>
    public SharedFolder Share()
    {
        Interlocked.Increment(ref _users.Count);
        return new SharedFolder(_users);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0 && Interlocked.Decrement(ref _users.Count) == 0)
            _users.Folder.Dispose();
    }

    private sealed class Users(RootedFolder folder)
    {
        public RootedFolder Folder => folder;
        public int Count = 1;
    }
}
