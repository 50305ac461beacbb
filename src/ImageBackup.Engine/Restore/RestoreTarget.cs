using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Restore;

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

    private RestoreTarget(IVolumeSystem volumes, RestoreRequest request, VolumeDescription? device, string name, bool fileExists, string now)
    {
        Now = now;
        _volumes = volumes;
        _request = request;
        _device = device;
        Name = name;
        _fileExists = fileExists;
    }

    public string Name { get; }

    public bool IsFile => _device is null;

    /// <summary>What is there now, as a clause.</summary>
    public string Now { get; }

    /// <summary>Length of the device or of the file that exists; null: nothing is there yet.</summary>
    public long? NowBytes { get; private init; }

    /// <summary>What is there and is more than one file system (an LVM physical volume, partitions ...), each as a clause.</summary>
    public IReadOnlyList<string> Valuables { get; private init; } = [];

    /// <summary>What was found and is gone over because the request says so.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>Which device was looked at; null for a file.</summary>
    public DeviceInstance? Instance => _device?.Instance;

    /// <summary>Everything outside of what is written reads as zeros already: a new file.</summary>
    public bool IsAllZero => IsFile && !(_fileExists && _request.SkipUnchanged);

    /// <exception cref="ImageBackupException">
    /// TargetInvalid, TargetExists, TargetMounted, TargetInUse, TargetIsSystem, TargetHoldsRepository, TargetTooSmall, TargetChanged, VolumeNotFound,
    /// VolumeAccessDenied, NotElevated; without <see cref="RestoreRequest.Force"/> also TargetHoldsData, MaybeInUseElsewhere, SectorSizeDiffers.
    /// </exception>
    public static RestoreTarget Check(RestoreRequest request, ImageContent image, IVolumeSystem volumes, ImageRepository repository)
    {
        long sizeBytes = image.SizeBytes;
        string destination = request.Destination;
        if (string.IsNullOrWhiteSpace(destination))
            throw new ImageBackupException(ErrorId.TargetInvalid, "The command names no destination.");
        VolumeDescription? device = FindDevice(destination, volumes);
        if (device is not null)
        {
            CheckDevice(device, sizeBytes, volumes, repository);
            RequireConfirmed(request, device);
            TargetContent content = ReadContent(device, volumes);
            using var imageReader = new ImageBlockReader(repository, image);
            // The data of an earlier attempt does not stop the next one, which goes on from there.
            IReadOnlyList<string> valuables = content.Valuables(request.SkipUnchanged ? TargetContent.Read(imageReader) : null);
            List<(ErrorId Id, string Text)> obstacles = FindObstacles(device, content, valuables, imageReader, image.Info, volumes);
            return new RestoreTarget(volumes, request, device, device.Name, fileExists: false, content.Describe())
            {
                NowBytes = device.SizeBytes,
                Valuables = valuables,
                Warnings = RequireForce(request, device, obstacles),
            };
        }

        string path = FullPath(destination);
        CheckFile(path, request, repository);
        var file = new FileInfo(path);
        return file.Exists
            ? new RestoreTarget(volumes, request, null, path, fileExists: true, $"the file that is there, last written {DisplayText.Second(file.LastWriteTime)}") { NowBytes = file.Length }
            : new RestoreTarget(volumes, request, null, path, fileExists: false, "nothing (a new file)");
    }

    private static TargetContent ReadContent(VolumeDescription device, IVolumeSystem volumes)
    {
        using IBlockReader reader = volumes.OpenRead(device, VolumeOpenMode.Probe);
        return TargetContent.Read(reader);
    }

    /// <summary>The target that is written to must be the one that the user confirmed.</summary>
    private static void RequireConfirmed(RestoreRequest request, VolumeDescription device)
    {
        if (device.Instance is { } now && request.Confirmed?.DifferenceFrom(now) is { } difference)
            throw new ImageBackupException(ErrorId.TargetChanged, $"'{device.Name}' is not the device that was confirmed: {difference}. Nothing was written.", device.Name);
    }

    /// <summary>Why the restore can be done and most likely should not.</summary>
    private static List<(ErrorId Id, string Text)> FindObstacles(VolumeDescription device, TargetContent content, IReadOnlyList<string> valuables,
        ImageBlockReader image, ImageBackupInfo info, IVolumeSystem volumes)
    {
        var obstacles = new List<(ErrorId Id, string Text)>();
        foreach (string sign in UseElsewhere.Find(device, content.Signs, volumes, () => UseElsewhere.Read(image)))
            obstacles.Add((ErrorId.MaybeInUseElsewhere, $"Another computer may be using '{device.Name}': {sign}."));
        if (valuables.Count > 0)
            obstacles.Add((ErrorId.TargetHoldsData, $"'{device.Name}' holds {string.Join(" and ", valuables)}."));
        if (FindSectorSize(image, info, device) is { } sectors)
            obstacles.Add((ErrorId.SectorSizeDiffers, sectors));
        return obstacles;
    }

    /// <summary>Obstacles are an error, or with Force warnings.</summary>
    private static IReadOnlyList<string> RequireForce(RestoreRequest request, VolumeDescription device, List<(ErrorId Id, string Text)> obstacles)
    {
        if (obstacles.Count == 0 || request.Force)
            return [.. obstacles.Where(obstacle => obstacle.Id != ErrorId.TargetHoldsData).Select(obstacle => obstacle.Text)];
        throw new ImageBackupException(obstacles[0].Id, string.Join(" ", obstacles.Select(obstacle => obstacle.Text)) + " Nothing was written.", device.Name);
    }

    private static string? FindSectorSize(ImageBlockReader image, ImageBackupInfo info, VolumeDescription device)
    {
        try
        {
            return SectorSizeRule.Find(image, info.SectorSizeBytes, device.Name, device.SectorSizeBytes);
        }
        catch (BlockReadException)
        {
            // A damaged image; whether that stops the restore is decided elsewhere.
            return null;
        }
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
        // Which device was confirmed is compared on the handle, before the first byte.
        IBlockWriter writer = _volumes.OpenTarget(_request.Confirmed is { } confirmed ? _device with { Instance = confirmed } : _device);
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
        // A plain file's path is a file target even if it could be read as a volume.
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
        if (repository.LocalPath is { } own && volumes.VolumesUnder(own).Contains(device.Name, StringComparer.OrdinalIgnoreCase))
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
        if (repository.LocalPath is { } own)
        {
            string root = Path.GetFullPath(own).TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar;
            if ((path + Path.DirectorySeparatorChar).StartsWith(root, StringComparison.Ordinal))
                throw new ImageBackupException(ErrorId.TargetHoldsRepository, $"'{path}' lies inside the repository.", path);
            if (LiesInRepository(directory, root))
                throw new ImageBackupException(ErrorId.TargetHoldsRepository, $"'{path}' lies inside the repository, by another name.", path);
        }
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
