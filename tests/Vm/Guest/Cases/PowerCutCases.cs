using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Restore;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>
/// A repository on a real file system on a disk whose every write is logged (the device mapper's log-writes target). The log
/// is played up to a point, as a disk is left when the power goes there; the kernel mounts that disk, and what had been
/// promised by then must hold with no human's help.
/// </summary>
internal static class PowerCutCases
{
    private const string Name = "cut";
    private const string LogVolume = "cutlog";

    /// <summary>Where the disk is cut: after so many entries; of those since the last flush it kept all, or some by a seed.</summary>
    private sealed record Cut(int Count, int? Seed)
    {
        public override string ToString() => $"after entry {Count}" + (Seed is null ? "" : $", unflushed ones scattered by {Seed}");
    }

    /// <summary>Enough for a phase of each kind; a cut takes seconds in an emulated machine.</summary>
    private const int ShortCutCount = 12;

    public static void Replayed(string fileSystem, string options, int sizeMiB)
    {
        int cutCount = Program.Asked("guest_cuts") is { } asked ? int.Parse(asked, CultureInfo.InvariantCulture) : ShortCutCount;
        var clock = Stopwatch.StartNew();
        string disk = GuestDisk.Make(Name, fileSystem, sizeMiB);
        string logDisk = GuestDisk.Make(LogVolume, "none", 512);
        ReplayedDisk before = ReplayedDisk.Read(disk);
        CutWork.MakeVolumes();
        Record(disk, logDisk, options);

        using FileStream log = File.OpenRead(logDisk);
        IReadOnlyList<LoggedWrite> entries = WriteLog.Read(log);
        string[] marks = [.. entries.Where(e => e.Mark is not null).Select(e => e.Mark!)];
        Expect.True(marks.Contains("repaired") && marks.Count(m => m.StartsWith("image:", StringComparison.Ordinal)) == 4, "The log is not whole: " + string.Join(' ', marks));
        int barrierCount = entries.Count(e => e.IsBarrier);
        Program.Say($"{entries.Count} entries, {barrierCount} barriers, {marks.Length} marks");

        Program.Say($"recorded after {clock.Elapsed.TotalSeconds:0.0} s");
        var failures = new List<string>();
        int claimCount = 0;
        int flushed = 0;
        foreach (Cut cut in Choose(entries, cutCount))
        {
            // Durable is what lies before the last flush; it is never taken back.
            int lastFlush = LastFlush(entries, cut.Count);
            for (; flushed < lastFlush; flushed++)
                before.Apply(entries[flushed], log);
            ReplayedDisk left = before.Copy();
            Random? random = cut.Seed is { } seed ? new Random(seed) : null;
            for (int i = lastFlush; i < cut.Count; i++)
            {
                if (random is null || entries[i].Flags.HasFlag(LoggedFlags.ForceUnitAccess) || random.Next(2) == 0)
                    left.Apply(entries[i], log);
            }
            CutClaims claims = CutClaims.At(entries, cut.Count);
            try
            {
                claimCount += Prove(left, claims, cut.Count, options);
            }
            catch (Exception e)
            {
                failures.Add($"{cut}, in the phase after '{claims.Phase}': {e}");
                Program.Say(failures[^1]);
            }
            finally
            {
                GuestDisk.UnmountAll();
            }
        }
        Program.Note = $"{fileSystem} ({options}): {cutCount} power cuts in {entries.Count} logged writes with {barrierCount} barriers, {claimCount} promised images looked at, {failures.Count} losses";
        Program.Say(Program.Note);
        Expect.True(failures.Count == 0, $"{failures.Count} of {cutCount} cuts lost something: {string.Join('\n', failures.Take(3))}");
    }

    private static void Record(string disk, string logDisk, string options)
    {
        long sectors = long.Parse(GuestDisk.Run("blockdev", "--getsz", disk), CultureInfo.InvariantCulture);
        GuestDisk.Run("dmsetup", "create", Name, "--noudevrules", "--noudevsync", "--table", $"0 {sectors} log-writes {disk} {logDisk}");
        try
        {
            // Nobody else makes the node.
            GuestDisk.Run("dmsetup", "mknodes", Name);
            string point = GuestDisk.Mount("/dev/mapper/" + Name, options);
            var start = new ProcessStartInfo(Environment.ProcessPath!);
            foreach (string argument in new[] { typeof(PowerCutCases).Assembly.Location, "cut", Path.Combine(point, "repo"), Name })
                start.ArgumentList.Add(argument);
            using (Process child = Process.Start(start)!)
            {
                child.WaitForExit();
                Expect.Equal(0, child.ExitCode, "The work's exit code");
            }
            GuestDisk.Unmount(point);
        }
        finally
        {
            GuestDisk.TryRun("dmsetup", "remove", "--noudevrules", "--noudevsync", Name);
        }
        GuestDisk.Run("blockdev", "--flushbufs", logDisk);
    }

    /// <summary>Cuts over the whole log, in its order: right after a barrier, right before one, and somewhere between with only some of the writes.</summary>
    private static IEnumerable<Cut> Choose(IReadOnlyList<LoggedWrite> entries, int cutCount)
    {
        int[] barriers = [.. Enumerable.Range(0, entries.Count).Where(i => entries[i].IsBarrier || entries[i].Mark is not null)];
        var random = new Random(cutCount);
        for (int i = 0; i < cutCount; i++)
        {
            int at = barriers[(int)((long)i * (barriers.Length - 1) / (cutCount - 1))];
            yield return (i % 3) switch
            {
                0 => new Cut(at + 1, null),
                1 => new Cut(at, null),
                _ => new Cut(at, random.Next()),
            };
        }
    }

    /// <summary>How many entries are durable for sure: those before the last flush, which lists what was completed when it began.</summary>
    private static int LastFlush(IReadOnlyList<LoggedWrite> entries, int count)
    {
        for (int i = count - 1; i >= 0; i--)
        {
            if (entries[i].Flags.HasFlag(LoggedFlags.Flush))
                return i;
        }
        return 0;
    }

    /// <summary>Mounts the disk, looks whether all that was promised is so, and works on. Returns how many images had been promised.</summary>
    private static int Prove(ReplayedDisk disk, CutClaims claims, int number, string options)
    {
        const string file = "/tmp/cut-disk";
        disk.Save(file);
        // XFS: the disk that was cut has the same id.
        string point = GuestDisk.Mount(file, "loop," + options);
        string location = Path.Combine(point, "repo");
        using (ImageRepository repository = OpenOrCreate(location, claims))
        {
            if (claims.IsDamaged)
                Expect.Equal(0L, repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None).LostBlobCount, "Lost chunks");
            RepositoryCheckResult check = repository.Check(readData: true, null, CancellationToken.None);
            Expect.True(check.IsHealthy, string.Join('\n', check.Problems));
            HashSet<string> listed = [.. new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true }, e => throw e, CancellationToken.None).Select(i => i.Id)];
            foreach (string id in claims.Images.Keys)
                Expect.True(listed.Contains(id), $"The image {id} is not listed.");
            foreach (string id in claims.Removed)
                Expect.True(!listed.Contains(id), $"The removed image {id} is back.");
            if (claims.Images.Count > 0)
            {
                (string id, string state) = claims.Images.ElementAt(number % claims.Images.Count);
                ExpectRestores(repository, id, state);
            }
            ExpectRestores(repository, CutWork.Backup(repository, "a2").Id, "a2");
            check = repository.Check(readData: false, null, CancellationToken.None);
            Expect.True(check.IsHealthy && check.UnreferencedPackCount == 0, "After the next backup: " + string.Join('\n', check.Problems));
        }
        GuestDisk.Unmount(point);
        return claims.Images.Count;
    }

    private static ImageRepository OpenOrCreate(string location, CutClaims claims)
    {
        foreach (string password in claims.Passwords.Skip(1))
            CutWork.Open(location, password).Dispose();
        foreach (string password in claims.RemovedPasswords)
            Expect.Equal(ErrorId.WrongPassword, Expect.Throws<ImageBackupException>(() => CutWork.Open(location, password).Dispose()).Id, "A removed password");
        if (claims.Passwords.Count > 0)
            return CutWork.Open(location, claims.Passwords.First());
        // A creation that was cut is there in full, or can be done again.
        if (!File.Exists(Path.Combine(location, "config")))
        {
            using RepositoryPassword password = CutWork.Password(CutWork.First);
            ImageRepository.Create(location, password, CancellationToken.None).Dispose();
        }
        return CutWork.Open(location, CutWork.First);
    }

    private static void ExpectRestores(ImageRepository repository, string id, string state)
    {
        const string target = "/tmp/cut-restored";
        new RestoreJob(repository, Rig.Volumes).Run(new RestoreRequest { ImageId = id, Destination = target, ReplaceFile = true }, null, CancellationToken.None);
        Expect.True(File.ReadAllBytes(target).AsSpan().SequenceEqual(File.ReadAllBytes(CutWork.VolumeFile(state))), $"The image {id} is not the volume {state}.");
    }
}
