BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    $second = Join-Path $work 'second.img'
    New-TestVolume $volume 1
    New-TestVolume $second 2
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
}

AfterAll {
    Disconnect-ImageRepository
    Remove-Work
}

Describe 'Backup-VolumeImage' {
    It 'gives the image that Get-ImageBackup then shows' {
        $image = Backup-VolumeImage $volume -Tag pester
        $image.SizeBytes | Should -Be (Get-Item $volume).Length
        $image.ImageType | Should -Be 'Static'
        $image.Tags | Should -Contain 'pester'
        (Get-ImageBackup -Id $image.ShortId).Id | Should -Be $image.Id
    }

    It 'tells the error log of a volume that is not there' {
        $log = (New-Item -ItemType Directory (Join-Path $work 'log')).FullName
        $env:IMAGEBACKUP_LOG = $log
        try {
            $ids = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command {
                param($manifest, $location, $secretText, $volume)
                Import-Module $manifest
                Backup-VolumeImage $volume -Repository $location -Password (ConvertTo-SecureString $secretText -AsPlainText -Force) -ErrorVariable failed -ErrorAction SilentlyContinue
                $failed | ForEach-Object { $_.FullyQualifiedErrorId.Split(',')[0] }
            } -args $env:IMAGEBACKUP_MANIFEST, $location, $secretText, (Join-Path $work 'gone.img')
        }
        finally { $env:IMAGEBACKUP_LOG = $null }
        $ids | Should -Be 'VolumeNotFound'
        Get-Content (Join-Path $log 'error.log') -Raw | Should -Match '3000.*The backup of .*gone\.img'' failed: '
    }

    It 'ends each backup with six lines of -Verbose, and the image has their figures' {
        $out = Backup-VolumeImage $volume, $second -Verbose 4>&1
        foreach ($image in $out | Where-Object { $_ -isnot [Management.Automation.VerboseRecord] }) {
            $lines = @($out | Where-Object { $_ -is [Management.Automation.VerboseRecord] -and "$_" -match "^$([regex]::Escape($image.Volume)): (Read|Used|Changed|Stored|Time|Rate): " } | ForEach-Object { "$_".Substring($image.Volume.Length + 2) })
            $lines -replace ':.*' | Should -Be 'Read', 'Used', 'Changed', 'Stored', 'Time', 'Rate'
            # The image comes after its lines.
            [array]::IndexOf($out, $image) | Should -BeGreaterThan ([array]::IndexOf(@($out | ForEach-Object { "$_" }), "$($image.Volume): $($lines[5])"))
            $image.ReadBytes | Should -BeGreaterThan 0
            $image.ReadBytes | Should -BeLessOrEqual $image.SizeBytes
            $image.ChangedBytes | Should -BeGreaterOrEqual 0
            ($image.PreparationTime + $image.CopyTime + $image.RecordTime).TotalSeconds | Should -BeGreaterThan 0
            # What was not recorded is not made up.
            (Get-ImageBackup -Id $image.Id).ReadBytes | Should -BeNullOrEmpty
        }
        $new = Join-Path $work 'figures.raw'
        New-TestVolume $new 99
        $image = Backup-VolumeImage $new
        # Half a MiB of it are zeros, in one of its three chunks or not.
        $image.ChangedBytes | Should -BeGreaterThan 1MB
        (Backup-VolumeImage $new).ChangedBytes | Should -Be 0
    }

    It 'writes no progress where the output is redirected' {
        $out = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command "Import-Module '$env:IMAGEBACKUP_MANIFEST'; `$p = ConvertTo-SecureString '$secretText' -AsPlainText -Force; `$null = Backup-VolumeImage '$volume', '$second' -Repository '$location' -Password `$p -WarningAction Ignore; 'done'" 2>&1
        $out | Should -Be 'done'
    }

    It 'takes <Name> by the pipeline' -ForEach @(
        @{ Name = 'a path'; Make = { param($v) $v } }
        @{ Name = 'a file'; Make = { param($v) Get-Item $v } }
        @{ Name = 'an object of Get-ImageVolume'; Make = { param($v) Get-ImageVolume $v } }
        @{ Name = 'an MSFT_Volume-shaped object'; Make = { param($v) [pscustomobject]@{ DriveLetter = [char]0; Path = $v; UniqueId = 'u'; FileSystemLabel = '' } } }
        @{ Name = 'an object with a property Volume'; Make = { param($v) [pscustomobject]@{ Volume = $v } } }
        @{ Name = 'lsblk -J''s document'; Make = { param($v) '{"blockdevices":[{"name":"x","path":' + (ConvertTo-Json $v) + ',"size":5,"type":"disk"}]}' | ConvertFrom-Json } }
        @{ Name = 'a device of lsblk -J with children'; Make = { param($v) ('{"name":"x","path":"/nope","children":[{"name":"y","path":' + (ConvertTo-Json $v) + '}]}' | ConvertFrom-Json) } }
        @{ Name = 'an image of its own'; Make = { param($v) Get-ImageBackup $v } }
    ) {
        $image = & $Make $volume | Backup-VolumeImage
        $image.Volume | Should -Be $volume
    }

    It 'goes on after a volume that fails' {
        $images = $volume, (Join-Path $work 'absent.img'), [pscustomobject]@{ Colour = 'red' }, $second |
            Backup-VolumeImage -ErrorVariable failures -ErrorAction SilentlyContinue
        $images.Volume | Should -Be $volume, $second
        ErrorId $failures | Should -Be 'VolumeNotFound', 'ParameterInvalid', 'SomeVolumesFailed'
        $failures[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'stops with -ErrorAction Stop' {
        { './absent.img', $second | Backup-VolumeImage -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeNotFound,*'
    }

    It 'writes nothing with -WhatIf' {
        $before = TreeState $location
        Backup-VolumeImage $volume -WhatIf | Should -BeNullOrEmpty
        TreeState $location | Should -Be $before
    }

    It 'takes the chunk size <_>' -ForEach 64KB, '128KiB', '1MB', '4 MiB' {
        $image = Backup-VolumeImage $second -ChunkSize $_
        $image.ChunkSizeBytes | Should -BeIn 65536, 131072, 1048576, 4194304
    }

    It 'refuses <Arguments> with <Id>' -ForEach @(
        @{ Arguments = @{ ChunkSize = 100000 }; Id = 'ParameterInvalid,*' }
        @{ Arguments = @{ ImageType = 'Snapshot'; SnapshotProvider = $(if ($IsWindows) { 'WMI' } else { 'LINUX_LVM' }); NoFailover = $true }; Id = 'SnapshotUnavailable,*' }
        @{ Arguments = @{ SnapshotProvider = 'Nothing' }; Id = 'SnapshotProviderNotFound,*' }
        @{ Arguments = @{ Tag = 'a,b' }; Id = 'ParameterInvalid,*' }
        @{ Arguments = @{ ThrottleLimit = 0 }; Id = 'ParameterArgumentValidationError,*' }
    ) {
        { Backup-VolumeImage $volume @Arguments } | Should -Throw -ErrorId $Id
    }

    It 'says that no volume was named' {
        { Backup-VolumeImage } | Should -Throw -ErrorId 'NoVolume,*'
    }

    It 'stores nothing again that is there' {
        $first = Backup-VolumeImage $second
        $again = Backup-VolumeImage $second
        $again.NewChunkCount | Should -Be 0
        $again.Id | Should -Not -Be $first.Id
    }

    It 'has objects that Export-Csv, ConvertTo-Json and Select-Object take' {
        $image = Get-ImageBackup -Volume $volume
        ($image | ConvertTo-Csv | ConvertFrom-Csv).Volume | Should -Be $volume
        ($image | ConvertTo-Json -WarningVariable cut | ConvertFrom-Json).Id | Should -Be $image.Id
        # Nothing of an image lies deeper than JSON's default goes.
        $cut | Should -BeNullOrEmpty
        ($image | Select-Object SizeBytes).SizeBytes | Should -BeOfType [long]
    }
}

Describe 'Backup-VolumeImage of volumes that cannot all be imaged' {
    BeforeAll {
        # What mkswap writes: nothing else of a swap area means anything.
        $swap = Join-Path $work 'swap.img'
        $bytes = [byte[]]::new(1MB)
        [Text.Encoding]::ASCII.GetBytes('SWAPSPACE2').CopyTo($bytes, 4086)
        $bytes[1024] = 1
        $bytes[1028] = 255
        [IO.File]::WriteAllBytes($swap, $bytes)
        $absent = Join-Path $work 'absent.img'
        # A script of its own, so that the exit code is the one that a scheduler sees.
        function Invoke-Night([string] $Pipeline) {
            $script = Join-Path $work 'night.ps1'
            Set-Content $script "Import-Module '$env:IMAGEBACKUP_MANIFEST'; `$failures = @(); $Pipeline -Repository '$location' -Confirm:`$false -ErrorVariable +failures | ForEach-Object { `"image of `$(`$_.Volume)`" }; exit (Get-ImageBackupExitCode `$failures)"
            $env:RESTIC_PASSWORD = $secretText
            try { & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -File $script 2>&1 | Out-String -Width 400 }
            finally { $env:RESTIC_PASSWORD = $null }
        }
    }

    It 'shows by CanImage and Reason what is passed over' {
        $found = Get-ImageVolume $volume, $swap
        $found.CanImage | Should -Be $true, $false
        $found[0].Reason | Should -BeNullOrEmpty
        $found[1].Reason | Should -Be 'it is a swap area, which holds nothing after a restart'
        $found[1] | Format-List | Out-String -Width 200 | Should -Match 'CanImage\s*: no: it is a swap area'
        $rules = Join-Path $work 'excluded.rules'
        Set-Content $rules "exclude.image $volume"
        (Get-ImageVolume $volume -RulePath $rules).Reason | Should -BeLike 'the rule exclude.image * excludes it'
    }

    It 'passes over an object of the pipeline with a warning' {
        $image = Get-ImageVolume $swap, $second | Backup-VolumeImage -WarningVariable warnings -WarningAction SilentlyContinue -ErrorAction Stop
        $image.Volume | Should -Be $second
        "$($warnings[0])" | Should -Be "'$swap' is passed over: it is a swap area, which holds nothing after a restart."
    }

    It 'passes over a volume of the domain with a warning' {
        $rules = Join-Path $work 'domain.rules'
        Set-Content $rules "domain.image $swap $second"
        $image = Backup-VolumeImage -RulePath $rules -WarningVariable warnings -WarningAction SilentlyContinue -ErrorAction Stop
        $image.Volume | Should -Be $second
        "$($warnings[0])" | Should -BeLike "'$swap' is passed over: *"
    }

    It 'says that nothing was backed up if all were passed over' {
        { Get-ImageVolume $swap | Backup-VolumeImage -WarningAction SilentlyContinue -ErrorAction Stop } | Should -Throw -ErrorId 'NoVolume,*'
    }

    It 'refuses it by name, and takes it if the type is named' {
        { Backup-VolumeImage $swap -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeNotImageable,*'
        $image = Backup-VolumeImage $swap -ImageType Dynamic -WarningAction SilentlyContinue
        $image.Volume | Should -Be $swap
        $image | Remove-ImageBackup -Confirm:$false
    }

    It 'names in one last error what failed' {
        $images = $volume, $absent, $second, [pscustomobject]@{ Colour = 'red' } | Backup-VolumeImage -ErrorVariable failures -ErrorAction SilentlyContinue
        $images.Volume | Should -Be $volume, $second
        ErrorId $failures | Should -Be 'VolumeNotFound', 'ParameterInvalid', 'SomeVolumesFailed'
        $failures[-1].Exception.Message | Should -BeLike "2 of 4 volumes were not backed up: '$absent' (VolumeNotFound), '*' (ParameterInvalid)."
    }

    It 'has no last error for one volume, and none if all is well' {
        Backup-VolumeImage $absent -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'VolumeNotFound'
        $null = $volume, $second | Backup-VolumeImage -ErrorVariable failures
        $failures | Should -BeNullOrEmpty
    }

    It 'counts the failures of a snapshot set too' {
        $null = $volume, $absent, $second | Backup-VolumeImage -SnapshotSet -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'VolumeNotFound', 'SomeVolumesFailed'
    }

    It 'ends a script with <Code> after <Case>' -ForEach @(
        @{ Case = 'a volume passed over'; Code = 0; Volumes = { "Get-ImageVolume '$swap', '$second'" }; Like = "*WARNING: 'SWAP' is passed over*image of SECOND*" }
        @{ Case = 'a volume that failed in the middle'; Code = 1; Volumes = { "'$volume', '$absent', '$second'" }; Like = '*image of VOLUME*no volume*image of SECOND*1 of 3 volumes was not backed up*' }
    ) {
        $said = Invoke-Night "$(& $Volumes) | Backup-VolumeImage"
        $LASTEXITCODE | Should -Be $Code -Because $said
        $said -replace '\x1b\[[0-9;]*m' | Should -BeLike $Like.Replace('SWAP', $swap).Replace('SECOND', $second).Replace('VOLUME', $volume)
    }
}

Describe 'Get-ImageBackup' {
    It 'shows active images by default and all with -IncludeInactive' {
        $null = Backup-VolumeImage $second
        @(Get-ImageBackup -Volume $second).Count | Should -Be 1
        @(Get-ImageBackup -Volume $second -IncludeInactive).Count | Should -BeGreaterThan 1
    }

    It 'goes back in time' {
        $now = Get-Date
        Start-Sleep -Milliseconds 1100
        $null = Backup-VolumeImage $second
        (Get-ImageBackup -Volume $second -PointInTime $now).BackupTime | Should -BeLessOrEqual $now
    }

    It 'writes an error for an id that nothing has' {
        Get-ImageBackup -Id ffffffff -ErrorVariable failure -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ErrorId $failure | Should -Be 'ImageNotFound'
    }

    It 'takes wildcards' {
        @(Get-ImageBackup -Volume (Join-Path $work '*.img')).Count | Should -Be 2
    }
}

Describe 'Views' {
    It 'show an image as a table with sizes that can be read' {
        $text = Get-ImageBackup -Volume $volume | Out-String -Width 120
        $text | Should -Match 'Volume\s+Time\s+Size\s+Stored\s+Type\s+Id'
        $text | Should -Match '2 MiB'
        $text | Should -Match 'Static'
    }

    It 'show an image as a list with the exact size' {
        $text = Get-ImageBackup -Volume $volume | Format-List | Out-String -Width 200
        $text | Should -Match 'Size\s*: 2 MiB \(2[,.\u00a0]?097[,.\u00a0]?852 bytes\)'
        $text | Should -Match 'Id\s*: [0-9a-f]{64}'
        $text | Should -Match 'Chunks\s*: \d'
        $text | Should -Match 'State\s*: active'
    }

    It 'fit an image''s id into 80 columns' {
        Get-ImageBackup -Volume $volume | Out-String -Width 80 | Should -Match '[0-9a-f]{8}'
    }

    It 'show volumes as table and list' {
        Get-ImageVolume $volume | Out-String -Width 120 | Should -Match 'FileSystem'
        Get-ImageVolume $volume | Format-List | Out-String | Should -Match 'SectorSize\s*: 512'
    }

    It 'show the repository and its check as lists' {
        Test-ImageRepository | Format-List | Out-String | Should -Match 'Result\s*: healthy'
        Connect-ImageRepository $location -Password $password | Format-List | Out-String | Should -Match 'State\s*: open'
    }

    It 'survive a job' {
        $job = Start-Job { param($m, $r) Import-Module $m; $env:RESTIC_PASSWORD = 'Pester-pass-5!'; Get-ImageBackup -Repository $r } -ArgumentList $env:IMAGEBACKUP_MANIFEST, $location
        $images = $job | Receive-Job -Wait -AutoRemoveJob
        $images[0].PSTypeNames[0] | Should -Be 'Deserialized.ImageBackup.ImageBackupInfo'
        $images | Out-String -Width 120 | Should -Match 'Volume\s+Time\s+Size'
        ($images[0] | Test-ImageBackup).IsWhole | Should -BeTrue
    }
}
