BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $null = Initialize-ImageRepository (Join-Path $work 'repository') -Password $password | Connect-ImageRepository
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $second = Join-Path $work 'second.img'
    New-TestVolume $second
    $defaults = Join-Path $work 'snapshots.json'
    # One that every machine of its system has.
    $provider, $commands = if ($IsWindows) { 'WMI', @{} } else { 'COMMAND', @{ CreateCommand = 'a'; RemoveCommand = 'b' } }
}

AfterAll {
    Disconnect-ImageRepository
    Remove-Work
}

Describe 'Snapshot providers' {
    It 'are listed, usable or with the reason why not' {
        $providers = @(Get-SnapshotProvider -Path $defaults)
        $providers.Count | Should -BeGreaterThan 1
        foreach ($provider in $providers) {
            [string]::IsNullOrEmpty($provider.WhyNot) | Should -Be $provider.IsUsable
        }
    }

    It 'that nobody knows are an error with an id' {
        { Get-SnapshotProvider NOTHING -Path $defaults -ErrorAction Stop } | Should -Throw -ErrorId 'SnapshotProviderNotFound,*'
    }

    It 'are not set by -WhatIf' {
        Set-SnapshotProvider -CacheSize 20 -Path $defaults -WhatIf
        $defaults | Should -Not -Exist
    }

    It 'keep the defaults that are set, one by one' {
        Set-SnapshotProvider $provider -CacheSize 15 -IdleRetries 7 @commands -Path $defaults
        Set-SnapshotProvider -IdleRetries 2 -Path $defaults
        $kept = Get-SnapshotProvider $provider -Path $defaults
        $kept.IsDefault | Should -BeTrue
        $kept.CacheSizePercent | Should -Be 15
        $kept.IdleRetries | Should -Be 2
    }

    It 'fit a table and a list' {
        Get-SnapshotProvider -Path $defaults | Format-Table | Out-String | Should -Match $provider
        Get-SnapshotProvider $provider -Path $defaults | Format-List | Out-String | Should -Match $provider
    }

    It 'are not tried by -WhatIf' {
        $before = Get-Item $volume
        Test-SnapshotProvider $volume -Path $defaults -WhatIf
        (Get-Item $volume).LastWriteTime | Should -Be $before.LastWriteTime
    }

    It 'that cannot take a volume fall over, and the image says so' {
        $image = Backup-VolumeImage $volume -ImageType Snapshot -WarningAction SilentlyContinue
        $image.ImageType | Should -Be 'Static'
        $image.RequestedImageType | Should -Be 'Snapshot'
        $image.IsFailedOver | Should -BeTrue
        $image.FailoverReason | Should -Not -BeNullOrEmpty
        $image | Format-Table | Out-String | Should -Match 'failover'
    }

    It 'are asked for one set of all volumes, and those that no set can hold are taken as ever' {
        $before = @(Get-ImageBackup -IncludeInactive).Count
        $volume, $second | Backup-VolumeImage -SnapshotSet -WhatIf
        @(Get-ImageBackup -IncludeInactive).Count | Should -Be $before
        $images = @($volume, $second | Backup-VolumeImage -SnapshotSet)
        $images.Volume | Should -Be @($volume, $second)
        $images.ImageType | Should -Be @('Static', 'Static')
        $images = @($volume, $second | Backup-VolumeImage -SnapshotSet -ImageType Snapshot -WarningVariable told -WarningAction SilentlyContinue)
        $images.IsFailedOver | Should -Be @($true, $true)
        $told.Count | Should -BeGreaterOrEqual 2
        { $volume, $second | Backup-VolumeImage -SnapshotSet -ImageType Snapshot -NoFailover -ErrorAction Stop } |
            Should -Throw -ErrorId 'SnapshotUnavailable,*'
        (@($volume, $second | Backup-VolumeImage -SnapshotSet -AsJob | Receive-Job -Wait -AutoRemoveJob)).Count | Should -Be 2
    }

    It 'of a pipeline that wants no more are not taken' {
        $before = @(Get-ImageBackup -IncludeInactive).Count
        $first = $volume, $second | Backup-VolumeImage -SnapshotSet -ErrorVariable failed | Select-Object -First 1
        $first.Volume | Should -Be $volume
        $failed | Should -BeNullOrEmpty
        @(Get-ImageBackup -IncludeInactive).Count | Should -Be ($before + 1)
    }
}
