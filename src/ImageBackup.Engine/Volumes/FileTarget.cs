using System;
using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Linux;
using ImageBackup.Engine.Volumes.Windows;

namespace ImageBackup.Engine.Volumes;

/// <summary>A plain file as the target of a restore.</summary>
/// <remarks>
/// <see cref="CreateNew"/> is atomic: the file has another name (hidden, beside the destination, readable by its
/// owner only, locked) until <see cref="Complete"/>, which makes it durable and then gives it its name in one
/// step. Without Complete the destination is as it was, and Dispose removes the temporary file; what a killed
/// process left behind the next CreateNew of the same destination removes.
/// <see cref="OpenExisting"/> is not atomic: it writes into the file under its own name, for resuming and for
/// writing only what differs. Until Complete, and after a failure, the file is neither the old nor the new one.
/// Disk space is not reserved: a full disk is a <see cref="BlockWriteException"/> with
/// <see cref="BlockWriteException.IsSpaceExhausted"/>.
/// </remarks>
internal abstract class FileTarget : IBlockWriter, ISparseBlockReader, ILengthQuery
{
    private protected const string TemporarySuffix = ".restoring";
    private const int TemporaryStemLength = 60;
    private readonly bool _isTemporary;
    private bool _isComplete;

    private protected FileTarget(string path, IPlainFileWriter file, bool isTemporary)
    {
        Path = path;
        File = file;
        _isTemporary = isTemporary;
    }

    /// <summary>The destination's full path.</summary>
    public string Path { get; }
    public long LengthBytes => File.LengthBytes;
    public int SectorSizeBytes => File.SectorSizeBytes;

    private protected IPlainFileWriter File { get; }

    /// <summary>A new file of the given length, all a hole.</summary>
    /// <param name="path">The destination.</param>
    /// <param name="lengthBytes">Its length.</param>
    /// <param name="replaceExisting">Whether a plain file of that name may be replaced by Complete.</param>
    /// <exception cref="ImageBackupException">TargetExists, TargetInvalid, VolumeAccessDenied, WriteFailed.</exception>
    public static FileTarget CreateNew(string path, long lengthBytes, bool replaceExisting) =>
        IsWindows
            ? WindowsFileTarget.Create(FullPath(path), lengthBytes, replaceExisting)
            : LinuxFileTarget.Create(FullPath(path), lengthBytes, replaceExisting);

    /// <summary>
    /// A file that exists, exclusively and in place. It is brought to the given length at once: cut, or made
    /// longer by a hole.
    /// </summary>
    /// <exception cref="ImageBackupException">
    /// VolumeNotFound, TargetInvalid (not a plain file), TargetInUse, TargetMounted (through a loop device),
    /// TargetIsSystem (active swap), VolumeAccessDenied, WriteFailed.
    /// </exception>
    public static FileTarget OpenExisting(string path, long lengthBytes) =>
        IsWindows
            ? WindowsFileTarget.Open(FullPath(path), lengthBytes)
            : LinuxFileTarget.Open(FullPath(path), lengthBytes);

    public int ReadAt(long offsetBytes, Span<byte> buffer) => File.ReadAt(offsetBytes, buffer);

    public void WriteAt(long offsetBytes, ReadOnlySpan<byte> buffer) => File.WriteAt(offsetBytes, buffer);

    public void ZeroRange(ByteRange range) => File.ZeroRange(range);

    public bool TryDiscard(ByteRange range) => File.TryDiscard(range);

    public ByteRange? NextData(long offsetBytes) => File.NextData(offsetBytes);

    public long QueryLengthBytes() => File.QueryLengthBytes();

    public void Flush() => File.Flush();

    public void DropCache() => File.DropCache();

    /// <summary>
    /// Makes everything durable and, for a new file, gives it its name. Afterwards only Dispose may be called.
    /// </summary>
    /// <exception cref="BlockWriteException">Not durable: an earlier write failed, or this did.</exception>
    /// <exception cref="ImageBackupException">
    /// TargetExists: a file of that name came up meanwhile and may not be replaced; WriteFailed: no renaming.
    /// </exception>
    public void Complete()
    {
        if (_isComplete)
            throw new InvalidOperationException("The file is complete already.");
        File.Flush();
        if (_isTemporary)
            Publish();
        _isComplete = true;
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        // The name goes before the lock, or another process could take it for a left-over and race us.
        if (_isTemporary && !_isComplete)
            RemoveTemporary();
        File.Dispose();
    }

    /// <summary>Renames the temporary file and makes the name durable.</summary>
    private protected abstract void Publish();

    /// <summary>Never throws.</summary>
    private protected abstract void RemoveTemporary();

    /// <summary>What a temporary file of the destination is called, but for its random part and the suffix.</summary>
    private protected static string TemporaryStem(string fullPath)
    {
        string name = System.IO.Path.GetFileName(fullPath);
        return "." + (name.Length > TemporaryStemLength ? name.Substring(0, TemporaryStemLength) : name) + ".";
    }

    private protected static string NewTemporaryPath(string fullPath) => System.IO.Path.Combine(
        System.IO.Path.GetDirectoryName(fullPath) ?? "/", TemporaryStem(fullPath) + Guid.NewGuid().ToString("N") + TemporarySuffix);

    /// <summary>Whether the name is one that <see cref="NewTemporaryPath"/> gives for the destination.</summary>
    private protected static bool IsTemporaryName(string name, string fullPath)
    {
        string stem = TemporaryStem(fullPath);
        return name.Length == stem.Length + 32 + TemporarySuffix.Length
            && name.StartsWith(stem, StringComparison.Ordinal)
            && name.EndsWith(TemporarySuffix, StringComparison.Ordinal)
            && Guid.TryParseExact(name.Substring(stem.Length, 32), "N", out _);
    }

    private static bool IsWindows => RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    private static string FullPath(string path)
    {
        try
        {
            string full = System.IO.Path.GetFullPath(path);
            if (System.IO.Path.GetFileName(full).Length > 0)
                return full;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' is not a file's path.", path, e);
        }
        throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' names a directory.", path);
    }
}
