# The main job on a volume that this script makes itself: no root, nothing but the .NET SDK.
# It runs in the Host and in any PowerShell with the module imported.
$ErrorActionPreference = 'Stop'
$work = [System.IO.Path]::Combine([System.IO.Path]::GetTempPath(), 'imagebackup-' + [guid]::NewGuid().ToString('N'))
$null = [System.IO.Directory]::CreateDirectory($work)
# The Host ends with this script, so it can have a machine's configuration of its own: the rules of this machine are for its volumes.
if ([System.Reflection.Assembly]::GetEntryAssembly().GetName().Name -eq 'ImageBackup.Host') { [System.Environment]::SetEnvironmentVariable('IMAGEBACKUP_ROOT', $work) }
try {
    # A raw volume of 64 MiB and a bit: text that compresses, noise that does not, a hole, a block that comes twice.
    $volume = [System.IO.Path]::Combine($work, 'volume.img')
    $stream = [System.IO.File]::Create($volume)
    $stream.SetLength(64MB + 12345)
    $noise = [byte[]]::new(8MB)
    [System.Random]::new(1).NextBytes($noise)
    $text = [System.Text.Encoding]::UTF8.GetBytes('The volume that this script backs up. ' * 100000)
    foreach ($part in @(@(0, $text), @(16MB, $noise), @(32MB, $noise), @((64MB - 100), $text[0..1000]))) {
        $stream.Position = $part[0]
        $stream.Write($part[1], 0, $part[1].Length)
    }
    $stream.Dispose()

    # A password that nobody needs again. Yours comes from Read-Host -AsSecureString or Get-Secret.
    $password = [securestring]::new()
    foreach ($character in [guid]::NewGuid().ToString('N').ToCharArray()) { $password.AppendChar($character) }

    $repository = [System.IO.Path]::Combine($work, 'repository')
    # Out-Default gives each kind of object its own table; one table for all would show the later kinds bare.
    Initialize-ImageRepository -Path $repository -Password $password | Out-Default
    $image = Backup-VolumeImage -Volume $volume -Repository $repository -Password $password
    Get-ImageBackup -Repository $repository -Password $password | Out-Default
    $restored = [System.IO.Path]::Combine($work, 'restored.img')
    Restore-VolumeImage -ImageBackup $image -Destination $restored -Repository $repository -Password $password -Confirm:$false | Out-Default

    $hashes = foreach ($file in $volume, $restored) {
        $stream = [System.IO.File]::OpenRead($file)
        [System.Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData($stream))
        $stream.Dispose()
    }
    if ($hashes[0] -ne $hashes[1]) { throw 'The restored volume differs from the one that was backed up.' }
    "SHA-256 of the volume:   $($hashes[0])"
    "SHA-256 of the restored: $($hashes[1])"
    "Equal: what was restored is what was backed up ($($image.SizeBytes) bytes, $($image.StoredBytes) bytes stored)."
}
finally {
    [System.IO.Directory]::Delete($work, $true)
}
