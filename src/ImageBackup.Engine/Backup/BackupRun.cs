using System;
using System.Collections.Generic;
using System.Diagnostics;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Backup;

/// <summary>What one backup knows and collects from its start to its image. One thread.</summary>
internal sealed class BackupRun(BackupRequest request, IProgress<JobProgress>? progress)
{
    public BackupRequest Request => request;

    public IProgress<JobProgress>? Progress => progress;

    public DateTimeOffset Start { get; } = DateTimeOffset.Now;

    /// <summary>Since the start: what the wall clock says may jump.</summary>
    public Stopwatch Clock { get; } = Stopwatch.StartNew();

    public string VolumeName => request.Volume.Name;

    public string ComputerName => request.ComputerName ?? LocalHost.Name;

    /// <summary>What the user has to know; recorded with the image.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Which volume it is, with what was found on it.</summary>
    public VolumeIdentity Identity { get; set; } = request.Volume.Identity;

    /// <summary>The id that the image is filed under. It stays the same if the copy begins again.</summary>
    public string VolumeId { get; set; } = request.Volume.Name;

    /// <summary>The images of the volume before this one.</summary>
    public VolumeHistory History { get; set; } = new(request.Volume.Name, null);
}
