BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password
    $connection = Connect-ImageRepository $location -Password $password
    $classes = Join-Path $work 'classes.json'
    $null = Set-ManagementClass STANDARD -ClassPath $classes -Confirm:$false
    New-TestVolume (Join-Path $work 'volume.img')
    New-TestVolume (Join-Path $work 'other.img') -Seed 2

    function New-Image([string] $Name = 'volume.img') {
        Backup-VolumeImage (Join-Path $work $Name) -ClassPath $classes -WarningAction SilentlyContinue
    }
    function Clear-Images { Get-ImageBackup -IncludeInactive | Remove-ImageBackup -Confirm:$false }
}

AfterAll {
    Disconnect-ImageRepository $connection
    Remove-Work
}

Describe 'Remove-ImageBackup' {
    BeforeEach { Clear-Images }

    It 'takes an image by the pipeline' {
        $image = New-Image
        $image | Remove-ImageBackup -Confirm:$false | Should -BeNullOrEmpty
        Get-ImageBackup -IncludeInactive | Should -BeNullOrEmpty
    }

    It 'takes the beginning of an id and gives what it removed with -PassThru' {
        $image = New-Image
        (Remove-ImageBackup $image.ShortId -PassThru -Confirm:$false).Id | Should -Be $image.Id
    }

    It 'changes nothing with -WhatIf' {
        $null = New-Image
        $before = TreeState $location
        Get-ImageBackup | Remove-ImageBackup -WhatIf
        Remove-ImageBackup -Expired -ClassPath $classes -WhatIf
        TreeState $location | Should -Be $before
    }

    It 'answers an id that is none, and one that is not there' {
        { Remove-ImageBackup 'xyz' -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
        { Remove-ImageBackup '00000000' -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'ImageNotFound,*'
    }

    It 'removes what has expired and nothing else' {
        $images = 1..3 | ForEach-Object { New-Image }
        (Remove-ImageBackup -Expired -ClassPath $classes -PassThru -Confirm:$false).Id | Should -Be $images[0].Id
        @(Get-ImageBackup -IncludeInactive).Id | Should -Be $images[1, 2].Id
    }

    It 'keeps what is younger than -KeepWithin, which counts days' {
        1..3 | ForEach-Object { $null = New-Image }
        foreach ($floor in 1, '1', '1d', '24h', [TimeSpan]::FromDays(1)) {
            Remove-ImageBackup -Expired -ClassPath $classes -KeepWithin $floor -PassThru -Confirm:$false | Should -BeNullOrEmpty
        }
        { Remove-ImageBackup -Expired -KeepWithin 'soon' -WhatIf } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
    }

    It 'takes a volume for gone only when it is told, and until there is a new image' {
        $image = New-Image 'other.img'
        $null = New-Image
        Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved $image.Volume -Confirm:$false
        @(Get-ImageBackup -ClassPath $classes).Volume | Should -Not -Contain $image.Volume
        $gone = Get-ImageBackup -Id $image.Id -ClassPath $classes
        $gone.ExpiryReason | Should -Be 'RetainOnly'
        $gone.IsActive | Should -BeFalse
        $null = New-Image 'other.img'
        @(Get-ImageBackup -ClassPath $classes).Volume | Should -Contain $image.Volume
    }

    It 'does not mix its two ways' {
        { Remove-ImageBackup '00' -Expired } | Should -Throw -ErrorId '*,ImageBackup.Commands.RemoveImageBackupCommand'
        { Remove-ImageBackup -Id '00' -KeepWithin 3 } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }
}

Describe 'The expiry of images' {
    BeforeAll {
        Clear-Images
        $images = 1..3 | ForEach-Object { New-Image }
    }

    It 'is shown with its date and why' {
        $all = @(Get-ImageBackup -IncludeInactive -ClassPath $classes)
        $all.IsExpired | Should -Be $true, $false, $false
        $all.ExpiryReason | Should -Be 'VersionsExist', 'RetainExtra', 'Active'
        ($all[1].ExpiresAt - $all[1].InactiveSince).Days | Should -Be 30
        $all[2].ExpiresAt | Should -BeNullOrEmpty
    }

    It 'stands in the table and in the list' {
        $all = Get-ImageBackup -IncludeInactive -ClassPath $classes
        $all | Format-Table | Out-String -Width 200 | Should -Match 'EXPIRED'
        $all | Format-List | Out-String -Width 200 | Should -Match 'Expires\s+: never \(Active'
    }

    It 'goes into CSV and JSON' {
        $csv = Get-ImageBackup -IncludeInactive -ClassPath $classes | ConvertTo-Csv | ConvertFrom-Csv
        $csv[0].ExpiryReason | Should -Be 'VersionsExist'
    }

    It 'lists only active ones by default' {
        @(Get-ImageBackup -ClassPath $classes).Id | Should -Be $images[2].Id
    }
}

Describe 'Optimize-ImageRepository' {
    BeforeEach {
        Clear-Images
        $null = Optimize-ImageRepository -MaxUnused 0
        $kept = New-Image
        New-Image 'other.img' | Remove-ImageBackup -Confirm:$false
    }

    It 'says with -WhatIf how much, and changes nothing' {
        $before = TreeState (Join-Path $location 'data')
        $plan = Optimize-ImageRepository -WhatIf
        $plan.IsPlan | Should -BeTrue
        $plan.FreedBytes | Should -BeGreaterThan 1MB
        TreeState (Join-Path $location 'data') | Should -Be $before
    }

    It 'frees what it said, and the rest is whole' {
        $plan = Optimize-ImageRepository -WhatIf
        $done = Optimize-ImageRepository
        $done.IsPlan | Should -BeFalse
        $done.FreedBytes | Should -Be $plan.FreedBytes
        (Test-ImageRepository -ReadData).IsHealthy | Should -BeTrue
        ($kept | Test-ImageBackup).IsWhole | Should -BeTrue
    }

    It 'takes a share, a size and no limit' {
        foreach ($limit in '10%', 0, 1MB, '1 GiB', 'Unlimited') {
            (Optimize-ImageRepository -MaxUnused $limit -WhatIf).MaxUnused | Should -Not -BeNullOrEmpty
        }
        { Optimize-ImageRepository -MaxUnused '100%' -WhatIf } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
    }

    It 'shows its figures readably' {
        Optimize-ImageRepository -WhatIf | Format-Table | Out-String -Width 200 | Should -Match 'plan.*MiB'
        Optimize-ImageRepository | Format-List | Out-String -Width 200 | Should -Match 'Freed\s+:.*MiB'
    }

    It 'refuses where another process holds the repository' {
        $lock = Join-Path $location 'locks' ('0' * 64)
        Set-Content $lock 'nobody can read this'
        try { { Optimize-ImageRepository -ErrorAction Stop } | Should -Throw -ErrorId 'RepositoryLocked,*' }
        finally { Remove-Item $lock }
    }
}

Describe 'Keys of a repository' {
    BeforeAll { $new = ConvertTo-SecureString 'Pester-new-6!' -AsPlainText -Force }

    It 'lists the one in use' {
        $key = Get-ImageRepositoryKey
        $key.IsCurrent | Should -BeTrue
        $key | Format-Table | Out-String | Should -Match '\*'
    }

    It 'adds nothing with -WhatIf' {
        Add-ImageRepositoryKey -NewPassword $new -WhatIf | Should -BeNullOrEmpty
        @(Get-ImageRepositoryKey).Count | Should -Be 1
    }

    It 'adds a password that opens and removes it again' {
        $key = Add-ImageRepositoryKey -NewPassword $new
        $second = Connect-ImageRepository $location -Password $new
        try { (Get-ImageRepositoryKey -Repository $second | Where-Object IsCurrent).Id | Should -Be $key.Id }
        finally {
            Disconnect-ImageRepository $second
            $null = Connect-ImageRepository $connection
        }
        $key | Remove-ImageRepositoryKey -Confirm:$false
        { Connect-ImageRepository $location -Password $new -ErrorAction Stop } | Should -Throw -ErrorId 'WrongPassword,*'
    }

    It 'never removes the one in use' {
        { Get-ImageRepositoryKey | Remove-ImageRepositoryKey -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'KeyInUse,*'
        { Remove-ImageRepositoryKey 'ffff' -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'KeyNotFound,*'
    }

    It 'takes passwords as SecureString only' {
        (Get-Command Add-ImageRepositoryKey).Parameters.NewPassword.ParameterType.Name | Should -Be 'SecureString'
    }
}
