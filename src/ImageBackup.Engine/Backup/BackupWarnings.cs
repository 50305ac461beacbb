using System.Collections.Generic;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Backup;

/// <summary>What a user has to know of an image before its copy begins.</summary>
internal static class BackupWarnings
{
    /// <summary>Reads the volume's signs of another computer's use.</summary>
    public static IEnumerable<string> Of(BackupRun run, BackupSource source, MappedVolume volume, IVolumeSystem volumes)
    {
        BackupRequest request = run.Request;
        if (source.Type == ImageType.Dynamic)
            yield return Fuzzy(request.Volume, volume.Map);
        foreach (string warning in volume.Map.Warnings)
            yield return warning;
        if (request.Twins.Count > 0)
            yield return Twins(request);
        foreach (string remark in run.History.Newest?.Remarks(run.VolumeName, run.Identity) ?? [])
            yield return remark;
        foreach (string sign in UseElsewhere.Find(request.Volume, UseElsewhere.Read(volume.Reader), volumes))
            yield return $"Another computer may be using '{run.VolumeName}' (MaybeInUseElsewhere): {sign}. If so, the image may be fuzzy.";
    }

    private static string Fuzzy(VolumeDescription volume, UsedMap map)
    {
        string missing = map.Source is null
            ? ""
            : " Blocks that came into use after its map was read, when the copy began, are missing in it.";
        return $"'{volume.Name}' was copied while programs could write to it: the image may be fuzzy.{missing} Check its file system after a restore.";
    }

    private static string Twins(BackupRequest request) =>
        $"'{request.Volume.Name}' has the same identity as {string.Join(" and ", request.Twins)}: a clone. Only the disk that each lies on tells them apart: if the disk is not known, images of both are filed as one volume, and make each other expire. "
        + "Give one of them new ids, or detach it.";
}
