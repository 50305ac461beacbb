using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>A link to a pipe lies where a file of the repository should: no command waits at it, each of them can be stopped.</summary>
[Collection(CommandTests.Name)]
public sealed class HostileFileCommandTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);
    private static readonly string s_name = BlobId.Of("hostile"u8).ToString();

    private static readonly string[] s_commands =
    [
        "Get-ImageBackup -IncludeInactive",
        "Backup-VolumeImage $volume -Confirm:$false",
        "$image | Restore-VolumeImage -Destination $target -Force -Confirm:$false",
        "$image | Test-ImageBackup",
        "Test-ImageRepository -ReadData",
        "Get-ImageRepositoryKey",
        "Add-ImageRepositoryKey -NewPassword $password -Confirm:$false",
        "$image | Remove-ImageBackup -WhatIf",
        "Optimize-ImageRepository -WhatIf",
        "Repair-ImageRepository -ReadData -WhatIf",
        "Unlock-ImageRepository -Confirm:$false",
        "Get-IncludeImage -Enforced",
    ];

    private readonly TemporaryDirectory _directory = new();
    private readonly ShellSession _session = new();
    private readonly string _location;

    public HostileFileCommandTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Pipes and links of Unix.");
        _location = _directory["repo"];
        TestRepository.WriteEmpty(_location);
        byte[] volume = SeededBytes.Make(1, 700_000);
        File.WriteAllBytes(_directory["volume.img"], volume);
        _session.Set("repository", _location);
        _session.Set("password", RepositoryFixture.Secret(TestRepository.Password));
        _session.Set("volume", _directory["volume.img"]);
        _session.Set("target", _directory["target.img"]);
        _session.Run("$connection = Connect-ImageRepository $repository -Password $password; $image = Backup-VolumeImage $volume -ChunkSize 64KB").WithoutErrors();
    }

    public void Dispose()
    {
        _session.Dispose();
        _directory.Dispose();
    }

    private string Place(string place) => Path.Combine(_location, place switch
    {
        "config" => "config",
        "a key" => "keys/" + Path.GetFileName(Directory.GetFiles(Path.Combine(_location, "keys")).Single()),
        "another key" => "keys/" + s_name,
        "a lock" => "locks/" + s_name,
        "a snapshot" => "snapshots/" + s_name,
        "an index" => "index/" + s_name,
        "a pack" => Directory.GetFiles(Path.Combine(_location, "data"), "*", SearchOption.AllDirectories).First(),
        "another pack" => $"data/{s_name[..2]}/{s_name}",
        _ => throw new ArgumentOutOfRangeException(nameof(place)),
    });

    /// <summary>Runs a command, and gives all that it said. Null: it waits.</summary>
    private string? Run(string command)
    {
        using PowerShell shell = _session.Prepare(command);
        IAsyncResult running = shell.BeginInvoke();
        if (!running.AsyncWaitHandle.WaitOne(s_limit))
            return null;
        var said = new List<string>();
        try
        {
            said.AddRange(shell.EndInvoke(running).Select(o => System.Text.Json.JsonSerializer.Serialize(o.BaseObject.ToString())
                + string.Join(" ", o.Properties.Where(p => p.Name == "Problems").SelectMany(p => ((System.Collections.IEnumerable)p.Value).Cast<object>()))));
        }
        catch (RuntimeException e)
        {
            said.Add(e.Message);
        }
        said.AddRange(shell.Streams.Error.Select(e => e.Exception.Message));
        said.AddRange(shell.Streams.Warning.Select(w => w.Message));
        return string.Join("\n", said);
    }

    [Theory]
    [InlineData("another key")]
    [InlineData("a lock")]
    [InlineData("a snapshot")]
    [InlineData("an index")]
    [InlineData("a pack")]
    [InlineData("another pack")]
    public void No_command_waits_at_a_link_to_a_pipe_and_it_is_named(string place)
    {
        string path = Place(place), name = Path.GetFileName(path)[..8];
        Pipes.LinkInPlace(path, _directory["pipe"]);
        string all = "";
        foreach (string command in s_commands)
        {
            string? said = Run(command);
            Assert.True(said is not null, $"{command} waits at {place}.");
            all += said;
        }
        Assert.Contains(name, all, StringComparison.Ordinal);
        Assert.True(File.ResolveLinkTarget(path, returnFinalTarget: false) is not null, "The link has gone.");
    }

    [Theory]
    [InlineData("config")]
    [InlineData("a key")]
    public void A_repository_whose_first_files_are_pipes_is_refused_at_once(string place)
    {
        string path = Place(place);
        Pipes.LinkInPlace(path, _directory["pipe"]);
        foreach (string command in new[] { "Connect-ImageRepository $repository -Password $password", "Initialize-ImageRepository $repository -Password $password", "Get-ImageBackup -Repository $repository -Password $password" })
        {
            string? said = Run(command);
            Assert.True(said is not null, $"{command} waits at {place}.");
            Assert.True(said.Length > 0, $"{command} says nothing of {place}.");
        }
        Assert.Contains(Path.GetFileName(path), Run("Disconnect-ImageRepository; Connect-ImageRepository $repository -Password $password")!, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_user_keeps_beside_is_not_waited_at_either()
    {
        string state = _directory["state"], before = Environment.GetEnvironmentVariable("XDG_STATE_HOME") ?? "";
        try
        {
            Environment.SetEnvironmentVariable("XDG_STATE_HOME", state);
            Pipes.LinkInPlace(Path.Combine(state, "imagebackup", "recent-repositories"), _directory["pipe"]);
            Assert.Equal("", Run("Disconnect-ImageRepository; $null = Connect-ImageRepository $repository -Password $password"));
            Assert.Equal([_location], File.ReadAllLines(Path.Combine(state, "imagebackup", "recent-repositories")));
        }
        finally
        {
            Environment.SetEnvironmentVariable("XDG_STATE_HOME", before.Length > 0 ? before : null);
        }
    }

    [Fact]
    public void A_key_that_is_named_is_tried_first_and_says_what_it_is()
    {
        string id = Path.GetFileName(Place("a key"));
        _session.Set("id", id[..10]);
        Assert.Equal("", Run("Disconnect-ImageRepository; $null = Connect-ImageRepository $repository -Password $password -KeyId $id"));
    }
}
