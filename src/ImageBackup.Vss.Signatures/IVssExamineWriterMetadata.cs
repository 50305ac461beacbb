using System;

namespace Alphaleonis.Win32.Vss;

public interface IVssExamineWriterMetadata : IDisposable
{
    Guid InstanceId { get; }
    Guid WriterId { get; }
    string WriterName { get; }
    string SaveAsXml();
}
