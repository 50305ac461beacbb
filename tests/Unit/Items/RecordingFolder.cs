using System.Collections.Generic;
using ImageBackup.Engine.Platform.Rooted;

namespace ImageBackup.Tests.Unit.Items;

/// <summary>A directory of Windows as a restore sees it, which only writes down what is done.</summary>
internal sealed class RecordingFolder(List<string> calls, string path = "") : RootedFolder
{
    private readonly HashSet<string> _names = [];

    public override RootedFolder OpenOrCreate(string name)
    {
        calls.Add($"directory {path}{name}");
        return new RecordingFolder(calls, $"{path}{name}\\");
    }

    public override (bool Exists, bool IsDirectory) Find(string name) => (_names.Contains(name), false);

    public override RootedFile Create(string name)
    {
        _names.Add(name);
        return new NewFile(calls, path + name);
    }

    public override void Delete(string name) => calls.Add($"delete {path}{name}");

    public override void Replace(string temporary, string name) => calls.Add($"replace {path}{name}");

    public override RootedFile CreateStream(string name, string stream) => new NewFile(calls, $"{path}{name}:{stream}");

    public override void CreateHardLink(string name, RootedFolder directory, string secondName) => calls.Add($"name {path}{name} {secondName}");

    public override void CreateLink(string name, string target, RestoredMetadata metadata) => calls.Add($"link {path}{name}");

    public override IReadOnlyList<string> Set(RestoredMetadata metadata)
    {
        calls.Add($"set {path}");
        return [];
    }

    private sealed class NewFile : RootedFile
    {
        private readonly List<string> _calls;
        private readonly string _path;

        public NewFile(List<string> calls, string path)
        {
            _calls = calls;
            _path = path;
            calls.Add($"create {path}");
        }

        public override void WriteAt(long offsetBytes, byte[] buffer, int countBytes) => _calls.Add($"write {_path}");

        public override void SetLength(long lengthBytes)
        {
        }

        public override IReadOnlyList<string> Set(RestoredMetadata metadata)
        {
            _calls.Add($"set {_path}");
            return [];
        }
    }
}
