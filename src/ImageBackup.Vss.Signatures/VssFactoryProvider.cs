using System;

namespace Alphaleonis.Win32.Vss;

public class VssFactoryProvider : IVssFactoryProvider
{
    public VssFactoryProvider(IVssAssemblyResolver resolver) => _ = resolver ?? throw new ArgumentNullException(nameof(resolver));

    public IVssFactory GetVssFactory() => throw new NotSupportedException("This assembly has AlphaVSS's signatures only.");
}
