using System;
using System.Collections.Generic;

namespace Alphaleonis.Win32.Vss;

public interface IVssExamineWriterMetadata : IDisposable
{
    IList<IVssWMComponent> Components { get; }
    Guid InstanceId { get; }
    Guid WriterId { get; }
    string WriterName { get; }
    string SaveAsXml();
}
