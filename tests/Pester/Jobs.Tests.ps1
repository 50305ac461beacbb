BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $passwordFile = (Export-ImageRepositoryPassword (Join-Path $work 'password') -Password $password).FullName
}

AfterAll {
    Get-Job | Remove-Job -Force
    Disconnect-ImageRepository
    Remove-Work
}

Describe '-AsJob' {
    It 'gives a job that Get-Job knows, and its image by Receive-Job' {
        $job = Backup-VolumeImage $volume -AsJob
        $job | Should -BeOfType ([Management.Automation.Job])
        $job.PSJobTypeName | Should -Be 'ImageBackupJob'
        (Get-Job -Id $job.Id).InstanceId | Should -Be $job.InstanceId
        $image = $job | Receive-Job -Wait
        $image.Volume | Should -Be $volume
        $job.State | Should -Be 'Completed'
        $job.Location | Should -Be ([Environment]::MachineName)
        $job | Remove-Job
        Get-Job | Should -BeNullOrEmpty
    }

    It 'shows itself as other jobs do' {
        $job = Backup-VolumeImage $volume -AsJob
        $null = $job | Wait-Job
        $job | Out-String | Should -Match 'Id\s+Name\s+State\s+Data\s+Started\s+Status'
        $job | Format-List | Out-String | Should -Match 'Command\s+:\s+.*Backup-VolumeImage'
        $job | Remove-Job
    }

    It 'takes volumes from the pipeline, and a drive of PowerShell''s' {
        $image = 'Work:/volume.img' | Backup-VolumeImage -AsJob | Receive-Job -Wait -AutoRemoveJob
        $image.Volume | Should -Be $volume
    }

    It 'restores' {
        $target = Join-Path $work 'job.img'
        $result = Get-ImageBackup $volume | Restore-VolumeImage -Destination $target -AsJob -Force | Receive-Job -Wait -AutoRemoveJob
        $result.Destination | Should -Be $target
        (Get-FileHash $target).Hash | Should -Be (Get-FileHash $volume).Hash
    }

    It 'reports an error as an error of the job' {
        $job = Backup-VolumeImage (Join-Path $work 'absent.img') -AsJob
        $null = $job | Wait-Job
        $job | Receive-Job -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'VolumeNotFound'
        $job | Remove-Job
    }

    It 'starts nothing with -WhatIf' {
        Backup-VolumeImage $volume -AsJob -WhatIf | Should -BeNullOrEmpty
        Get-Job | Should -BeNullOrEmpty
    }

    It 'can be stopped' {
        $job = Backup-VolumeImage $volume -AsJob
        $job | Stop-Job
        $job.State | Should -BeIn 'Stopped', 'Completed'
        Get-ChildItem (Join-Path $location 'locks') | Should -BeNullOrEmpty
        $job | Remove-Job
    }
}

Describe 'Other sessions' {
    It 'Start-Job: objects come back with their views' {
        $image = Start-Job {
            Import-Module $using:env:IMAGEBACKUP_MANIFEST
            Backup-VolumeImage $using:volume -Repository $using:location -PasswordFile $using:passwordFile -Tag remote
        } | Receive-Job -Wait -AutoRemoveJob
        $image.PSTypeNames[0] | Should -Be 'Deserialized.ImageBackup.ImageBackupInfo'
        $image | Out-String -Width 160 | Should -Match 'Volume\s+Time\s+Size'
        $image | Format-List | Out-String | Should -Match 'Size\s+:\s+2 MiB \(2,097,852 bytes\)'
        $image.SizeBytes | Should -BeOfType ([long])
        $image.Tags | Should -Contain 'remote'
    }

    It 'Start-Job: an image that comes back can be restored by the pipeline' {
        $image = Start-Job {
            Import-Module $using:env:IMAGEBACKUP_MANIFEST
            Get-ImageBackup $using:volume -Repository $using:location -PasswordFile $using:passwordFile
        } | Receive-Job -Wait -AutoRemoveJob
        $target = Join-Path $work 'deserialised.img'
        $image | Restore-VolumeImage -Destination $target -Confirm:$false | Should -Not -BeNullOrEmpty
        (Get-FileHash $target).Hash | Should -Be (Get-FileHash $volume).Hash
    }

    It 'Export-Clixml keeps what lies within the objects' {
        $file = Join-Path $work 'volume.xml'
        Get-ImageVolume $volume | Export-Clixml $file
        $read = Import-Clixml $file
        $read.Name | Should -Be $volume
        $read.DevicePath | Should -Be $volume
        $read | Out-String -Width 160 | Should -Match 'FileSystem\s+Label\s+Size'
    }

    It 'ForEach-Object -Parallel: several backups at once into one connection' {
        $volumes = foreach ($seed in 11..14) {
            $path = Join-Path $work "parallel$seed.img"
            New-TestVolume $path $seed
            $path
        }
        $repository = Connect-ImageRepository $location -Password $password
        $images = $volumes | ForEach-Object -ThrottleLimit 4 -Parallel {
            Import-Module $using:env:IMAGEBACKUP_MANIFEST
            Backup-VolumeImage $_ -Repository $using:repository -ThrottleLimit 1
        }
        $images.Volume | Sort-Object | Should -Be $volumes
        $images | Test-ImageBackup | ForEach-Object IsWhole | Should -Be $true, $true, $true, $true
    }

    It 'Start-ThreadJob works' -Skip:(-not (Get-Command Start-ThreadJob -ErrorAction Ignore)) {
        $repository = Connect-ImageRepository $location -Password $password
        $image = Start-ThreadJob {
            Import-Module $using:env:IMAGEBACKUP_MANIFEST
            Get-ImageBackup $using:volume -Repository $using:repository
        } | Receive-Job -Wait -AutoRemoveJob
        $image.Volume | Should -Be $volume
    }

    It 'a connection is the session''s own' {
        $shell = [powershell]::Create().AddScript('param($m) Import-Module $m; Get-ImageBackup').AddArgument($env:IMAGEBACKUP_MANIFEST)
        $shell.Invoke() | Should -BeNullOrEmpty
        ErrorId $shell.Streams.Error | Should -Be 'RepositoryNotConnected'
        $shell.Dispose()
    }
}

Describe 'Progress' {
    It 'nests below one record over all volumes' {
        $second = Join-Path $work 'second.img'
        # Random, so that there is something to do, and large enough for several records.
        $bytes = [byte[]]::new(64MB)
        [Random]::new(9).NextBytes($bytes)
        foreach ($path in $second, (Join-Path $work 'third.img')) { [IO.File]::WriteAllBytes($path, $bytes); $bytes[5]++ }
        $shell = [powershell]::Create().AddScript('param($m, $r, $v) Import-Module $m; Backup-VolumeImage $v -Repository $r -ThrottleLimit 1 -ChunkSize 64KB')
        $null = $shell.AddArgument($env:IMAGEBACKUP_MANIFEST).AddArgument((Connect-ImageRepository $location -Password $password)).AddArgument(@($second, (Join-Path $work 'third.img')))
        $null = $shell.Invoke()
        $records = @($shell.Streams.Progress)
        $shell.Dispose()
        $above = @($records | Where-Object Activity -EQ 'Backup-VolumeImage')
        foreach ($record in $records | Where-Object Activity -Like 'Backing up*') {
            $record.ParentActivityId | Should -BeIn $above.ActivityId
            $record.Activity | Should -Match '\([12] of 2\)$'
        }
        foreach ($record in $above | Where-Object RecordType -EQ Processing) { $record.StatusDescription | Should -Match '^[12] of 2, .*/s$' }
    }
}
