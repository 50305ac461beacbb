<#
.SYNOPSIS
The first hour with the module, as a newcomer spends it, and a proof of each step: a first backup, the nightly script, a disk that is
lost and restored, a password that is changed, a repository that is damaged and repaired.

.DESCRIPTION
It needs a PowerShell that has the module imported, and no root. It works in a directory of its own, which goes at the end. Each
step says what it does; the first that is not as it should be ends the script with an error. tests/Pester/QuickStart.Tests.ps1 runs it.
#>
param(
    # The PowerShell that runs the nightly script: a program and its first arguments.
    [string[]] $PowerShell = 'pwsh'
)

$ErrorActionPreference = 'Stop'
$here = [IO.Directory]::CreateTempSubdirectory('imagebackup-hour-').FullName
$topic = Join-Path (Split-Path (Split-Path $PSScriptRoot)) 'en-US/about_ImageBackup_Schedule.help.txt'
$manifest = (Get-Module ImageBackup).Path -replace '\.psm1$', '.psd1'

function Step([string] $What) { "`n== $What" }
function Assert([bool] $IsSo, [string] $What) {
    if (-not $IsSo) { throw "Not so: $What" }
    "   so: $What"
}
function ErrorOf([scriptblock] $Command) {
    try { $null = & $Command } catch { return $_ }
    throw "No error came of: $Command"
}
function IdOf($failure) { $failure.FullyQualifiedErrorId.Split(',')[0] }
# The files of a kind, the largest last.
function FilesOf([string] $Kind) { @(Get-ChildItem (Join-Path $repository $Kind) -Recurse -File | Sort-Object Length) }
function Sentence([string] $Text) { ConvertTo-SecureString $Text -AsPlainText -Force }

try {
    $disk = Join-Path $here 'disk.img'
    $bytes = [byte[]]::new(8MB)
    [Random]::new(20).NextBytes($bytes)
    [Array]::Clear($bytes, 3MB, 2MB)
    [IO.File]::WriteAllBytes($disk, $bytes)
    $hash = (Get-FileHash $disk).Hash
    $repository = Join-Path $here 'images'
    $password = Sentence 'a long sentence'

    Step 'The README: a repository, a first backup, what there is'
    Initialize-ImageRepository $repository -Password $password | Connect-ImageRepository | Out-Default
    Get-ImageVolume $disk | Format-List | Out-Default
    $whatIf = Backup-VolumeImage $disk -WhatIf
    Assert ($null -eq $whatIf -and -not (Get-ImageBackup -WarningAction SilentlyContinue)) '-WhatIf makes no image'
    $first = Backup-VolumeImage $disk -WarningVariable told -WarningAction SilentlyContinue
    $first | Out-Default
    Assert ("$told" -match 'is stored whole') 'a volume without a file system is stored whole, which is said'
    Assert ($first.SizeBytes -eq 8MB -and $first.StoredBytes -lt 7MB) 'zeroes take no space'
    $bytes[5MB] = $bytes[5MB] -bxor 1
    [IO.File]::WriteAllBytes($disk, $bytes)
    $hash = (Get-FileHash $disk).Hash
    $second = Backup-VolumeImage $disk -WarningAction SilentlyContinue
    Assert ($second.NewChunkCount -eq 1) 'the second backup stores what changed: one chunk'
    Get-ImageBackup | Out-Default

    Step 'A night: the script of about_ImageBackup_Schedule'
    # On Windows the exported file is protected, which restic's variable does not know: there the file is restic's, of plain text.
    if ($IsWindows) { [IO.File]::WriteAllText((Join-Path $here 'images.password'), 'a long sentence') }
    else { $null = Export-ImageRepositoryPassword (Join-Path $here 'images.password') -Password $password }
    $text = [IO.File]::ReadAllText($topic).Replace("`r`n", "`n")
    $nightly = [regex]::Match($text, '(?ms)^        #!/usr/bin/env -S pwsh.*?^        exit [^\n]*\n').Value -replace '(?m)^ {8}', ''
    Assert ($nightly -match 'Get-ImageVolume') 'the topic has the script'
    # The volumes of this machine are not this script's to back up.
    $nightly = [regex]::Replace($nightly.Replace('/backup/images', $repository), '(?s)Get-ImageVolume.*?Backup-VolumeImage', "Get-Item '$disk' | Backup-VolumeImage")
    $nightly = $nightly.Replace('Import-Module ImageBackup', "Import-Module '$manifest'")
    $script = Join-Path $here 'nightly.ps1'
    [IO.File]::WriteAllText($script, $nightly)
    $env:RESTIC_PASSWORD_FILE = Join-Path $here 'images.password'
    $program, $rest = $PowerShell[0], @($PowerShell | Select-Object -Skip 1)
    $said = & $program @rest -NoProfile -NonInteractive -File $script *>&1
    Assert ($LASTEXITCODE -eq 0) "it ends with 0: $LASTEXITCODE $said"
    Assert (@(Get-ImageBackup $disk | Where-Object Tags -Contains 'nightly').Count -eq 1) 'its image has the tag'
    [IO.File]::Move($disk, "$disk.away")
    $said = & $program @rest -NoProfile -NonInteractive -File $script *>&1
    Assert ($LASTEXITCODE -ne 0) "a volume that is not there is a failure: $LASTEXITCODE"

    Step 'The disk is lost'
    [IO.File]::Delete("$disk.away")
    Disconnect-ImageRepository
    $env:RESTIC_PASSWORD_FILE = $null
    Assert ((IdOf (ErrorOf { Get-ImageBackup -Repository $repository -Password (Sentence 'a short one') })) -eq 'WrongPassword') 'a wrong password opens nothing'
    $null = Connect-ImageRepository $repository -Password $password
    $result = Get-ImageBackup $disk | Sort-Object Time | Select-Object -Last 1 | Restore-VolumeImage -Destination $disk -VerifyTarget -Confirm:$false
    $result | Out-Default
    Assert ((Get-FileHash $disk).Hash -eq $hash) 'every byte of the disk is back'
    Assert ((IdOf (ErrorOf { Get-ImageBackup $disk | Select-Object -Last 1 | Restore-VolumeImage -Destination (Join-Path $here 'no/such/place.img') -Confirm:$false })) -ne 'Unexpected') 'a place that is not there is refused'

    Step 'The password is changed'
    $new = Sentence 'a longer sentence'
    $null = Set-ImageRepositoryPassword -NewPassword $new -Confirm:$false
    Disconnect-ImageRepository
    Assert ((IdOf (ErrorOf { Get-ImageBackup -Repository $repository -Password $password })) -eq 'WrongPassword') 'the old one opens nothing any more'
    $null = Connect-ImageRepository $repository -Password $new
    Assert (@(Get-ImageRepositoryKey).Count -eq 1) 'there is one key'
    Assert (@(Get-ImageBackup -IncludeInactive).Count -ge 2) 'the images are there'

    Step 'The repository is damaged: its index is lost'
    FilesOf index | Remove-Item -Force
    $check = Test-ImageRepository -ErrorAction SilentlyContinue -ErrorVariable failures -WarningAction SilentlyContinue
    Assert (-not $check.IsHealthy) 'the check finds it'
    Assert ("$($failures.ErrorDetails.RecommendedAction)" -match 'Repair-ImageRepository') 'and recommends Repair-ImageRepository'
    $null = Repair-ImageRepository -Confirm:$false
    Assert ((Test-ImageRepository -ReadData).IsHealthy) 'it is whole again'

    Step 'The repository is damaged: a pack is'
    $pack = (FilesOf 'data')[-1].FullName
    $stored = [IO.File]::ReadAllBytes($pack)
    $stored[70000] = $stored[70000] -bxor 1
    Set-ItemProperty $pack IsReadOnly $false
    [IO.File]::WriteAllBytes($pack, $stored)
    $check = Test-ImageRepository -ReadData -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
    $check | Out-Default
    Assert (-not $check.IsHealthy) 'the check finds it'
    $null = Repair-ImageRepository -ReadData -Confirm:$false -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
    $healed = Backup-VolumeImage $disk -WarningAction SilentlyContinue
    Assert ($healed.NewChunkCount -ge 1) 'the next backup stores again what was lost'
    $target = Join-Path $here 'healed.img'
    $null = $healed | Restore-VolumeImage -Destination $target -Confirm:$false
    Assert ((Get-FileHash $target).Hash -eq $hash) 'and its image restores'
    Assert ((Test-ImageRepository -ReadData -WarningAction SilentlyContinue).IsHealthy) 'the repository is whole again'

    "`nThe hour is over: everything was as it should be."
}
finally {
    $env:RESTIC_PASSWORD_FILE = $null
    Disconnect-ImageRepository -ErrorAction Ignore
    [IO.Directory]::Delete($here, $true)
}
