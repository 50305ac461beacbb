using System;
using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Platform.Rooted;

/// <summary>A directory by its path, held open so that nobody can rename it or put a link in its place.</summary>
internal sealed partial class WindowsRootedFolder(string path, IDisposable? held) : RootedFolder
{
    public override RootedFolder OpenOrCreate(string name)
    {
        string full = Full(name);
        Directory.CreateDirectory(full);
        // Throws if it is a link: what CreateDirectory takes for a directory may be one.
        return new WindowsRootedFolder(full, WindowsFileKind.HoldDirectory(full, followsLink: false));
    }

    public override (bool Exists, bool IsDirectory) Find(string name)
    {
        try
        {
            FileAttributes attributes = File.GetAttributes(Full(name));
            return (true, (attributes & (FileAttributes.Directory | FileAttributes.ReparsePoint)) == FileAttributes.Directory);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return (false, false);
        }
    }

    public override RootedFile Create(string name) => new NewFile(Full(name));

    public override void Delete(string name)
    {
        string full = Full(name);
        if (!Find(name).Exists)
            return;
        FileAttributes attributes = File.GetAttributes(full);
        File.SetAttributes(full, FileAttributes.Normal);
        if ((attributes & FileAttributes.Directory) != 0)
            Directory.Delete(full);
        else
            File.Delete(full);
    }

    public override void Replace(string temporary, string name)
    {
        Delete(name);
        File.Move(Full(temporary), Full(name));
    }

    public override RootedFile CreateStream(string name, string stream)
    {
        RequireName(stream);
        if (stream.IndexOfAny([':', '\\']) >= 0)
            throw new ArgumentException($"'{stream}' is not the name of a stream.", nameof(stream));
        return new NewFile($"{Full(name)}:{stream}");
    }

    public override void CreateHardLink(string name, RootedFolder directory, string secondName) =>
        WindowsFileKind.CreateHardLink(Full(name), ((WindowsRootedFolder)directory).Full(secondName));

    public override void CreateLink(string name, string target, RestoredMetadata metadata) => MakeLink(Full(name), target);

    private static partial void MakeLink(string path, string target);

    public override IReadOnlyList<string> Set(RestoredMetadata metadata) => Set(path, metadata, isDirectory: true);

    private static List<string> Set(string path, RestoredMetadata metadata, bool isDirectory)
    {
        var failures = new List<string>();
        void Try(Action action, string what)
        {
            try
            {
                action();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                failures.Add($"{what} could not be set ({e.Message})");
            }
        }
        FileSystemInfo info = isDirectory ? new DirectoryInfo(path) : new FileInfo(path);
        if (metadata.Created is { } created)
            Try(() => info.CreationTimeUtc = created, "the time of creation");
        if (Time(metadata.Accessed) is { } accessed)
            Try(() => info.LastAccessTimeUtc = accessed, "the time of the last access");
        if (Time(metadata.Modified) is { } modified)
            Try(() => info.LastWriteTimeUtc = modified, "the time of the last write");
        if (metadata.Attributes is { } attributes)
            Try(() => info.Attributes = isDirectory ? attributes | FileAttributes.Directory : attributes == 0 ? FileAttributes.Normal : attributes, "the attributes");
        // Last: it may take from this user what the others need.
        if (metadata.SecurityDescriptor is { } descriptor)
            failures.AddRange(WindowsSecurity.Set(path, descriptor));
        return failures;
    }

    private static DateTime? Time((long Seconds, int Nanoseconds)? time)
    {
        const long firstSecond = -11_644_473_600, lastSecond = 253_402_300_799;
        return time is { } value && value.Seconds is >= firstSecond and <= lastSecond
            ? new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddTicks(value.Seconds * TimeSpan.TicksPerSecond + value.Nanoseconds / 100)
            : null;
    }

    private string Full(string name)
    {
        RequireName(name);
        if (name.IndexOf('\\') >= 0)
            throw new ArgumentException($"'{name}' is not one name.", nameof(name));
        return Path.Combine(path, name);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            held?.Dispose();
        base.Dispose(disposing);
    }

    private sealed class NewFile(string path) : RootedFile
    {
        private readonly FileStream _stream = WindowsFileKind.CreateNew(path);

        public override void WriteAt(long offsetBytes, byte[] buffer, int countBytes)
        {
            _stream.Position = offsetBytes;
            _stream.Write(buffer, 0, countBytes);
        }

        public override void SetLength(long lengthBytes) => _stream.SetLength(lengthBytes);

        public override IReadOnlyList<string> Set(RestoredMetadata metadata)
        {
            // Closing it would set the times anew.
            _stream.Dispose();
            return WindowsRootedFolder.Set(path, metadata, isDirectory: false);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _stream.Dispose();
            base.Dispose(disposing);
        }
    }
}
