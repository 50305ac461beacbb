using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes.Undo;

/// <summary>Quiesced because its reader holds it exclusively; closing that is all there is to put back.</summary>
internal sealed class ExclusiveVolume(IBlockReader reader) : IQuiescedVolume
{
    public IBlockReader Reader => reader;

    public string How => "held exclusively";

    public string? Disruption => null;

    public string? Disturbance() => null;

    public IReadOnlyList<string> Release()
    {
        reader.Dispose();
        return [];
    }

    public void Dispose() => Release();
}
