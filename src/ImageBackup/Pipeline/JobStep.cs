using System.Collections.Generic;
using System.Management.Automation;

namespace ImageBackup.Pipeline;

/// <summary>One command of a job: a cmdlet of this module with everything resolved against the caller's session.</summary>
/// <param name="Input">What goes down its pipeline, which ends with the collection's completion; null: nothing does.</param>
internal sealed record JobStep(string Command, IReadOnlyDictionary<string, object?> Parameters, PSDataCollection<object>? Input);
