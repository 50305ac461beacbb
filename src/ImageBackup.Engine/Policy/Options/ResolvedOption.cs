using System;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>An option's value and who decided it; the image records both.</summary>
/// <param name="Value">What applies.</param>
/// <param name="Source">Who said so.</param>
/// <param name="Where">The rule's file and line, the class's name, the client-wide list's path; null for the others.</param>
internal sealed record ResolvedOption<T>(T Value, OptionSource Source, string? Where);
