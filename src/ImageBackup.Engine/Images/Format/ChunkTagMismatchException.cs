using System;

namespace ImageBackup.Engine.Images.Format;

/// <summary>The image before has a tag beside the id of another chunk: nothing that its tags said can be relied on.</summary>
internal sealed class ChunkTagMismatchException(long offsetBytes) : Exception($"The tag of the chunk at offset {offsetBytes} stands beside another chunk's id.");
