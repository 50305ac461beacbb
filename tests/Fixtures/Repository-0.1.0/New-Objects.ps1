<#
.SYNOPSIS
Runs the imported module's cmdlets on small volumes of its own, and puts out one object of every kind that they have a view for.

.DESCRIPTION
Puts out a dictionary of name and object. New-Fixture.ps1 exports that of the old build by Export-Clixml; the test compares it with
what the same lines give today.
#>
[CmdletBinding()]
param(
    # An empty directory.
    [Parameter(Mandatory)]
    [string] $Path
)

$ErrorActionPreference = 'Stop'
$WarningPreference = 'SilentlyContinue'
$repository = Join-Path $Path 'repository'
$volume = Join-Path $Path 'volume.img'
$rules = Join-Path $Path 'image.rules'
$classes = Join-Path $Path 'classes.json'
$snapshots = Join-Path $Path 'snapshots.json'
$text = 'objects of every kind'
$password = ConvertTo-SecureString $text -AsPlainText -Force
$common = @{ RulePath = $rules; ClassPath = $classes }
$objects = [ordered]@{}

# Content that does not compress: damage to a pack is damage to a chunk.
$bytes = [byte[]]::new(300KB)
[Random]::new(18).NextBytes($bytes)
[IO.File]::WriteAllBytes($volume, $bytes)

# What a killed run left, if the caller has put a record in its place.
$objects.PendingUndo = Repair-ImageVolume | Select-Object -First 1

$objects.Class = Set-ManagementClass FIXTURE -Description 'of the fixture' -VersionsExist 2 -VersionsDeleted 1 -RetainExtra NoLimit -RetainOnly NoLimit -Default -ClassPath $classes -PassThru -Confirm:$false
$objects.Rule = Set-IncludeImage (Join-Path $Path '*') -ManagementClass FIXTURE -GapSize 64k @common -PassThru -Confirm:$false
$objects.Domain = Set-ImageDomain $volume @common -PassThru -Confirm:$false
$provider, $commands = if ($IsWindows) { 'WMI', @{} } else { 'COMMAND', @{ CreateCommand = 'make it'; RemoveCommand = 'drop it' } }
$objects.Provider = Set-SnapshotProvider $provider @commands -CacheSize 15 -Path $snapshots -PassThru -Confirm:$false | Where-Object Name -EQ $provider
$objects.RuleTest = Test-IncludeImage $volume @common
$objects.Volume = Get-ImageVolume $volume
$objects.SnapshotTrial = Test-SnapshotProvider $volume -Name NONE -ErrorAction SilentlyContinue | Select-Object -First 1

$null = Initialize-ImageRepository $repository -Password $password
$objects.Connection = Connect-ImageRepository $repository -Password $password
$objects.Image = Backup-VolumeImage $volume @common -ImageType Static -ChunkSize 64KB -Confirm:$false
$objects.Job = Backup-VolumeImage $volume @common -ImageType Static -ChunkSize 64KB -AsJob -Confirm:$false
$null = $objects.Job | Wait-Job
$objects.Restored = $objects.Image | Restore-VolumeImage -Destination (Join-Path $Path 'restored.img') -Confirm:$false
$objects.Verified = $objects.Image | Test-ImageBackup
$objects.Key = Get-ImageRepositoryKey
$objects.Check = Test-ImageRepository
$objects.Optimized = Optimize-ImageRepository -Confirm:$false
$null = New-Item (Join-Path $repository "locks/$('0' * 64)")
$objects.Lock = Unlock-ImageRepository -Unreadable -Confirm:$false

# Of the largest pack, which holds the volume's chunks.
$pack = Get-ChildItem (Join-Path $repository 'data') -Recurse -File | Sort-Object Length | Select-Object -Last 1
$stored = [IO.File]::ReadAllBytes($pack.FullName)
$stored[70000] = $stored[70000] -bxor 1
$pack.IsReadOnly = $false
[IO.File]::WriteAllBytes($pack.FullName, $stored)
$objects.DamagedImageTest = $objects.Image | Test-ImageBackup -ErrorAction SilentlyContinue
$objects.DamagedRange = @($objects.DamagedImageTest.DamagedRanges)[0]
$objects.DamagedCheck = Test-ImageRepository -ReadData -ErrorAction SilentlyContinue
$objects.Problem = @($objects.DamagedCheck.Problems)[0]
$objects.Repaired = Repair-ImageRepository -ReadData -Confirm:$false
$objects.DamagedImage = @($objects.Repaired.DamagedImages)[0]
Disconnect-ImageRepository
$objects
