using System.Reflection;

namespace Alphaleonis.Win32.Vss;

public interface IVssAssemblyResolver
{
    Assembly LoadAssembly(AssemblyName assemblyName);
}
