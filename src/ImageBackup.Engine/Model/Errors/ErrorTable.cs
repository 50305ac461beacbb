using System;
using System.Collections.Generic;

namespace ImageBackup;

/// <summary>What kind of thing went wrong; the cmdlets map it to PowerShell's ErrorCategory, the Host to an exit code.</summary>
internal enum ErrorKind
{
    NotFound,
    AlreadyExists,
    Busy,
    Authentication,
    Permission,
    InvalidData,
    InvalidArgument,
    ReadError,
    WriteError,
    DeviceError,
    NotSupported,
    Cancelled,
}

/// <summary>One row of the error table.</summary>
internal sealed record ErrorEntry(ErrorId Id, ErrorKind Kind, string Meaning, string RecommendedAction);

/// <summary>
/// The table of errors. The help topic about_ImageBackup_Errors is made of it; tests prove that, and that every
/// <see cref="ErrorId"/> has exactly one row.
/// </summary>
internal static class ErrorTable
{
    private static readonly Dictionary<ErrorId, ErrorEntry> s_rows = Build();

    public static IReadOnlyCollection<ErrorEntry> All => s_rows.Values;

    public static ErrorEntry Get(ErrorId id) => s_rows[id];

    private static Dictionary<ErrorId, ErrorEntry> Build()
    {
        var rows = new Dictionary<ErrorId, ErrorEntry>();
        void Row(ErrorId id, ErrorKind kind, string meaning, string action) =>
            rows.Add(id, new ErrorEntry(id, kind, meaning, action));

        Row(ErrorId.RepositoryNotFound, ErrorKind.NotFound, "There is no repository at the path.",
            "Check the path, or create a repository with Initialize-ImageRepository.");
        Row(ErrorId.RepositoryExists, ErrorKind.AlreadyExists, "The path already holds a repository or other files.",
            "Connect to it with Connect-ImageRepository, or name an empty directory.");
        Row(ErrorId.RepositoryInvalid, ErrorKind.InvalidData, "The directory holds something that is not a usable repository.",
            "Check the path; if it was a repository, restore its 'config' and 'keys' files from a copy.");
        Row(ErrorId.RepositoryVersionUnsupported, ErrorKind.NotSupported, "The repository has a format version this module does not write or know.",
            "Format 1 can be read only; upgrade it with 'restic migrate upgrade_repo_v2'.");
        Row(ErrorId.RepositoryLocked, ErrorKind.Busy, "Another process holds a conflicting lock on the repository.",
            "Wait for it to end; if it is gone, remove its lock with Unlock-ImageRepository (-Unreadable if the lock file is damaged).");
        Row(ErrorId.RepositoryReadOnly, ErrorKind.Permission, "Nothing can be written to the repository: its file system is read-only, or it was opened so.",
            "Make the path writable, connect the repository without -ReadOnly and without s3.point-in-time, or use a command that only reads.");
        Row(ErrorId.RepositoryFull, ErrorKind.WriteError, "The disk that holds the repository is full.",
            "Free or add space, then run the backup again: it reuses the data that is already stored.");
        Row(ErrorId.RepositoryAccessDenied, ErrorKind.Permission, "The system denied access to a file of the repository.",
            "Run as a user who may read and write the repository's directory.");
        Row(ErrorId.RepositoryWriteFailed, ErrorKind.WriteError, "A file of the repository could not be written.",
            "Check the storage, then run the command again: it reuses the data that is already stored.");
        Row(ErrorId.RepositoryReadFailed, ErrorKind.ReadError, "A file of the repository could not be read.",
            "Check the storage and run Test-ImageRepository.");
        Row(ErrorId.RepositoryNotConnected, ErrorKind.InvalidArgument, "The command names no repository, and none is connected.",
            "Use Connect-ImageRepository, -Repository, or an environment variable: RESTIC_REPOSITORY or RESTIC_REPOSITORY_FILE.");
        Row(ErrorId.RepositoryLinked, ErrorKind.InvalidData, "A directory of the repository is a link. The directory that it leads to may belong to another user.",
            "Find out who made the link and why. If it is yours, put the directory itself there, mount its disk in its place (mount --bind), or link the repository's root instead.");
        Row(ErrorId.StorageUnreachable, ErrorKind.ReadError, "The server that holds the repository cannot be reached.",
            "Check the server's name and port in the repository's URL, the network and the server, then run the command again: it reuses the data that is already stored.");
        Row(ErrorId.StorageUntrusted, ErrorKind.Authentication, "The server's certificate or host key is not trusted, or the server does not trust this machine's certificate.",
            "Name the server's own authority in RESTIC_CACERT, this machine's certificate and key in RESTIC_TLS_CLIENT_CERT, and have an expired certificate renewed. For sftp: compare the host key with the server's, then let ssh know it ('ssh HOST').");
        Row(ErrorId.StorageLoginRefused, ErrorKind.Authentication, "The server does not accept the login.",
            "Set its variables: RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD (rest:); AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (s3:); AZURE_ACCOUNT_NAME with AZURE_ACCOUNT_KEY or AZURE_ACCOUNT_SAS, or a login by 'az login' (azure:). For sftp: 'ssh HOST' must log in without a question.");
        Row(ErrorId.StorageForbidsRemoval, ErrorKind.Permission, "The server that holds the repository lets nothing be removed.",
            "Run the command with a login that may remove, or let the server's own administrator run it. Backups go on without it.");
        Row(ErrorId.StorageContainerMissing, ErrorKind.NotFound, "The server has no bucket or container of that name.",
            "Check the name and the server in the repository's URL. Initialize-ImageRepository makes the bucket or container if the login may.");
        Row(ErrorId.StorageObjectLockMissing, ErrorKind.InvalidArgument, "The bucket has no object lock, which s3.object-lock-days asks for.",
            "Leave the option out, or use a bucket that was made with object lock: Initialize-ImageRepository with s3.object-lock-days makes such a bucket if there is none of that name.");
        Row(ErrorId.StorageWrongRegion, ErrorKind.InvalidArgument, "The bucket is in another region than requests are signed for.",
            "Name the bucket's region: -StorageOption @{ 's3.region' = 'REGION' }, or AWS_DEFAULT_REGION.");
        Row(ErrorId.StorageClockSkewed, ErrorKind.Authentication, "The server refuses requests of this machine's time.",
            "Set this machine's clock by a time server, then run the command again.");
        Row(ErrorId.StorageLoginExpired, ErrorKind.Authentication, "The login to the server was for a time, and has expired.",
            "Get a new login (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; AZURE_ACCOUNT_SAS), then run the command again: it reuses the data that is already stored.");
        Row(ErrorId.StorageProgramMissing, ErrorKind.NotFound, "The program that speaks to the server cannot be started.",
            "Install ssh (sftp:) or rclone (rclone:), or name it with -StorageOption: sftp.command, rclone.program.");
        Row(ErrorId.WrongPassword, ErrorKind.Authentication, "The password opens none of the repository's keys.",
            "Give the right password with -PasswordFile, -Password or the RESTIC_PASSWORD variables.");
        Row(ErrorId.KeysNotTried, ErrorKind.Authentication, "The password opens none of the keys that were tried, and the repository has more keys than can be tried.",
            "Name the key with RESTIC_KEY_HINT or Connect-ImageRepository -KeyId; then remove the unused keys.");
        Row(ErrorId.PasswordMissing, ErrorKind.Authentication, "The password is empty, or its file or command gives none.",
            "Check the file, the variable or the command that the message names. A password file is written by Export-ImageRepositoryPassword.");
        Row(ErrorId.PasswordNeeded, ErrorKind.Authentication, "No password was given, and PowerShell cannot ask for one: it is not interactive, or its input is not a console.",
            "Give -PasswordFile (a file that Export-ImageRepositoryPassword wrote) or -Password, or set RESTIC_PASSWORD_COMMAND, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD.");
        Row(ErrorId.PasswordsDiffer, ErrorKind.Authentication, "The new password was typed twice, and the two differ.",
            "Run the command again and type the same password twice.");
        Row(ErrorId.PasswordFileUnsafe, ErrorKind.Permission, "Users other than its owner may read, write or replace the password file.",
            "Give it to the user who runs the command and remove all other users' permissions ('chmod 600'). If other users may have read it, change the password.");
        Row(ErrorId.PasswordFileInvalid, ErrorKind.InvalidData, "The password file cannot be read or written, holds something that is not a password, or cannot be unlocked by this user.",
            "Write it anew with Export-ImageRepositoryPassword, as the user and on the computer that will read it.");
        Row(ErrorId.KeyCorrupt, ErrorKind.InvalidData, "A key file is damaged.",
            "Restore the 'keys' directory from a copy, or use another password's key.");
        Row(ErrorId.KeyNotFound, ErrorKind.NotFound, "The repository has no such key.",
            "List the keys with Get-ImageRepositoryKey.");
        Row(ErrorId.KeyAmbiguous, ErrorKind.InvalidArgument, "More than one key matches the id's beginning.",
            "Give more characters of the id.");
        Row(ErrorId.KeyInUse, ErrorKind.Busy, "The key is the one that this session opened the repository with.",
            "Open the repository with another password first: Connect-ImageRepository.");
        Row(ErrorId.KeyIsLast, ErrorKind.InvalidArgument, "The key may be the last one that opens the repository.",
            "Add a key with Add-ImageRepositoryKey and open the repository with its password, then remove this one.");
        Row(ErrorId.PackCorrupt, ErrorKind.InvalidData, "A pack file is truncated or damaged.",
            "Run Repair-ImageRepository -ReadData, which saves its whole chunks. Then back the volumes up again: the data that they still have repairs the images.");
        Row(ErrorId.IndexCorrupt, ErrorKind.InvalidData, "An index file is truncated or damaged.",
            "Run Repair-ImageRepository: it rebuilds the index from the packs.");
        Row(ErrorId.SnapshotCorrupt, ErrorKind.InvalidData, "A snapshot record is truncated or damaged.",
            "Restore the file from a copy of the repository. If there is none, the image it described is lost: remove the file with Repair-ImageRepository -RemoveUnreadable, and back the volume up again.");
        Row(ErrorId.ChunkCorrupt, ErrorKind.InvalidData, "A chunk of an image does not match its hash.",
            "Restore another image of the volume, or the whole chunks of this one with -SkipCorrupt. Repair-ImageRepository -ReadData and a new backup repair it if the volume still has the data.");
        Row(ErrorId.ChunkMissing, ErrorKind.InvalidData, "A chunk of an image is not in the repository.",
            "Back the volume up again, which repairs the image if the volume still has the data; or restore the chunks that are there with -SkipCorrupt.");
        Row(ErrorId.LockLost, ErrorKind.Busy, "The repository lock was removed or could not be refreshed in time.",
            "Check the storage. Make sure that no other user unlocks the repository while it is in use. Then run the command again.");
        Row(ErrorId.ImageNotFound, ErrorKind.NotFound, "No image matches.",
            "List the images with Get-ImageBackup -IncludeInactive.");
        Row(ErrorId.ImageAmbiguous, ErrorKind.InvalidArgument, "More than one image matches the id's beginning.",
            "Give more characters of the id.");
        Row(ErrorId.ImageInvalid, ErrorKind.InvalidData, "The snapshot record does not hold a volume image.",
            "Choose a snapshot record that this module made, or one that restic made of a single file or of standard input.");
        Row(ErrorId.ImageTimeImpossible, ErrorKind.InvalidData, "An image is dated before there were images, or more than a day ahead: a clock was wrong.",
            "Set this machine's clock and the other's. The image can be restored by its id; remove it by its id when it is not needed.");
        Row(ErrorId.VolumeNotFound, ErrorKind.NotFound, "No volume has that name.",
            "List the volumes with Get-ImageVolume.");
        Row(ErrorId.VolumeAmbiguous, ErrorKind.InvalidArgument, "More than one volume has that label, id or identity.",
            "Name the volume by its device path; detach the clone, or give it new ids.");
        Row(ErrorId.VolumeIsAnother, ErrorKind.InvalidArgument, "The name now belongs to a volume other than the one that the image was taken of.",
            "Attach the volume of the image, or name the target with -Destination.");
        Row(ErrorId.VolumeIdentityUnknown, ErrorKind.InvalidArgument, "Nothing proves that the volume is the one that the image was taken of.",
            "Look at the volume's content, and name the target with -Destination.");
        Row(ErrorId.VolumeInUse, ErrorKind.Busy, "Another program holds the volume.",
            "Close the programs that use it, or take the image as Dynamic or Snapshot.");
        Row(ErrorId.VolumeNeeded, ErrorKind.Busy, "The running system, the repository or temporary files lie on the volume: it cannot be quiesced.",
            "Take the image as Snapshot or Dynamic, or from rescue media.");
        Row(ErrorId.VolumeNotImageable, ErrorKind.InvalidArgument, "The volume is a swap area or a read-only medium: an image of it brings nothing back.",
            "If you need its content all the same, name the type of image: -ImageType Dynamic.");
        Row(ErrorId.VolumeEmpty, ErrorKind.InvalidArgument, "The volume has a length of 0 bytes.",
            "Name a volume that holds something (is a medium in the drive?).");
        Row(ErrorId.VolumeChanged, ErrorKind.DeviceError, "The volume's size or identity changed while it was read.",
            "Run the backup again when no program resizes the volume.");
        Row(ErrorId.VolumeExcluded, ErrorKind.InvalidArgument, "A rule excludes the volume.",
            "Change the rule, or name another volume.");
        Row(ErrorId.NoVolume, ErrorKind.InvalidArgument, "The command names no volume, and no rule names one.",
            "Name a volume, or add a domain.image statement to the rules.");
        Row(ErrorId.SomeVolumesFailed, ErrorKind.DeviceError, "Some volumes of the command were not backed up. This is the last error of the command; the ones before it say why.",
            "Correct what the errors before this one say, then run the command again: it reuses the data that is already stored.");
        Row(ErrorId.NotElevated, ErrorKind.Permission, "Reading or writing a whole volume needs elevated rights.",
            "Run as root (Linux) or in an elevated session (Windows).");
        Row(ErrorId.VolumeAccessDenied, ErrorKind.Permission, "The system denied access to the volume.",
            "Run as a user who may open the device.");
        Row(ErrorId.ReadFailed, ErrorKind.ReadError, "The volume could not be read.",
            "Check the disk (SMART, cables); -ReadErrorLimit takes an image of the readable part.");
        Row(ErrorId.WriteFailed, ErrorKind.WriteError, "The target could not be written.",
            "Check the target disk; resume with -SkipUnchanged, or restore to another one.");
        Row(ErrorId.TargetTooSmall, ErrorKind.InvalidArgument, "The target is smaller than the image.",
            "Restore to a target of at least the image's size.");
        Row(ErrorId.TargetMounted, ErrorKind.Busy, "The target is mounted.",
            "Unmount it first.");
        Row(ErrorId.TargetInUse, ErrorKind.Busy, "Another program holds the target.",
            "Close the program, or stop the layer on top of the device (LVM, RAID, swap).");
        Row(ErrorId.TargetIsSystem, ErrorKind.InvalidArgument, "The target carries the running system.",
            "Restore it from rescue media; see about_ImageBackup_Recovery.");
        Row(ErrorId.TargetHoldsRepository, ErrorKind.InvalidArgument, "The repository lies on the target.",
            "Restore to another volume, or copy the repository elsewhere first.");
        Row(ErrorId.TargetExists, ErrorKind.AlreadyExists, "The target file exists.",
            "Name another file, or use -Force to replace it once the new one is whole.");
        Row(ErrorId.TargetInvalid, ErrorKind.InvalidArgument, "The target is neither a volume nor a file that can be created.",
            "Name a device, a volume, or a file in an existing directory.");
        Row(ErrorId.TargetChanged, ErrorKind.DeviceError, "The target's name now belongs to a device other than the one that was checked and confirmed.",
            "See with Get-ImageVolume which device has the name now, then run the restore again.");
        Row(ErrorId.TargetHoldsData, ErrorKind.InvalidArgument, "The target is a member of LVM, a RAID or a ZFS pool, is encrypted, or has partitions.",
            "To overwrite it, use -Force, which asks once more; -Force -Confirm:$false does not ask.");
        Row(ErrorId.SectorSizeDiffers, ErrorKind.InvalidArgument, "The target's sectors do not have the size that the file system needs.",
            "Restore to a disk with sectors of the size that the message names, or to a file; -Force writes the image nevertheless.");
        Row(ErrorId.MaybeInUseElsewhere, ErrorKind.Busy, "The target's content says that another computer may be using it.",
            "Make sure that no other computer has it mounted, imported or active; then use -Force.");
        Row(ErrorId.VerifyFailed, ErrorKind.DeviceError, "The data read back from the target differs from the data written to it.",
            "Replace the target disk: it does not keep the data written to it.");
        Row(ErrorId.ParameterInvalid, ErrorKind.InvalidArgument, "A parameter's value cannot be used.",
            "Give a value that the message allows, and run the command again.");
        Row(ErrorId.ConfirmationNeeded, ErrorKind.InvalidArgument, "The command must ask before it goes on, and PowerShell is not interactive.",
            "Run the command in an interactive session, or add -Confirm:$false to go on without the question. If a preference is Inquire, set it to Continue.");
        Row(ErrorId.OutputLost, ErrorKind.WriteError, "The terminal or file that PowerShell writes to did not take the command's messages. The command went on without them.",
            "Check the object that the command gave, or run Get-ImageBackup. If the output goes to a file, free space on its disk.");
        Row(ErrorId.NotSupported, ErrorKind.NotSupported, "This system or volume cannot do that.",
            "about_ImageBackup lists the features of each system.");
        Row(ErrorId.Cancelled, ErrorKind.Cancelled, "The operation was cancelled.",
            "Run it again: it reuses the data that is already stored.");
        Row(ErrorId.RuleInvalid, ErrorKind.InvalidData, "The rule list has an error, so none of its rules are used.",
            "Correct the line that the message names; about_ImageBackup_Rules has the syntax.");
        Row(ErrorId.RuleNotFound, ErrorKind.NotFound, "No rule of the list has that pattern.",
            "List the rules with Get-IncludeImage.");
        Row(ErrorId.ManagementClassNotFound, ErrorKind.NotFound, "No management class has that name.",
            "List the classes with Get-ManagementClass, or create it with Set-ManagementClass.");
        Row(ErrorId.ManagementClassInvalid, ErrorKind.InvalidData, "The management classes' file has an error, so none of its classes are used.",
            "Correct the property that the message names, or set the class again with Set-ManagementClass.");
        Row(ErrorId.ManagementClassInUse, ErrorKind.InvalidArgument, "Rules name the management class.",
            "Give the rules another class with Set-IncludeImage, or use -Force and create the class again.");
        Row(ErrorId.SnapshotFailed, ErrorKind.DeviceError, "A volume snapshot could not be taken or removed.",
            "Read the message and the log; try Test-SnapshotProvider, or take the image as Static.");
        Row(ErrorId.SnapshotUnavailable, ErrorKind.NotSupported, "No snapshot provider can take the volume, and -NoFailover forbids another image type.",
            "Mend what Get-SnapshotProvider gives as WhyNot, or leave -NoFailover out.");
        Row(ErrorId.SnapshotInvalid, ErrorKind.DeviceError, "The volume snapshot was lost while it was copied: its copy-on-write area was full, or the system dropped it. No image was created.",
            "Give it a larger area with -SnapshotCacheSize or Set-SnapshotProvider, or run the backup when programs write less.");
        Row(ErrorId.SnapshotProviderNotFound, ErrorKind.NotFound, "No snapshot provider of this system has that name.",
            "List them with Get-SnapshotProvider.");
        Row(ErrorId.SnapshotCommandFailed, ErrorKind.DeviceError, "The command before the snapshot failed or took too long, so no image was created.",
            "Correct the command of -PreSnapshotCommand or the rule; its output is in the log.");
        Row(ErrorId.UndoFailed, ErrorKind.DeviceError, "The changes of a killed run could not be undone. Their undo record stays.",
            "Do the step that the message names by hand, or correct the command that it names. Then run Repair-ImageVolume again.");
        Row(ErrorId.PolicyReadFailed, ErrorKind.ReadError, "A file of rules or classes could not be read.",
            "Check the path and that you may read it.");
        Row(ErrorId.PolicyWriteFailed, ErrorKind.WriteError, "A file of rules or classes could not be written.",
            "Run elevated, or name a file that you may write; if another user changed it, run the command again.");
        Row(ErrorId.PolicyFileUnsafe, ErrorKind.Permission, "Users other than its owner may write or replace a file of rules, classes or snapshot commands.",
            "Give the file and its directories to root or to the user who runs the command, and remove all other users' permission to write ('chmod go-w'). If other users may have written it, check its content.");
        Row(ErrorId.SomeDataUnreadable, ErrorKind.ReadError, "The command is done, but some parts could not be read. They are zeros.",
            "The object's ReadErrors or CorruptRanges list the missing ranges. Replace the disk, or take the missing ranges from another image.");
        Row(ErrorId.FileSystemNotBrowsable, ErrorKind.NotSupported, "The files of the image's file system cannot be listed.",
            "Restore the whole image with Restore-VolumeImage, to a volume or a file, and let the system mount it.");
        Row(ErrorId.ItemNotFound, ErrorKind.NotFound, "The image has no file or directory of this path.",
            "List what it has with Get-ImageItem. The path begins at the volume's root; names of Linux have upper and lower case.");
        Row(ErrorId.ItemUnreadable, ErrorKind.ReadError, "A file or directory of the image cannot be read: the image or its file system is damaged there, or the file is encrypted.",
            "The others can be read. Take this one from another image, and check this image with Test-ImageBackup.");
        Row(ErrorId.ItemExists, ErrorKind.AlreadyExists, "A file was not restored: its name is taken at the destination.",
            "Restore to an empty directory, or replace what is there with -Overwrite.");
        Row(ErrorId.ItemRefused, ErrorKind.NotSupported, "A file was not restored: it is not safe to make it here, or it is a device, a pipe or a socket.",
            "Read the file's bytes with Get-ImageItemContent, or restore the whole image with Restore-VolumeImage.");
        Row(ErrorId.DriveReadOnly, ErrorKind.NotSupported, "Nothing was changed: what is on a drive of images is never written, moved or removed there, nor copied from there by Copy-Item.",
            "Take files out with Restore-ImageItem, which takes the drive's paths and objects. Remove a whole image with Remove-ImageBackup.");
        return rows;
    }
}
