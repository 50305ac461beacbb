# Repositories as objects and by name, several at once; what a repository and this machine say of themselves.

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $first = Join-Path $work 'first'
    $second = Join-Path $work 'second'
    $null = Initialize-ImageRepository $first -Password $password
    $null = Initialize-ImageRepository $second -Password $password
    $image = Backup-VolumeImage $volume -Repository $first -Password $password -WarningAction SilentlyContinue
}

AfterAll { Remove-Work }

Describe 'Several repositories at once' {
    AfterEach {
        foreach ($open in 'daily', 'weekly') { try { Disconnect-ImageRepository $open } catch { Write-Verbose "Closed already: $_" } }
        try { Disconnect-ImageRepository } catch { Write-Verbose "None is the default: $_" }
    }

    It 'have names that every -Repository takes, beside paths and objects' {
        $daily = Connect-ImageRepository $first -Password $password -Name daily
        $weekly = Connect-ImageRepository $second -Password $password -Name weekly
        $daily.Name, $weekly.Name | Should -Be 'daily', 'weekly'
        foreach ($named in 'daily', 'DAILY', $first, $daily, (Get-ImageRepository daily)) { (Get-ImageBackup -Repository $named).Id | Should -Be $image.Id }
        Get-ImageBackup -Repository weekly | Should -BeNullOrEmpty
        # The first is the default until -Default says otherwise.
        (Get-ImageBackup).Id | Should -Be $image.Id
        $null = Connect-ImageRepository weekly -Default
        Get-ImageBackup | Should -BeNullOrEmpty
        @(Get-ImageRepository).Name | Should -Be 'weekly', 'daily'
        @(Get-ImageRepository).IsDefault | Should -Be $true, $false
    }

    It '-Default:$false leaves the default, and a connection without a name takes it' {
        $null = Connect-ImageRepository $first -Password $password -Name daily -Default:$false
        { Get-ImageBackup } | Should -Throw -ErrorId 'RepositoryNotConnected,*'
        $null = Connect-ImageRepository $second -Password $password
        Get-ImageBackup | Should -BeNullOrEmpty
        (Get-ImageBackup -Repository daily).Id | Should -Be $image.Id
    }

    It 'a name moves with the connection that is given it last' {
        $one = Connect-ImageRepository $first -Password $password -Name daily
        $null = Connect-ImageRepository $second -Password $password -Name daily
        $one.Name | Should -BeNullOrEmpty
        $one.IsConnected | Should -BeTrue
        Get-ImageBackup -Repository daily | Should -BeNullOrEmpty
        Disconnect-ImageRepository $one
    }

    It 'are closed by name; then the name is a path again' {
        $daily = Connect-ImageRepository $first -Password $password -Name daily
        Disconnect-ImageRepository daily
        $daily.IsConnected | Should -BeFalse
        { Get-ImageBackup -Repository daily -Password $password } | Should -Throw -ErrorId 'RepositoryNotFound,*'
    }

    It '<_> is not a name' -ForEach 'a/b', 'c:', 'da*', '..', ' x', 'a\b', '[x]' {
        { Connect-ImageRepository $first -Password $password -Name $_ -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }

    It 'the Tab key offers the names' {
        $null = Connect-ImageRepository $first -Password $password -Name daily
        $line = 'Get-ImageBackup -Repository da'
        [Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText | Should -Contain 'daily'
    }
}

Describe 'Get-ImageRepository' {
    It 'says what the repository''s files and images say' {
        $info = Get-ImageRepository $first -Password $password
        $info.Location | Should -Be $first
        $info.Id | Should -Match '^[0-9a-f]{64}$'
        $info.FormatVersion | Should -Be 2
        $files = @(Get-ChildItem $first -Recurse -File)
        $info.StoredBytes | Should -Be ($files | Measure-Object Length -Sum).Sum
        $info.PackCount | Should -Be @(Get-ChildItem (Join-Path $first 'data') -Recurse -File).Count
        $info.IndexCount | Should -Be @(Get-ChildItem (Join-Path $first 'index') -File).Count
        $info.ImageCount, $info.VolumeCount | Should -Be 1, 1
        $info.ImageBytes | Should -Be $image.UsedBytes
        $info.OldestImage, $info.NewestImage | Should -Be $image.BackupTime, $image.BackupTime
        $info.FreeBytes | Should -BeGreaterThan 0
        $info.RawBytes | Should -BeGreaterThan 1MB
        $info.Ratio | Should -Be ([math]::Round($info.RawBytes / $info.StoredBytes, 2))
        @($info.Keys).Count | Should -Be 1
        $info.Keys[0].IsCurrent | Should -BeTrue
        "$info" | Should -Be $first
    }

    It 'agrees with restic on the raw size' -Skip:(-not (Get-Command restic -CommandType Application -ErrorAction Ignore)) {
        $env:RESTIC_PASSWORD = $secretText
        try { $stats = restic -r $first --no-cache stats --mode raw-data --json | ConvertFrom-Json }
        finally { $env:RESTIC_PASSWORD = $null }
        $info = Get-ImageRepository $first -Password $password
        # restic counts blobs as they are stored, and only those in use.
        $stats.total_size | Should -BeGreaterThan 0
        $stats.total_size | Should -BeLessOrEqual $info.PackBytes
    }

    It 'takes paths, objects and its own output from the pipeline' {
        ($first, $second | Get-ImageRepository -Password $password).Location | Should -Be $first, $second
        (Get-ImageRepository $first -Password $password | Get-ImageRepository -Password $password).Id | Should -Be (Get-ImageRepository $first -Password $password).Id
    }

    It 'has every heading of its views as a property, and sizes that sort as numbers' {
        $all = $first, $second | Get-ImageRepository -Password $password
        ($all | Sort-Object Stored).Location | Should -Be $second, $first
        ($all | Sort-Object Images -Descending)[0].Newest | Should -Be $image.BackupTime
        $all[0].Raw | Should -Be $all[0].RawBytes
        $all | Format-Table | Out-String -Width 80 | Should -Match 'Stored'
        $all | Format-List | Out-String | Should -Match 'LastCheck'
    }

    It 'remembers the last check and the last optimization of this machine' {
        (Get-ImageRepository $second -Password $password).LastCheck | Should -BeNullOrEmpty
        $null = Test-ImageRepository $second -Password $password
        $null = Optimize-ImageRepository $second -Password $password
        $info = Get-ImageRepository $second -Password $password
        $info.LastCheck | Should -BeGreaterThan ([datetime]::Now.AddHours(-1))
        $info.LastCheckIsHealthy | Should -BeTrue
        $info.LastOptimize | Should -BeGreaterThan ([datetime]::Now.AddHours(-1))
    }

    It 'shows a lock, and warns of an index that cannot be used' {
        $lock = Join-Path $second "locks/$('0' * 64)"
        $index = Join-Path $second "index/$('1' * 64)"
        $null = New-Item $lock, $index
        try {
            $info = Get-ImageRepository $second -Password $password -WarningVariable told -WarningAction SilentlyContinue
            $info.Locks[0].IsReadable | Should -BeFalse
            $info.RawBytes | Should -BeNullOrEmpty
            $told | Should -Not -BeNullOrEmpty
        }
        finally { Remove-Item $lock, $index }
    }

    It 'is an error by id for what is gone, and without a repository' {
        { Get-ImageRepository (Join-Path $work 'nowhere') -Password $password -ErrorAction Stop } | Should -Throw -ErrorId 'RepositoryNotFound,*'
        { Get-ImageRepository -ErrorAction Stop } | Should -Throw -ErrorId 'RepositoryNotConnected,*'
    }
}

Describe 'Test-ImageBackupHost' {
    It 'says of each thing what was found, and a remedy for each that is lacking' {
        $checks = Test-ImageBackupHost
        'Rights', 'Runtime', 'Compression', 'Vectors', 'Clock', 'Killed runs' | ForEach-Object { $checks.Name | Should -Contain $_ }
        foreach ($check in $checks) {
            $check.Detail | Should -Not -BeNullOrEmpty
            if ($check.State -ne 'Passed') { $check.Remedy | Should -Not -BeNullOrEmpty -Because $check.Name }
        }
        @($checks | Where-Object Name -Like 'Folder *').Count | Should -BeGreaterThan 0
        ($checks | Where-Object Name -EQ 'Rights').State | Should -Be $(if ($IsWindows -or (id -u) -eq 0) { 'Passed' } else { 'Failed' })
    }

    It 'names the programs that PATH lacks' -Skip:(-not $IsLinux) {
        $path = $env:PATH
        try {
            $env:PATH = '/nowhere'
            $checks = Test-ImageBackupHost
        }
        finally { $env:PATH = $path }
        foreach ($name in 'LVM tools', 'ntfs-3g', 'fsfreeze') {
            $check = $checks | Where-Object Name -EQ $name
            $check.State | Should -Be 'Warning'
            $check.Remedy | Should -Match 'Install the package'
        }
    }

    It '-Quiet is whether nothing failed, and leaves no file' {
        $failed = @(Test-ImageBackupHost | Where-Object State -EQ Failed).Count -gt 0
        Test-ImageBackupHost -Quiet | Should -Be (-not $failed)
        Get-ChildItem $env:IMAGEBACKUP_ROOT -Recurse -Force -Filter '.imagebackup-*' | Should -BeNullOrEmpty
    }
}
