using System;
using System.Text;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>
/// The options that a command, a rule or the client-wide statements may set. Null = not set there, so that the next
/// source in the order of precedence decides.
/// </summary>
internal sealed record ImageOptions
{
    public static ImageOptions Empty { get; } = new();

    public ImageType? ImageType { get; init; }
    public GapSize? GapSize { get; init; }
    public ChunkSize? ChunkSize { get; init; }
    public ImageCompression? Compression { get; init; }

    /// <summary>What applications that take part in a volume snapshot are told.</summary>
    public SnapshotBackupType? SnapshotBackupType { get; init; }

    /// <summary>A provider's name (VSS, LINUX_LVM, ...) in upper case; NONE = take no snapshots.</summary>
    public string? SnapshotProvider { get; init; }

    /// <summary>Room for the blocks that change meanwhile, in percent of the volume: 1 to 100.</summary>
    public int? SnapshotCacheSizePercent { get; init; }
    public string? SnapshotCacheLocation { get; init; }

    /// <summary>How long the volume must have been idle before a snapshot; zero = at once.</summary>
    public TimeSpan? IdleWait { get; init; }

    /// <summary>How often to wait again for an idle volume. Not set anywhere: <see cref="ChangingRetries"/> decides.</summary>
    public int? IdleRetries { get; init; }

    /// <summary>Run before the snapshot; failing stops the backup. Empty = run none, whatever sources of less weight say.</summary>
    public string? PreSnapshotCommand { get; init; }

    /// <summary>Run after the snapshot; failing warns. Empty = run none, whatever sources of less weight say.</summary>
    public string? PostSnapshotCommand { get; init; }
    public SerializationMode? Serialization { get; init; }
    public int? ChangingRetries { get; init; }

    public bool IsEmpty => Equals(Empty);

    /// <summary>With one option set as the rule syntax writes it: <c>With("imagegapsize", "64k")</c>.</summary>
    /// <param name="name">The option's name in the rule syntax.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="ImageBackupException">ParameterInvalid: no such option, or not a value of it.</exception>
    public ImageOptions With(string name, string value)
    {
        if (name is null)
            throw new ArgumentNullException(nameof(name));
        if (value is null)
            throw new ArgumentNullException(nameof(value));
        var keyword = OptionKeyword.Find(name) ?? throw new ImageBackupException(ErrorId.ParameterInvalid, $"There is no option '{name}'.", name);
        return keyword.Set(this, value)
            ?? throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{value}' is not a value of {keyword.Name}: {keyword.Values}.", value);
    }

    /// <summary>The options that are set, as the rule syntax writes them: <c>imagetype=static imagegapsize=64k</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var keyword in OptionKeyword.All)
        {
            if (keyword.Get?.Invoke(this) is { } value)
                text.Append(text.Length > 0 ? " " : "").Append(keyword.Name).Append('=').Append(RuleLexer.Quote(value) ?? value);
        }

        return text.ToString();
    }

    /// <summary>This one's values, and if it has none those of the other.</summary>
    public ImageOptions Over(ImageOptions other)
    {
        if (other is null)
            throw new ArgumentNullException(nameof(other));
        return new ImageOptions
        {
            ImageType = ImageType ?? other.ImageType,
            GapSize = GapSize ?? other.GapSize,
            ChunkSize = ChunkSize ?? other.ChunkSize,
            Compression = Compression ?? other.Compression,
            SnapshotBackupType = SnapshotBackupType ?? other.SnapshotBackupType,
            SnapshotProvider = SnapshotProvider ?? other.SnapshotProvider,
            SnapshotCacheSizePercent = SnapshotCacheSizePercent ?? other.SnapshotCacheSizePercent,
            SnapshotCacheLocation = SnapshotCacheLocation ?? other.SnapshotCacheLocation,
            IdleWait = IdleWait ?? other.IdleWait,
            IdleRetries = IdleRetries ?? other.IdleRetries,
            PreSnapshotCommand = PreSnapshotCommand ?? other.PreSnapshotCommand,
            PostSnapshotCommand = PostSnapshotCommand ?? other.PostSnapshotCommand,
            Serialization = Serialization ?? other.Serialization,
            ChangingRetries = ChangingRetries ?? other.ChangingRetries,
        };
    }
}
