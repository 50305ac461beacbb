using System;

namespace ImageBackup.Engine.Backup;

/// <summary>The holder of an earlier lock removed files that were read while the new lock settled.</summary>
internal sealed class RepositoryChangedException() : Exception("The repository was changed while its lock settled.");
