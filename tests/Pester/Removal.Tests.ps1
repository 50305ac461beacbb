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

Describe 'The rules that keep images' {
    BeforeEach {
        Clear-Images
        $own = Join-Path $work 'keep.json'
        Set-Content $own '{ "version": 1, "classes": [] }'
    }

    It 'keep what the limits let go, and are told' {
        Set-ManagementClass STANDARD -VersionsExist 1 -KeepLast 2 -ClassPath $own
        $images = 1..3 | ForEach-Object { New-Image }
        $all = Get-ImageBackup -IncludeInactive -ClassPath $own
        $all.IsExpired | Should -Be $true, $false, $false
        $all[0].KeptBy.Count | Should -Be 0
        "$($all[1].KeptBy)" | Should -Be 'KeepLast'
        $all[1].ExpiresAt | Should -BeNullOrEmpty
        "$($all[2].KeptBy)" | Should -Be 'Active KeepLast'
        ($all[2] | ConvertTo-Csv | ConvertFrom-Csv).KeptBy | Should -Be 'Active; KeepLast'
        (Remove-ImageBackup -Expired -ClassPath $own -PassThru -Confirm:$false).Id | Should -Be $images[0].Id
    }

    It 'are set, changed and taken out by Set-ManagementClass' {
        $class = Set-ManagementClass GFS -KeepLast 1 -KeepDaily 7 -KeepWeekly NoLimit -KeepMonthly 0 -KeepWithin 1Y12h -KeepTags a, 'b,c' -ClassPath $own -PassThru
        $class.KeepLast, $class.KeepDaily, $class.KeepWeekly, $class.KeepMonthly, $class.KeepYearly, $class.KeepWithin | Should -Be '1', '7', 'NoLimit', $null, $null, '1y12h'
        $class.KeepTags | Should -Be 'a', 'b,c'
        $class | Format-List | Out-String | Should -Match 'KeepDaily\s*: 7(?s).*KeepTags\s*: a; b,c'
        # An object comes back as it was, from CSV too.
        $file = [IO.File]::ReadAllText($own)
        Get-ManagementClass GFS -ClassPath $own | ConvertTo-Csv | ConvertFrom-Csv | Set-ManagementClass
        Get-ManagementClass GFS -ClassPath $own | ConvertTo-Json | ConvertFrom-Json | Set-ManagementClass
        [IO.File]::ReadAllText($own) | Should -Be $file
        $class = Set-ManagementClass GFS -KeepLast $null -KeepDaily 0 -KeepWithin '' -KeepTags @() -ClassPath $own -PassThru
        $class.KeepLast, $class.KeepDaily, $class.KeepWithin | Should -Be $null, $null, $null
        $class.KeepTags.Count | Should -Be 0
        $class.KeepWeekly | Should -Be 'NoLimit'
    }

    It 'refuse <Value> with ParameterInvalid' -ForEach @(
        @{ Value = '-KeepWithin soon'; Set = @{ KeepWithin = 'soon' } }
        @{ Value = '-KeepTags ","'; Set = @{ KeepTags = ',' } }
    ) {
        { Set-ManagementClass GFS @Set -ClassPath $own -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }

    It 'are recorded with the image' {
        Set-ManagementClass STANDARD -KeepDaily 3 -KeepTags keep -ClassPath $own
        $image = Backup-VolumeImage (Join-Path $work 'volume.img') -ClassPath $own
        $listed = Get-ImageBackup -Id $image.Id
        $listed.Retention.KeepDaily.Value | Should -Be 3
        $listed.Retention.KeepTags | Should -Be 'keep'
        $listed.Retention.KeepYearly | Should -BeNullOrEmpty
    }

    It 'are said for every image by -Expired -WhatIf' {
        Set-ManagementClass STANDARD -VersionsExist 2 -ClassPath $own
        1..3 | ForEach-Object { $null = New-Image }
        $script = Join-Path $work 'whatif.ps1'
        Set-Content $script "Import-Module '$env:IMAGEBACKUP_MANIFEST'; Remove-ImageBackup -Expired -WhatIf -Repository '$location' -ClassPath '$own'"
        $env:RESTIC_PASSWORD = $secretText
        try { $said = @(& $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -File $script) }
        finally { $env:RESTIC_PASSWORD = $null }
        $said.Count | Should -Be 3
        $said[0] | Should -Match 'Remove the image, expired \d{4}-\d\d-\d\d \d\d:\d\d by VersionsExist of the class STANDARD'
        $said[1] | Should -Match 'Keep the image until \d{4}-\d\d-\d\d \d\d:\d\d by RetainExtra of the class STANDARD'
        $said[2] | Should -Match 'Keep the image by Active of the class STANDARD'
    }

    It 'are told with the first image of a volume, and only then' {
        $null = Backup-VolumeImage (Join-Path $work 'other.img') -ClassPath $own -InformationVariable first -InformationAction SilentlyContinue
        "$first" | Should -BeLike "This is the first image of '*other.img'. Its management class is STANDARD, which keeps 2 images of the volume, the newest included, and an older one for 30 days after the next was taken. *"
        $null = Backup-VolumeImage (Join-Path $work 'other.img') -ClassPath $own -InformationVariable second -InformationAction SilentlyContinue
        $second | Should -BeNullOrEmpty
    }

    It 'let Get-ImageBackup say what it does not show' {
        1..3 | ForEach-Object { $null = New-Image }
        (Get-ImageBackup -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }) -join "`n" | Should -BeLike '*2 inactive images are not shown; -IncludeInactive shows them.*'
        (Get-ImageBackup -IncludeInactive -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }) -join "`n" | Should -Not -BeLike '*not shown*'
    }
}

Describe 'Set-ImageBackup' {
    BeforeEach { Clear-Images }

    It 'pins an image, which then does not expire' {
        $images = 1..3 | ForEach-Object { New-Image }
        $pinned = $images[0] | Set-ImageBackup -Pin -Description 'before the upgrade' -PassThru
        $pinned.Id | Should -Not -Be $images[0].Id
        $pinned.IsPinned, $pinned.IsExpired, $pinned.Description | Should -Be $true, $false, 'before the upgrade'
        "$($pinned.KeptBy)" | Should -Be 'Pinned'
        $pinned.BackupTime | Should -Be $images[0].BackupTime
        $pinned.VolumeId | Should -Be $images[0].VolumeId
        Remove-ImageBackup -Expired -ClassPath $classes -Confirm:$false
        Remove-ImageBackup -Expired -ClassPath $classes -VolumeRemoved $images[0].Volume -Confirm:$false
        @(Get-ImageBackup -IncludeInactive -ClassPath $classes).Id | Should -Contain $pinned.Id
        ($pinned | Test-ImageBackup).IsWhole | Should -BeTrue
        $free = $pinned | Set-ImageBackup -Pin:$false -PassThru
        $free.IsPinned, $free.IsExpired, $free.Description | Should -Be $false, $true, 'before the upgrade'
    }

    It 'sets tags, and leaves the ones that mean something' {
        $image = New-Image | Set-ImageBackup -Pin -Tag one, two -PassThru
        $image.Tags | Sort-Object | Should -Be 'one', 'pinned', 'two'
        $image = $image.ShortId | Set-ImageBackup -Tag three -PassThru
        $image.Tags | Sort-Object | Should -Be 'pinned', 'three'
        (Set-ImageBackup $image -Tag @() -Pin:$false -PassThru).Tags.Count | Should -Be 0
        @(Get-ImageBackup -IncludeInactive).Count | Should -Be 1
    }

    It 'changes nothing if all is so already, or with -WhatIf' {
        $image = New-Image | Set-ImageBackup -Pin -PassThru
        $before = TreeState (Join-Path $location 'snapshots')
        (Set-ImageBackup $image -Pin -PassThru).Id | Should -Be $image.Id
        Set-ImageBackup $image -Pin:$false -WhatIf
        TreeState (Join-Path $location 'snapshots') | Should -Be $before
    }

    It 'is an error for <Case>' -ForEach @(
        @{ Case = 'nothing to set'; Set = @{}; Id = 'ParameterInvalid,*' }
        @{ Case = 'a tag with a comma'; Set = @{ Tag = 'a,b' }; Id = 'ParameterInvalid,*' }
        @{ Case = 'a description of two lines'; Set = @{ Description = "a`nb" }; Id = 'ParameterInvalid,*' }
    ) {
        $image = New-Image
        { Set-ImageBackup $image @Set -ErrorAction Stop } | Should -Throw -ErrorId $Id
    }

    It 'is an error for an id that nothing has' {
        { Set-ImageBackup 00000000 -Pin -ErrorAction Stop } | Should -Throw -ErrorId 'ImageNotFound,*'
    }

    It 'is not missed by the next backup, and does not hide the history' {
        $null = New-Image | Set-ImageBackup -Pin -PassThru
        $next = Backup-VolumeImage (Join-Path $work 'volume.img') -ClassPath $classes -WarningVariable warnings
        $warnings -match 'missing|gone|removed' | Should -BeNullOrEmpty
        $next.NewChunkCount | Should -Be 0
    }

    It 'is read by restic' -Skip:(-not (Get-Command restic -CommandType Application -ErrorAction Ignore)) {
        $image = New-Image | Set-ImageBackup -Pin -Tag one -Description 'kept' -PassThru
        $env:RESTIC_PASSWORD = $secretText
        try {
            (restic -r $location --no-cache snapshots --tag pinned --json | ConvertFrom-Json).id | Should -Be $image.Id
            restic -r $location --no-cache check | Out-String | Should -Match 'no errors were found'
            restic -r $location --no-cache forget --keep-tag pinned --keep-last 1 --dry-run --json | ConvertFrom-Json | ForEach-Object { $_.keep.id } | Should -Contain $image.Id
        }
        finally { $env:RESTIC_PASSWORD = $null }
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
