using System;
using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>Every option of a backup, decided.</summary>
internal sealed record ResolvedOptions
{
    public required ResolvedOption<string> ManagementClass { get; init; }

    /// <summary>Null value: no type was asked for; see <see cref="ImageTypeDecision"/>.</summary>
    public required ResolvedOption<ImageType?> ImageType { get; init; }
    public required ResolvedOption<GapSize> GapSize { get; init; }

    /// <summary>Null value: by the volume's size.</summary>
    public required ResolvedOption<ChunkSize?> ChunkSize { get; init; }
    public required ResolvedOption<ImageCompression> Compression { get; init; }
    public required ResolvedOption<SnapshotBackupType> SnapshotBackupType { get; init; }

    /// <summary>Null value: whichever provider the system has; NONE: none.</summary>
    public required ResolvedOption<string?> SnapshotProvider { get; init; }
    public required ResolvedOption<int> SnapshotCacheSizePercent { get; init; }
    public required ResolvedOption<string?> SnapshotCacheLocation { get; init; }
    public required ResolvedOption<TimeSpan> IdleWait { get; init; }
    public required ResolvedOption<int> IdleRetries { get; init; }

    /// <summary>Null value: no command.</summary>
    public required ResolvedOption<string?> PreSnapshotCommand { get; init; }

    /// <summary>Null value: no command.</summary>
    public required ResolvedOption<string?> PostSnapshotCommand { get; init; }
    public required ResolvedOption<SerializationMode> Serialization { get; init; }
    public required ResolvedOption<int> ChangingRetries { get; init; }

    public bool AreSnapshotsOff => string.Equals(SnapshotProvider.Value, "NONE", StringComparison.OrdinalIgnoreCase);

    /// <summary>Every option as it is shown and recorded, by the names of Backup-VolumeImage's parameters.</summary>
    public IReadOnlyList<DecidedOption> ToList() =>
    [
        Of("ManagementClass", ManagementClass, name => name),
        Of("ImageType", ImageType, type => type?.ToString().ToLowerInvariant()),
        Of("GapSize", GapSize, gap => gap.ToString()),
        Of("ChunkSize", ChunkSize, size => size?.ToString()),
        Of("Compression", Compression, OptionKeyword.NameOf),
        Of("SnapshotBackupType", SnapshotBackupType, type => type.ToString().ToLowerInvariant()),
        Of("SnapshotProvider", SnapshotProvider, name => name),
        Of("SnapshotCacheSize", SnapshotCacheSizePercent, Number),
        Of("SnapshotCacheLocation", SnapshotCacheLocation, place => place),
        Of("IdleWait", IdleWait, wait => wait.TotalSeconds.ToString(CultureInfo.InvariantCulture) + "s"),
        Of("IdleRetries", IdleRetries, Number),
        Of("PreSnapshotCommand", PreSnapshotCommand, command => command),
        Of("PostSnapshotCommand", PostSnapshotCommand, command => command),
        Of("Serialization", Serialization, mode => mode.ToString().ToLowerInvariant()),
        Of("ChangingRetries", ChangingRetries, Number),
    ];

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static DecidedOption Of<T>(string name, ResolvedOption<T> option, Func<T, string?> text) =>
        new() { Name = name, Value = text(option.Value), Source = option.Source, Where = option.Where };
}
