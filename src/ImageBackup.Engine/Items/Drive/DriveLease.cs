using System;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>A place on a drive, whose image stays open until this is disposed of.</summary>
internal sealed class DriveLease(DriveTree tree, DriveNode node) : IDisposable
{
    private bool _isReturned;

    public DriveNode Node { get; } = node;

    public void Dispose()
    {
        if (_isReturned || Node.Open is not { } open)
            return;
        _isReturned = true;
        tree.Return(open);
    }
}
