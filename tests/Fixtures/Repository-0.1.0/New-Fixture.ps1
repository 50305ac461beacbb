<#
.SYNOPSIS
Makes old.tar.gz: what a build of this module leaves on a machine and in a repository.

.DESCRIPTION
Linux, as root, with mkfs.ext4, losetup, restic, strace, unshare and libfaketime. The build works in a mount namespace of its own, in which
everything lies in /mnt, on a computer named fixture-host, on days of January 2026. It was run once, with the build of 0.1.0 whose
records lie in 'held' and whose types are in ImageBackup.Engine: README.md says which. A later build cannot make the same again.

.EXAMPLE
pwsh -NoProfile -File New-Fixture.ps1 -Manifest ~/old/ImageBackup.psd1 -Archive ./old.tar.gz
#>
[CmdletBinding(DefaultParameterSetName = 'Outside')]
param(
    # The build's manifest.
    [Parameter(Mandatory)]
    [string] $Manifest,

    # The file to write.
    [Parameter(Mandatory, ParameterSetName = 'Outside')]
    [string] $Archive,

    # Of Debian's package faketime.
    [Parameter(ParameterSetName = 'Outside')]
    [string] $FakeTimeLibrary = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',

    # How this script calls itself in the namespace.
    [Parameter(Mandatory, ParameterSetName = 'Inside')]
    [switch] $Inside
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
# One that is a .NET tool runs as `dotnet pwsh.dll`.
$pwsh = @([Environment]::ProcessPath)
if ([IO.Path]::GetFileNameWithoutExtension($pwsh[0]) -ne 'pwsh') { $pwsh += Join-Path $PSHOME 'pwsh.dll' }

if (-not $Inside) {
    $scratch = [IO.Directory]::CreateTempSubdirectory('imagebackup-fixture-').FullName
    try {
        $clock = "$scratch.clock"
        Set-Content $clock '@2026-01-05 08:00:00'
        unshare --mount --uts --propagation private /bin/sh -c 'hostname fixture-host && mount --bind "$0" /mnt && cd /mnt && exec "$@"' $scratch env --default-signal `
            -i PATH=$env:PATH TZ=UTC LC_ALL=C.UTF-8 HOME=/mnt/work/home USER=root LOGNAME=root DOTNET_ROOT=$env:DOTNET_ROOT POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off `
            LD_PRELOAD=$FakeTimeLibrary DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_TIMESTAMP_FILE=$clock FAKETIME_CACHE_DURATION=1 NO_FAKE_STAT=1 `
            IMAGEBACKUP_ROOT=/mnt/machine XDG_STATE_HOME=/mnt/work/state `
            @pwsh -NoProfile -NonInteractive -File $PSCommandPath -Manifest $Manifest -Inside
        # Sorted, without the times and the owners of this run.
        tar --create --gzip --file $Archive --directory $scratch --sort=name --mtime=2026-01-31 --owner=0 --group=0 --numeric-owner --exclude=./work .
    }
    finally {
        Remove-Item $scratch -Recurse -Force
        Remove-Item "$scratch.clock" -Force
    }
    return
}

# From here on in the namespace.
$WarningPreference = 'SilentlyContinue'
$repository = '/mnt/repository'
$work = (New-Item -ItemType Directory /mnt/work -Force).FullName
$null = New-Item -ItemType Directory /mnt/volumes, /mnt/machine
$first = ConvertTo-SecureString 'the first password' -AsPlainText -Force
$second = ConvertTo-SecureString 'the second password' -AsPlainText -Force
$env:RESTIC_PASSWORD = 'the first password'

function Set-Day([int] $Day) {
    Set-Content $env:FAKETIME_TIMESTAMP_FILE ('@2026-01-{0:00} 08:00:00' -f $Day)
    # The library looks once a second.
    while ([datetime]::UtcNow.Day -ne $Day) { [Threading.Thread]::Sleep(100) }
}

# Text that compresses to little, of its own for each seed.
function Set-Text([string] $Path, [int] $Seed, [int] $SizeBytes) {
    $line = [Text.Encoding]::ASCII.GetBytes("This is line of seed $Seed, which compresses well. ")
    $bytes = [byte[]]::new($SizeBytes)
    for ($i = 0; $i -lt $SizeBytes; $i++) { $bytes[$i] = $line[($i * ($Seed + 1) + [math]::Floor($i / 4096)) % $line.Length] }
    [IO.File]::WriteAllBytes($Path, $bytes)
}

function Set-TextAt([string] $Path, [long] $OffsetBytes, [int] $Seed, [int] $SizeBytes) {
    Set-Text $work/text $Seed $SizeBytes
    $file = [IO.File]::OpenWrite($Path)
    $file.Position = $OffsetBytes
    $file.Write([IO.File]::ReadAllBytes("$work/text"))
    $file.Dispose()
}


function Get-Names([string] $Folder) { [IO.Directory]::GetFiles("$repository/$Folder", '*', 'AllDirectories') | Split-Path -Leaf }

# kill -9 at a moment that the condition tells. Renames and flushes are held back for so long that there is time for it.
function Invoke-Killed([string] $Command, [scriptblock] $When) {
    Set-Content $work/killed.ps1 "`$ErrorActionPreference = 'Stop'; Import-Module '$Manifest'; Set-Content $work/id `$PID; $Command -ChunkSize 64KB -ThrottleLimit 1 -Repository $repository -Confirm:`$false"
    Remove-Item $work/id -ErrorAction Ignore
    $renames = 'rename,renameat,renameat2,link,linkat'
    $strace = /bin/sh -c 'strace -f -qq -o /dev/null "$@" > /mnt/work/killed.out 2>&1 < /dev/null & echo $!' sh `
        -e "trace=$renames,fsync,fdatasync" -e "inject=${renames}:delay_exit=2000000" -e "inject=fsync,fdatasync:delay_exit=1000000" @pwsh -NoProfile -NonInteractive -File $work/killed.ps1
    while (-not (& $When)) {
        if (-not (Test-Path /proc/$strace/exe)) { throw "It ended before it could be killed: $(Get-Content $work/killed.out)" }
        [Threading.Thread]::Sleep(20)
    }
    /bin/kill -9 (Get-Content $work/id)
    while (Test-Path /proc/$strace/exe) { [Threading.Thread]::Sleep(20) }
    "Killed: $Command"
}

function Assert([bool] $Condition, [string] $What) { if (-not $Condition) { throw "The fixture has not $What." } }

Import-Module $Manifest

# The machine's own settings.
Set-ManagementClass LOCAL -Description 'of the machine' -VersionsExist 3 -VersionsDeleted 2 -RetainExtra 60 -RetainOnly 365 -Frequency 7 -Serialization ShrDynamic -ChangingRetries 5 -ImageType Dynamic -GapSize 64k -Confirm:$false
Set-IncludeImage '/mnt/volumes/*' -ManagementClass LOCAL -ImageType Dynamic -GapSize 128k -Confirm:$false
Set-ExcludeImage '/dev/fixture*' -Confirm:$false
Set-ImageDomain /mnt/volumes/raw.img, /mnt/volumes/ext4.img -Confirm:$false
Set-SnapshotProvider COMMAND -CreateCommand 'cp "$IMAGEBACKUP_DEVICE" /mnt/work/frozen-$IMAGEBACKUP_ID && echo /mnt/work/frozen-$IMAGEBACKUP_ID' `
    -RemoveCommand 'echo "removed $IMAGEBACKUP_ID of $IMAGEBACKUP_VOLUME" >> "$IMAGEBACKUP_ROOT/commands.log"' -Confirm:$false

# Volumes.
Set-Text /mnt/volumes/raw.img 1 (1MB + 700)
Set-Text /mnt/volumes/gone.img 2 300KB
Set-Text /mnt/volumes/busy.img 3 200KB
$null = New-Item -ItemType File /mnt/volumes/ext4.img
truncate -s 4M /mnt/volumes/ext4.img
mkfs.ext4 -q -F -L fixture -U 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 -E hash_seed=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0,lazy_itable_init=0 /mnt/volumes/ext4.img
$device = losetup --find --show /mnt/volumes/ext4.img
$null = New-Item -ItemType Directory $work/mounted
mount -o noatime $device $work/mounted
Set-Text $work/mounted/one.txt 4 100KB
sync -f $work/mounted

# A repository with two keys and a policy of two revisions.
$null = Initialize-ImageRepository $repository -Password $first
$null = Add-ImageRepositoryKey $repository -NewPassword $second -Confirm:$false
Set-ManagementClass FIXTURE -Description 'of the repository' -VersionsExist 2 -VersionsDeleted 1 -RetainExtra NoLimit -RetainOnly NoLimit -Default -Enforced -Repository $repository -Confirm:$false
Set-IncludeImage '/mnt/volumes/*' -ManagementClass FIXTURE -GapSize 64k -Enforced -Repository $repository -Confirm:$false
$null = Connect-ImageRepository $repository -Password $first -AcceptPolicy

$hashes = @{}
# Four images of a raw volume, each with the one before it as its parent.
$common = @{ ChunkSize = 64KB; ThrottleLimit = 1; Confirm = $false }
$raw = foreach ($day in 6..9) {
    Set-Day $day
    Set-TextAt /mnt/volumes/raw.img (128KB * ($day - 5)) ($day + 10) 4000
    $image = Backup-VolumeImage /mnt/volumes/raw.img -ImageType Static -Tag "day$day" @common
    $hashes[$image.Id] = (Get-FileHash /mnt/volumes/raw.img).Hash
    $image
}
# Static, and quiesced, while it is mounted; then by a snapshot of two commands, with commands before and after it.
Set-Day 10
$rested = Backup-VolumeImage $device -ImageType Static @common
Set-Text $work/mounted/two.txt 5 50KB
sync -f $work/mounted
umount $work/mounted
Set-Day 11
$frozen = Backup-VolumeImage /mnt/volumes/ext4.img -ImageType Snapshot -SnapshotProvider COMMAND -PreSnapshotCommand 'true' -PostSnapshotCommand 'true' @common
$fuzzy = Backup-VolumeImage /mnt/volumes/ext4.img -ImageType Dynamic @common
# A volume that is gone.
Set-Day 12
$gone = foreach ($n in 1..2) {
    Backup-VolumeImage /mnt/volumes/gone.img -ImageType Dynamic @common
    Set-TextAt /mnt/volumes/gone.img 0 (20 + $n) 4000
}
Remove-Item /mnt/volumes/gone.img
Remove-ImageBackup -Expired -VolumeRemoved /mnt/volumes/gone.img -KeepWithin 400 -Confirm:$false


# Killed while a volume is remounted read-only. Its record is kept from the next run, which would find it.
Set-Day 13
mount -o noatime $device $work/mounted
Invoke-Killed "Backup-VolumeImage $device -ImageType Static" { (findmnt -n -o OPTIONS $work/mounted) -match '^ro\b' }
umount $work/mounted
losetup --detach $device
Move-Item /mnt/machine/run $work/run

# Killed while the command before a snapshot runs: the one after it is still to be run.
Set-Day 14
Invoke-Killed ("Backup-VolumeImage /mnt/volumes/busy.img -ImageType Snapshot -SnapshotProvider COMMAND -PreSnapshotCommand 'touch $work/begun; sleep 3'" +
    " -PostSnapshotCommand 'echo `"after `$IMAGEBACKUP_VOLUME`" >> `"`$IMAGEBACKUP_ROOT/commands.log`"'") { Test-Path $work/begun }
Start-Sleep 4
$null = New-Item -ItemType Directory $work/held
Move-Item /mnt/machine/var/lib/imagebackup/held/postcommand-*.held $work/held

# Killed while a snapshot is copied, when a pack is in its place and the index of it is not.
Set-Day 15
$packs = Get-Names data; $indexes = Get-Names index; $locks = Get-Names locks
Invoke-Killed 'Backup-VolumeImage /mnt/volumes/busy.img -ImageType Snapshot -SnapshotProvider COMMAND' {
    # Quick: nothing else is waited for.
    [IO.Directory]::GetFiles("$repository/data", '*', 'AllDirectories').Length -gt $packs.Count -and [IO.Directory]::GetFiles("$repository/tmp").Length -gt 0
}
Assert (-not (Compare-Object $indexes (Get-Names index))) 'a pack that no index lists'
Assert (@(Get-Names locks | Where-Object { $_ -notin $locks }).Count -eq 1) 'the lock of a killed backup'
Assert (@(Get-Names tmp).Count -gt 0) 'a temporary file of a killed backup'
Remove-Item /mnt/machine/run -Recurse -Force -ErrorAction Ignore
Move-Item $work/run /mnt/machine/run
Move-Item $work/held/* /mnt/machine/var/lib/imagebackup/held
Remove-Item /mnt/machine/commands.log -ErrorAction Ignore
Assert (@(Get-ChildItem /mnt/machine -Recurse -Filter *.held).Count -eq 3) 'three records of what killed runs left'

# The records of Windows, by the class that writes them there. The values are those of the providers.
$windows = (New-Item -ItemType Directory /mnt/windows/ImageBackup/held -Force).FullName
$type = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -eq 'ImageBackup.Engine' } | ForEach-Object { $_.GetType('ImageBackup.Engine.Volumes.Windows.HeldFile') }
$create = $type.GetMethod('Create', [Reflection.BindingFlags]'Public,Static')
$begun = '2026-01-15 08:00:00Z'
foreach ($record in @(
        @{ Kind = 'vss'; Values = [ordered]@{ volumes = 'D:\, E:\'; begun = $begun; set = '{6f0d1b9e-5a0c-4c55-9a3c-0f6a4d2f8b71}' } }
        @{ Kind = 'wmi'; Values = [ordered]@{ volume = 'D:\'; begun = $begun; id = '{0c554c55-9a3c-4c55-9a3c-0f6a4d2f8b72}' } }
        @{ Kind = 'postcommand'; Values = [ordered]@{
                volume = 'D:\'; id = '8d2fa961c947442082decc7def607686'; command = 'echo after>"%IMAGEBACKUP_ROOT%\commands.log"'; timeoutSeconds = '300'; session = ''; limitSeconds = '300'
                'env.IMAGEBACKUP_VOLUME' = 'D%3A%5C'; 'env.IMAGEBACKUP_ID' = '8d2fa961c947442082decc7def607686' } })) {
    $values = [Collections.Generic.Dictionary[string, string]]::new()
    $record.Values.GetEnumerator() | ForEach-Object { $values.Add($_.Key, $_.Value) }
    $create.Invoke($null, @($windows, $record.Kind, $values)).Dispose()
}

# What the old build says of all that, on copies: it would undo and unlock.
Copy-Item /mnt/machine $work/machine -Recurse
Copy-Item $repository $work/repository -Recurse
$null = Connect-ImageRepository $work/repository -Password $first
$images = @(Get-ImageBackup -IncludeInactive)
Assert ($images.Count -eq 9) 'nine images'
$parents = @{}
restic -r $work/repository --no-lock --no-cache snapshots --json | ConvertFrom-Json | ForEach-Object { $parents[$_.id] = $_.parent }
Assert ($parents[$raw[3].Id] -eq $raw[2].Id) 'a chain of parents'
Assert ([bool]$rested.RestedBy) 'an image of a quiesced volume'
Assert ($frozen.SnapshotProvider -eq 'COMMAND') 'an image of a snapshot'
$images | Export-Clixml /mnt/images.xml
[pscustomobject]@{
    Images  = @(foreach ($image in $images) {
            $null = $image | Restore-VolumeImage -Destination $work/restored.img -Confirm:$false -Force
            $hash = (Get-FileHash $work/restored.img).Hash
            if ($hashes[$image.Id]) { Assert ($hash -eq $hashes[$image.Id]) "what was backed up in $($image.Id)" }
            [pscustomobject]@{ Id = $image.Id; Volume = $image.Volume; Sha256 = $hash; IsExpired = $image.IsExpired; RestedBy = $image.RestedBy; Parent = $parents[$image.Id]; ImageType = "$($image.ImageType)" }
        })
    Packs   = @(Get-Names data).Count
    NewPack = @(Get-Names data | Where-Object { $_ -notin $packs })
    Keys    = @(Get-ImageRepositoryKey | ForEach-Object Id)
} | ConvertTo-Json -Depth 4 | Set-Content /mnt/expected.json
Disconnect-ImageRepository
$null = New-Item -ItemType Directory $work/objects
& $PSScriptRoot/New-Objects.ps1 $work/objects | Export-Clixml /mnt/objects.xml -Depth 3
Assert ([bool](Import-Clixml /mnt/objects.xml).PendingUndo) 'an object that says what is to be undone'
Remove-Item /mnt/machine -Recurse -Force
Move-Item $work/machine /mnt/machine
$null = Export-ImageRepositoryPassword /mnt/password -Password $first -Confirm:$false
'Made.'
