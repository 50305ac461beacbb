using System;

namespace ImageBackup.Engine.Backup;

/// <summary>What was read of a repository while its lock settled has been removed by its holder before.</summary>
internal sealed class RepositoryChangedException() : Exception("The repository was changed while its lock settled.");
