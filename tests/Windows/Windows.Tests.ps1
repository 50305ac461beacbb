# What only a real Windows can prove, in ten points: README.md beside this file has them as commands to type. Each is skipped with its
# reason if the machine lacks what it needs. What is destructive goes to VHDX files that the test makes itself (TestDisk.psm1).

BeforeDiscovery {
    Import-Module $PSScriptRoot/TestDisk.psm1 -Force
    $whyNoDisk = Get-TestDiskObstacle
    $isWine = -not $whyNoDisk -and (Test-Wine)
    $isReal = -not $whyNoDisk -and -not $isWine
    $whyNotReal = if ($whyNoDisk) { $whyNoDisk } elseif ($isWine) { 'this is Wine' }
    $hasBitLocker = [bool] (Get-Command Enable-BitLocker -ErrorAction Ignore)
    $windowsPowerShell = if ($isReal) { (Get-Command powershell.exe -CommandType Application -ErrorAction Ignore).Source }
}

BeforeAll {
    Import-Module $PSScriptRoot/TestDisk.psm1 -Force
    $whyNoDisk = Get-TestDiskObstacle
    $whyNotReal = if (-not $whyNoDisk -and (Test-Wine)) { 'this is Wine' }
    . $PSScriptRoot/../Pester/Suite.ps1
    foreach ($reason in @($whyNoDisk) + @($whyNotReal) | Where-Object { $_ } | Select-Object -Unique) { Write-Host "Skipped if a real Windows is needed: $reason." }
    $disks = [Collections.Generic.List[object]]::new()
    function NewDisk([string] $Label, [string] $FileSystem = 'ntfs', [int] $SizeMB = 256) {
        $disk = New-TestDisk -Directory $work -Label $Label -FileSystem $FileSystem -SizeMB $SizeMB
        $disks.Add($disk)
        $disk
    }
    function ShadowCount { @(Get-CimInstance Win32_ShadowCopy).Count }
    $null = Initialize-ImageRepository (Join-Path $work 'images') -Password $password | Connect-ImageRepository
}

AfterAll {
    $disks | Remove-TestDisk
    Disconnect-ImageRepository -ErrorAction Ignore
    Remove-Work
}

Describe '1 The machine' -Tag 'Windows' -Skip:([bool] $whyNoDisk) {
    It 'has what backups of whole volumes need' {
        $checks = Test-ImageBackupHost
        $checks | Where-Object State -EQ 'Failed' | ForEach-Object { "$_" } | Should -BeNullOrEmpty
        # What it lacks comes with what to do.
        $checks | Where-Object { $_.State -ne 'Passed' -and -not $_.Remedy } | ForEach-Object { "$_" } | Should -BeNullOrEmpty
    }
}

Describe '2 The volumes' -Tag 'Windows' -Skip:([bool] $whyNotReal) {
    It 'are those that Windows has, with their sizes and labels' {
        foreach ($volume in Get-Volume | Where-Object { $_.DriveLetter -and $_.Size -gt 0 -and $_.DriveType -eq 'Fixed' }) {
            $ours = $volume | Get-ImageVolume
            $ours.Name | Should -Be "$($volume.DriveLetter):"
            # Windows counts the file system, we the partition.
            $ours.SizeBytes | Should -BeGreaterOrEqual $volume.Size
            $ours.SizeBytes - $volume.Size | Should -BeLessThan 16MB
            "$($ours.Label)" | Should -Be "$($volume.FileSystemLabel)"
        }
    }
}

Describe '3 A static image of an NTFS volume' -Tag 'Windows' -Skip:([bool] $whyNoDisk) {
    It 'is taken of the locked volume, which is there again afterwards, and comes back on another' {
        $source = NewDisk SOURCE
        Add-TestFile $source.Root 3
        $before = Get-TestFileHash $source.Root
        $image = Backup-VolumeImage $source.Letter -ImageType Static -ErrorAction Stop
        $image.ImageType | Should -Be 'Static'
        $image.IsFuzzy | Should -BeFalse
        $image.FileSystem | Should -Be 'ntfs'
        $image.UsedMapSource | Should -BeIn 'ntfs', 'windows'
        $image.UsedBytes | Should -BeLessThan $image.SizeBytes
        # Wine's dismount really unmounts, and the restore needs it so: tests/Wine compares the files there.
        if (-not (Test-Wine)) { Get-TestFileHash $source.Root | Should -Be $before }
        $target = NewDisk TARGET
        $image | Restore-VolumeImage -Destination $target.Letter -Force -VerifyTarget -Confirm:$false -ErrorAction Stop | Out-Null
        if (-not (Test-Wine)) {
            Get-TestFileHash $target.Root | Should -Be $before
            chkdsk.exe $target.Letter | Out-Null
            $LASTEXITCODE | Should -Be 0 -Because 'chkdsk finds nothing'
        }
    }
}

Describe '4 A snapshot' -Tag 'Windows' -Skip:([bool] $whyNotReal) {
    It 'shows one moment of a volume that a program writes to, and nothing is left of it' {
        $source = NewDisk SNAP
        Add-TestFile $source.Root 4
        $before = Get-TestFileHash $source.Root
        $shadows = ShadowCount
        $writer = Start-Job { param($file) while ($true) { Add-Content -LiteralPath $file 'a line'; Start-Sleep -Milliseconds 20 } } -ArgumentList "$($source.Root)written.txt"
        try {
            $image = Backup-VolumeImage $source.Letter -ImageType Snapshot -NoFailover -ErrorAction Stop
        }
        finally {
            $writer | Stop-Job -PassThru | Remove-Job
        }
        $image.SnapshotProvider | Should -BeIn 'VSS', 'WMI'
        $image.IsFuzzy | Should -BeFalse
        ShadowCount | Should -Be $shadows
        $target = NewDisk SNAPTARGET
        $image | Restore-VolumeImage -Destination $target.Letter -Force -Confirm:$false -ErrorAction Stop | Out-Null
        Get-TestFileHash $target.Root | Where-Object { $_ -notlike '*written.txt*' } | Should -Be $before
    }
}

Describe '5 The system''s volume' -Tag 'Windows' -Skip:([bool] $whyNoDisk) {
    It 'is never locked' {
        { Backup-VolumeImage $env:SystemDrive -ImageType Static -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeNeeded,*'
    }

    It 'would be taken by a snapshot' -Skip:([bool] $whyNotReal) {
        (Get-SnapshotProvider | Where-Object IsUsable).Name | Should -Not -BeNullOrEmpty
        { Backup-VolumeImage $env:SystemDrive -ImageType Snapshot -NoFailover -WhatIf -ErrorAction Stop } | Should -Not -Throw
        $volume = Get-ImageVolume $env:SystemDrive
        $volume.CanImage | Should -BeTrue
        $volume.ImageType | Should -Be 'Snapshot'
    }
}

Describe '6 BitLocker' -Tag 'Windows' -Skip:([bool] $whyNotReal -or -not $hasBitLocker) {
    It 'a volume that is unlocked is imaged by its files, one that is locked whole' {
        $source = NewDisk LOCKED -SizeMB 512
        Add-TestFile $source.Root 6
        $null = Enable-BitLocker -MountPoint $source.Letter -PasswordProtector -Password $password -UsedSpaceOnly -EncryptionMethod XtsAes128
        for ($i = 0; $i -lt 300 -and (Get-BitLockerVolume $source.Letter).VolumeStatus -ne 'FullyEncrypted'; $i++) { Start-Sleep 1 }
        (Backup-VolumeImage $source.Letter -ImageType Static -ErrorAction Stop).FileSystem | Should -Be 'ntfs'
        $null = Lock-BitLocker -MountPoint $source.Letter -ForceDismount
        $locked = Backup-VolumeImage $source.Letter -ImageType Dynamic -ErrorAction Stop -WarningAction SilentlyContinue
        $locked.FileSystem | Should -Be 'bitlocker'
        $locked.UsedMapSource | Should -BeNullOrEmpty
    }
}

Describe '7 ReFS' -Tag 'Windows' -Skip:([bool] $whyNotReal) {
    It 'comes back with every file' {
        # ReFS wants two gigabytes at least, and client editions may not format it.
        try { $source = NewDisk REFS -FileSystem refs -SizeMB 4096 } catch { Set-ItResult -Skipped -Because "this edition formats no ReFS: $_" }
        Add-TestFile $source.Root 7
        $before = Get-TestFileHash $source.Root
        $image = Backup-VolumeImage $source.Letter -ImageType Static -ErrorAction Stop -WarningAction SilentlyContinue
        $target = NewDisk REFSTARGET -SizeMB 4096
        $image | Restore-VolumeImage -Destination $target.Letter -Force -VerifyTarget -Confirm:$false -ErrorAction Stop | Out-Null
        Get-TestFileHash $target.Root | Should -Be $before
    }
}

Describe '8 The event log' -Tag 'Windows' -Skip:([bool] $whyNotReal) {
    It 'tells of an image and of a failure' {
        $since = [datetime]::Now.AddSeconds(-1)
        $file = Join-Path $work 'event.img'
        New-TestVolume $file
        $null = Backup-VolumeImage $file -WarningAction SilentlyContinue
        Backup-VolumeImage (Join-Path $work 'absent.img') -ErrorAction SilentlyContinue
        $events = Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = 'ImageBackup'; StartTime = $since }
        $events.Message | Where-Object { $_ -like '*event.img*' } | Should -Not -BeNullOrEmpty
        $events | Where-Object { $_.LevelDisplayName -eq 'Error' -and $_.Message -like '*absent.img*' } | Should -Not -BeNullOrEmpty
    }
}

Describe '9 A backup that is killed' -Tag 'Windows' -Skip:([bool] $whyNotReal) {
    It 'leaves no snapshot that the next command does not name and remove' {
        $source = NewDisk KILLED -SizeMB 1024
        $bytes = [byte[]]::new(8MB)
        foreach ($i in 1..80) { [Random]::new($i).NextBytes($bytes); [IO.File]::WriteAllBytes("$($source.Root)$i.bin", $bytes) }
        $shadows = ShadowCount
        $env:RESTIC_PASSWORD = $secretText
        try {
            $killed = Start-Process $pwsh[0] -PassThru -ArgumentList (@($pwsh | Select-Object -Skip 1) + @('-NoProfile', '-NonInteractive', '-Command',
                    "Import-Module '$env:IMAGEBACKUP_MANIFEST'; Backup-VolumeImage $($source.Letter) -ImageType Snapshot -NoFailover -Repository '$(Join-Path $work 'images')'"))
            for ($i = 0; $i -lt 600 -and -not $killed.HasExited -and (ShadowCount) -eq $shadows; $i++) { Start-Sleep -Milliseconds 50 }
            $killed | Stop-Process -Force -ErrorAction Ignore
            $killed.WaitForExit()
        }
        finally {
            $env:RESTIC_PASSWORD = $null
        }
        Repair-ImageVolume -Confirm:$false | Out-Null
        ShadowCount | Should -Be $shadows
        # It is whole, and can be imaged.
        (Backup-VolumeImage $source.Letter -ImageType Static -ErrorAction Stop).IsFuzzy | Should -BeFalse
    }
}

Describe '10 Windows PowerShell 5.1' -Tag 'Windows' -Skip:([bool] $whyNotReal -or -not $windowsPowerShell) {
    It 'does the main job' {
        $source = NewDisk FIVEONE
        Add-TestFile $source.Root 10
        $script = Join-Path $work 'five.ps1'
        [IO.File]::WriteAllText($script, @"
`$ErrorActionPreference = 'Stop'
Import-Module '$env:IMAGEBACKUP_MANIFEST'
`$password = ConvertTo-SecureString '$secretText' -AsPlainText -Force
`$null = Initialize-ImageRepository '$(Join-Path $work 'five')' -Password `$password | Connect-ImageRepository
`$image = Get-Volume -DriveLetter $($source.Letter[0]) | Backup-VolumeImage -ImageType Static
`$image | Restore-VolumeImage -Destination '$(Join-Path $work 'five.img')' -VerifyTarget -Confirm:`$false | Out-Null
"healthy `$((Test-ImageRepository -ReadData).IsHealthy) `$(`$image.ImageType) `$(@(Get-ImageItem -Image `$image -Path /folder1).Count)"
"@)
        $output = & $windowsPowerShell -NoProfile -ExecutionPolicy Bypass -File $script
        $output | Select-Object -Last 1 | Should -Match '^healthy True Static [1-9]'
    }
}
