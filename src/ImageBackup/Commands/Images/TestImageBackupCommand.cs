using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Verify;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Reads every chunk of images and proves them whole.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ImageBackup")]
[Alias("Test-VolumeImage")]
[OutputType(typeof(VerifyResult))]
public sealed class TestImageBackupCommand : RepositoryCmdlet
{
    private const int MaxNamedFiles = 1000;

    private int _namedCount;
    private WorkPace? _pace;

    /// <summary>Objects of Get-ImageBackup, or ids or their beginnings.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? ImageBackup { get; set; }

    /// <summary>Background gives way to other programs, by the disk's idle class and a nice value or Windows' background mode; by default Normal.</summary>
    [Parameter]
    public JobPriority? Priority { get; set; }

    /// <summary>At most so many bytes a second are read of the repository: a number such as 50MB, 64 KiB or more.</summary>
    [Parameter]
    [ByteSize]
    [ValidateRange(PaceParameters.LeastBytesPerSecond, long.MaxValue)]
    public long? LimitRead { get; set; }

    private protected override WorkPace? Pace => _pace ??= PaceParameters.PaceOf(Priority, LimitRead, writeBytes: null);

    private protected override bool InputNamesRepository => true;

    private protected override void Process()
    {
        _namedCount += ImageBackup?.Length ?? 0;
        AttemptEach(ImageBackup ?? [], i => i.Input, Test);
    }

    /// <summary>A proof of nothing is none.</summary>
    private protected override void End()
    {
        if (MyInvocation.ExpectingInput && _namedCount == 0 && !HasWrittenError)
            throw new ImageBackupException(ErrorId.ImageNotFound, "The pipeline was empty: no image was tested.");
    }

    private void Test(ImageArgument argument)
    {
        string idPrefix = argument.NeededId;
        ImageRepository repository = RepositoryOf(argument);
        VerifyResult result = RunInBackground("Proving an image", channel =>
        {
            ImageBackupInfo image = new ImageCatalog(repository, RecordsOf(repository)).Find(idPrefix, Stop);
            return NameFiles(repository, new VerifyJob(repository).Run(image.Id, channel, Stop), channel);
        });
        WriteObject(result);
        if (!result.IsWhole)
        {
            throw new ImageBackupException(
                ErrorId.ChunkCorrupt,
                $"The image {DisplayText.ShortId(result.ImageId)} of '{result.Volume}' is damaged in {result.DamagedRanges.Count} ranges of the volume; the result's DamagedRanges lists them.{Reach(result)}",
                result.ImageId);
        }
    }

    private static string Reach(VerifyResult result) => result.DamagedFileCount switch
    {
        null => "",
        0 => " No file of the volume lies in them.",
        1 => $" They reach '{result.DamagedFiles![0]}'.",
        var count => $" They reach {count} files and directories, which DamagedFiles lists: '{result.DamagedFiles![0]}' and others.",
    };

    /// <summary>Adds the files that the damage reaches, if the file system can still be listed.</summary>
    private VerifyResult NameFiles(ImageRepository repository, VerifyResult result, CmdletChannel channel)
    {
        if (result.IsWhole)
            return result;
        try
        {
            using var opened = ItemRepository.Open(repository, [result.ImageId], Stop);
            using var source = ItemSource.Open(opened, result.ImageId, ImageBlockReader.DefaultCacheBytes, Stop);
            var paths = new List<string>();
            long count = 0;
            foreach (string path in new DamagedItems(source, result.DamagedRanges).Find(Stop))
            {
                count++;
                if (paths.Count < MaxNamedFiles)
                    paths.Add(path);
            }
            return result with { DamagedFiles = paths, DamagedFileCount = count };
        }
        catch (ImageBackupException failure) when (failure.Id != ErrorId.Cancelled)
        {
            channel.WriteVerbose($"The damaged files are not named: {failure.Message}");
            return result;
        }
    }
}
