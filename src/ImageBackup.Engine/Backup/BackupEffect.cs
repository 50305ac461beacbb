using System;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Backup;

/// <summary>
/// What a backup does to the volume and to the programs that use it while it is copied: the second half of the question that
/// -Confirm asks and that -WhatIf shows.
/// </summary>
internal static class BackupEffect
{
    /// <summary>One clause without a capital or a full stop.</summary>
    /// <param name="volume">The volume as the system sees it now.</param>
    /// <param name="type">The type that will be tried.</param>
    /// <param name="options">What follows if the type cannot be had.</param>
    public static string Describe(VolumeDescription volume, ImageType type, QuiesceOptions options)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return type switch
        {
            ImageType.Static => Static(volume, options.Plan),
            ImageType.Dynamic => Dynamic(volume),
            _ => Snapshot(volume, options),
        };
    }

    private static string Snapshot(VolumeDescription volume, QuiesceOptions options)
    {
        const string going = "programs go on writing to it while its snapshot is copied";
        if (options.NoFailover || !volume.IsMounted)
            return going;
        string otherwise = options.Failover == ImageType.Static ? Static(volume, options.Plan) : Dynamic(volume);
        return $"{going}; if the snapshot fails, the image is {options.Failover}, and then {otherwise}";
    }

    private static string Static(VolumeDescription volume, QuiescePolicy plan)
    {
        if (plan.AttemptCount == 0)
            return Dynamic(volume);
        if (WhyNeverHeld(volume) is { } whyNot)
            return plan.EndsDynamic ? $"{whyNot}: {Dynamic(volume)}" : $"{whyNot}: the backup will fail and leave it as it is";
        string held = Held(volume);
        return plan.EndsDynamic ? $"{held}; if it stays in use, {Dynamic(volume)}" : held;
    }

    private static string? WhyNeverHeld(VolumeDescription volume) => !volume.IsMounted ? null
        : volume.IsSystem ? "the running system is on it, so it cannot be quiesced"
        : volume.Kind != VolumeKind.WindowsVolume && volume.MountedFileSystem?.StartsWith("fuse", StringComparison.Ordinal) == true && !volume.IsMountedReadOnly
            ? "a driver in user space has it mounted, so it cannot be quiesced"
        : null;

    private static string Held(VolumeDescription volume)
    {
        if (volume.Kind == VolumeKind.WindowsVolume)
            return "it is locked and dismounted while it is copied: programs that open its files meanwhile get an error";
        if (volume.Kind == VolumeKind.File)
            return "no program that locks files can write to it while it is copied";
        if (!volume.IsMounted)
            return "no other program can mount or open it while it is copied";
        string points = string.Join(", ", volume.MountPoints);
        return volume.IsMountedReadOnly
            ? $"it is mounted read-only at {points} already and stays so"
            : $"its file system is remounted read-only at {points} while it is copied: programs that write to it meanwhile get an error";
    }

    private static string Dynamic(VolumeDescription volume) => volume.IsMounted && !volume.IsMountedReadOnly
        ? "programs go on writing to it while it is copied: the image may be fuzzy"
        : "programs can write to it while it is copied: the image may be fuzzy";
}
