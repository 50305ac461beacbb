using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.FileSystems;

/// <summary>The bytes are not a file system that the reader can vouch for. The only parser exception of this layer.</summary>
internal sealed class FileSystemFormatException(string message, Exception? inner = null) : Exception(message, inner);
