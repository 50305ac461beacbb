using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// Where a restore goes: a device, or a file. Found and checked without writing; opened once, and what can only be told of
/// an open handle is checked on it.
/// </summary>
internal sealed class RestoreTarget
{
    private readonly IVolumeSystem _volumes;
    private readonly VolumeDescription? _device;
    private readonly RestoreRequest _request;
    private readonly bool _fileExists;

    private RestoreTarget(IVolumeSystem volumes, RestoreRequest request, VolumeDescription? device, string name, bool fileExists)
    {
        _volumes = volumes;
        _request = request;
        _device = device;
        Name = name;
        _fileExists = fileExists;
    }

    public string Name { get; }

    public bool IsFile => _device is null;

    /// <summary>Everything outside of what is written reads as zeros already: a new file.</summary>
    public bool IsAllZero => IsFile && !(_fileExists && _request.SkipUnchanged);

    /// <exception cref="ImageBackupException">TargetInvalid, TargetExists, TargetMounted, TargetInUse, TargetIsSystem, TargetHoldsRepository, TargetTooSmall, VolumeNotFound, VolumeAccessDenied, NotElevated.</exception>
    public static RestoreTarget Check(RestoreRequest request, long sizeBytes, IVolumeSystem volumes, ImageRepository repository)
    {
        string destination = request.Destination;
        if (string.IsNullOrWhiteSpace(destination))
            throw new ImageBackupException(ErrorId.TargetInvalid, "No destination was named.");
        VolumeDescription? device = FindDevice(destination, volumes);
        if (device is not null)
        {
            CheckDevice(device, sizeBytes, volumes, repository);
            return new RestoreTarget(volumes, request, device, device.Name, fileExists: false);
        }

        string path = FullPath(destination);
        CheckFile(path, request, repository);
        return new RestoreTarget(volumes, request, null, path, File.Exists(path));
    }

    /// <summary>Opens the target for writing. The target is untouched until the first write (an existing file to be resumed gets its length).</summary>
    public IBlockWriter Open(long sizeBytes)
    {
        if (_device is null)
        {
            return _fileExists && _request.SkipUnchanged
                ? FileTarget.OpenExisting(Name, sizeBytes)
                : FileTarget.CreateNew(Name, sizeBytes, _request.ReplaceFile);
        }
        IBlockWriter writer = _volumes.OpenTarget(_device);
        try
        {
            // On the handle itself: the device under a name may be another than the one that was checked.
            if (writer.LengthBytes < sizeBytes)
                throw TooSmall(Name, writer.LengthBytes, sizeBytes);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    private static VolumeDescription? FindDevice(string destination, IVolumeSystem volumes)
    {
        // A plain file's path is a file target even where it could be read as a volume.
        bool isDirectory = Directory.Exists(destination);
        try
        {
            VolumeDescription found = volumes.Find(destination);
            return found.Kind == VolumeKind.File ? null : found;
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.VolumeNotFound && !LooksLikeDevice(destination))
        {
            if (isDirectory)
                throw new ImageBackupException(ErrorId.TargetInvalid, $"'{destination}' is a directory.", destination, e);
            return null;
        }
    }

    private static bool LooksLikeDevice(string name) =>
        name.StartsWith("/dev/", StringComparison.Ordinal) && !name.StartsWith("/dev/shm/", StringComparison.Ordinal)
        || name.StartsWith(@"\\.\", StringComparison.Ordinal) || name.StartsWith(@"\\?\Volume", StringComparison.OrdinalIgnoreCase)
        || name.Length <= 3 && name.Length >= 1 && char.IsLetter(name[0]) && (name.Length == 1 || name[1] == ':');

    private static void CheckDevice(VolumeDescription device, long sizeBytes, IVolumeSystem volumes, ImageRepository repository)
    {
        if (device.IsSystem)
            throw new ImageBackupException(ErrorId.TargetIsSystem, $"'{device.Name}' carries the running system.", device.Name);
        if (volumes.VolumesUnder(repository.Location).Contains(device.Name, StringComparer.OrdinalIgnoreCase))
            throw new ImageBackupException(ErrorId.TargetHoldsRepository, $"The repository '{repository.Location}' lies on '{device.Name}'.", device.Name);
        // Windows mounts whatever is opened: there the volume is locked and dismounted, which fails while anybody uses it.
        if (device.IsMounted && device.Kind != VolumeKind.WindowsVolume)
            throw new ImageBackupException(ErrorId.TargetMounted, $"'{device.Name}' is mounted at {string.Join(", ", device.MountPoints)}.", device.Name);
        if (device.Holders.Count > 0)
            throw new ImageBackupException(ErrorId.TargetInUse, $"'{device.Name}' is in use by {string.Join(", ", device.Holders)}.", device.Name);
        if (device.IsReadOnly)
            throw new ImageBackupException(ErrorId.TargetInvalid, $"'{device.Name}' is read-only.", device.Name);
        if (device.SizeBytes < sizeBytes)
            throw TooSmall(device.Name, device.SizeBytes, sizeBytes);
    }

    private static void CheckFile(string path, RestoreRequest request, ImageRepository repository)
    {
        string directory = Path.GetDirectoryName(path) ?? path;
        if (Directory.Exists(path))
            throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' is a directory.", path);
        if (!Directory.Exists(directory))
            throw new ImageBackupException(ErrorId.TargetInvalid, $"There is no directory '{directory}'.", path);
        string root = Path.GetFullPath(repository.Location).TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar;
        if ((path + Path.DirectorySeparatorChar).StartsWith(root, StringComparison.Ordinal))
            throw new ImageBackupException(ErrorId.TargetHoldsRepository, $"'{path}' lies inside the repository.", path);
        if (LiesInRepository(directory, root))
            throw new ImageBackupException(ErrorId.TargetHoldsRepository, $"'{path}' lies inside the repository, by another name.", path);
        if (File.Exists(path) && !request.ReplaceFile && !request.SkipUnchanged)
            throw new ImageBackupException(ErrorId.TargetExists, $"The file '{path}' exists.", path);
    }

    /// <summary>
    /// Links and bind mounts give one directory several names, so the repository is known by its 'config', whose bytes no
    /// other repository has.
    /// </summary>
    private static bool LiesInRepository(string directory, string root)
    {
        byte[]? own = TryRead(Path.Combine(root, "config"));
        for (string? at = directory; own is not null && at is not null; at = Path.GetDirectoryName(at))
        {
            if (TryRead(Path.Combine(at, "config")) is { } other && other.AsSpan().SequenceEqual(own))
                return true;
        }
        return false;
    }

    private static byte[]? TryRead(string path)
    {
        const int limitBytes = 1 << 20;
        try
        {
            return RegularFile.ReadAll(path, limitBytes, followsLink: true) is { Length: > 0 } content ? content : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string FullPath(string destination)
    {
        try
        {
            return Path.GetFullPath(destination);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new ImageBackupException(ErrorId.TargetInvalid, $"'{destination}' is neither a volume nor a file's path.", destination, e);
        }
    }

    private static ImageBackupException TooSmall(string name, long lengthBytes, long sizeBytes) =>
        new(ErrorId.TargetTooSmall, $"'{name}' has {lengthBytes} bytes; the image needs {sizeBytes}.", name);
}
