using System;
using System.Collections.Generic;

namespace Alphaleonis.Win32.Vss;

public interface IVssWMComponent : IDisposable
{
    string ComponentName { get; }
    string? LogicalPath { get; }
    IList<VssWMFileDescriptor> Files { get; }
    IList<VssWMFileDescriptor> DatabaseFiles { get; }
    IList<VssWMFileDescriptor> DatabaseLogFiles { get; }
}
