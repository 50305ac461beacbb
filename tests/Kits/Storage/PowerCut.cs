using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>What a disk keeps of the steps that were taken before the power went.</summary>
internal enum CutKind
{
    /// <summary>The process alone was killed: everything it did is there, flushed or not.</summary>
    Killed,

    /// <summary>Nothing that was not flushed is there: neither names nor content.</summary>
    Dropped,

    /// <summary>Names are there, content that was not flushed is cut in half: what a rename before the flush would leave.</summary>
    Torn,

    /// <summary>Of each directory's unflushed names some first ones, of each file's unflushed content a part, or zeros in its place; by a seed.</summary>
    Scattered,
}

/// <summary>One state that a cut left: after how many steps, what the disk kept, and the directory that holds it.</summary>
internal sealed record CutState(int StepCount, string LastStep, CutKind Kind, int Seed, string Directory)
{
    public override string ToString() => $"cut after step {StepCount} ({LastStep}), {Kind} {Seed}";
}

/// <summary>
/// Cuts the power at every step that an operation takes on its disk, and hands over every state that can be left.
/// </summary>
/// <remarks>
/// How to use it for an operation of yours (backup, removal, prune, key change, repair):
/// <code>
/// using var directory = new PowerCutDirectory();           // an empty repository on it, under TestRepository's password
/// directory.Do(storage => { ... back up, make what the operation will work on ... });   // durable before anything is cut
/// int stateCount = directory.CutAtEveryStep(
///     storage => { using var r = PowerCutDirectory.Open(storage); r.Whatever(...); },   // run once, recorded to its end
///     (storage, state) => { ... must hold in every state: open it, check it, restore from it, run the operation again ... });
/// Assert.InRange(stateCount, 50, 5000);                    // or it proves nothing
/// </code>
/// The operation runs once, on a directory that is not a disk: each create, append, flush, rename, delete and directory
/// flush is recorded (<see cref="IFileSteps"/>; nothing else changes a <see cref="LocalStorage"/>). Then each beginning of
/// the record is played into a directory of its own, once as a killed process leaves it and several times as a power cut
/// may, and given to the check as a storage that is neither recorded nor flushed. A check that throws fails the whole with
/// the state's name. Locks: those that are left name this very process, which lives, so they do not look stale; a check
/// that needs an exclusive lock removes them first with <c>RemoveLocks(all: true, ...)</c>. That a dead process's lock is
/// stale is proven by the tests that really kill.
/// </remarks>
internal static class PowerCut
{
    private static readonly (CutKind Kind, int Seed)[] s_kinds =
    [
        (CutKind.Killed, 0), (CutKind.Dropped, 0), (CutKind.Torn, 0), (CutKind.Scattered, 1), (CutKind.Scattered, 2),
    ];

    /// <summary>Runs the operation on the directory and the check on every state; returns how many states there were.</summary>
    public static int AtEveryStep(string directory, string scratch, Action<IStorage> run, Action<IStorage, CutState> check)
    {
        DiskState before = DiskState.Read(directory);
        var recorder = new RecordingFileSteps();
        using (var storage = new LocalStorage(directory, recorder))
            run(storage);
        FileStep[] steps = recorder.Steps;
        bool[] isIdle = Idle(steps);
        var cuts = (from count in Enumerable.Range(0, steps.Length + 1)
                    where count == 0 || !isIdle[count - 1]
                    from kind in s_kinds
                    select (count, kind)).ToList();
        var failures = new List<string>();
        Parallel.ForEach(cuts, new ParallelOptions { MaxDegreeOfParallelism = 4 }, cut =>
        {
            string path = Path.Combine(scratch, $"cut-{cut.count}-{cut.kind.Kind}-{cut.kind.Seed}");
            var state = new CutState(cut.count, cut.count == 0 ? "nothing" : steps[cut.count - 1].ToString(), cut.kind.Kind, cut.kind.Seed, path);
            try
            {
                before.After(directory, steps.AsSpan(0, cut.count), cut.kind.Kind, cut.kind.Seed * 100_003 + cut.count).WriteTo(path);
                using var storage = new LocalStorage(path, new RecordingFileSteps());
                check(storage, state);
            }
            catch (Exception e)
            {
                lock (failures)
                    failures.Add($"{state}: {e}");
            }
            finally
            {
                if (Directory.Exists(path))
                    Directory.Delete(path, recursive: true);
            }
        });
        if (failures.Count > 0)
            throw new InvalidDataException($"{failures.Count} of {cuts.Count} cuts lost something:{Environment.NewLine}{string.Join(Environment.NewLine, failures.Take(5))}");
        return cuts.Count;
    }

    /// <summary>Steps that promise nothing and change nothing: they give no state of their own. (Every flush of one of 256 directories is a step.)</summary>
    private static bool[] Idle(FileStep[] steps)
    {
        var open = new HashSet<string>(StringComparer.Ordinal);
        return [.. steps.Select(step =>
        {
            switch (step.Kind)
            {
                case FileStepKind.Writeback:
                    return true;
                case FileStepKind.SyncDirectory:
                    return !open.Remove(step.Path);
                case FileStepKind.CreateDirectory or FileStepKind.CreateFile or FileStepKind.Move or FileStepKind.Delete:
                    open.Add(Path.GetDirectoryName(step.Path)!);
                    if (step.To is not null)
                        open.Add(Path.GetDirectoryName(step.To)!);
                    return false;
                default:
                    return false;
            }
        })];
    }
}
