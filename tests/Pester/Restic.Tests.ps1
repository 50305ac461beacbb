# What restic's users have and do, as they meet it here.

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume 1
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password
    $env:RESTIC_PASSWORD = $secretText
    $image = Backup-VolumeImage $volume -Repository $location
    $restic = (Get-Command restic -CommandType Application -ErrorAction Ignore | Select-Object -First 1).Source
}

AfterAll {
    $env:RESTIC_PASSWORD = $env:RESTIC_REPOSITORY = $env:RESTIC_REPOSITORY_FILE = $env:RESTIC_PASSWORD_FILE = $null
    Remove-Work
}

Describe 'RESTIC_REPOSITORY_FILE' {
    AfterEach {
        $env:RESTIC_REPOSITORY = $env:RESTIC_REPOSITORY_FILE = $null
    }

    It 'names the repository, in <_>' -ForEach 'utf8', 'utf8BOM', 'unicode', 'bigendianunicode' {
        $file = Join-Path $work 'where'
        Set-Content $file "  $location  " -Encoding $_
        $env:RESTIC_REPOSITORY_FILE = $file
        (Get-ImageBackup).Id | Should -Be $image.Id
        if ($restic) { & $restic --no-cache snapshots --json | ConvertFrom-Json | ForEach-Object id | Should -Contain $image.Id }
    }

    It 'is refused beside RESTIC_REPOSITORY, and where it holds no path' {
        $file = Join-Path $work 'where'
        Set-Content $file $location
        $env:RESTIC_REPOSITORY_FILE = $file
        $env:RESTIC_REPOSITORY = $location
        { Get-ImageBackup } | Should -Throw -ErrorId 'ParameterInvalid,*'
        $env:RESTIC_REPOSITORY = $null
        Set-Content $file ''
        { Get-ImageBackup } | Should -Throw -ErrorId 'ParameterInvalid,*'
        Set-Content $file 'one', 'two'
        { Get-ImageBackup } | Should -Throw -ErrorId 'ParameterInvalid,*'
        Remove-Item $file
        { Get-ImageBackup } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }
}

Describe 'A password file' {
    It 'in <_> opens the repository, as -PasswordFile and by RESTIC_PASSWORD_FILE' -Skip:$IsWindows -ForEach 'utf8', 'utf8BOM', 'unicode', 'bigendianunicode' {
        $file = Join-Path $work 'password'
        Set-Content $file $secretText -Encoding $_
        chmod 600 $file
        try {
            $env:RESTIC_PASSWORD = $null
            (Get-ImageBackup -Repository $location -PasswordFile $file).Id | Should -Be $image.Id
            $env:RESTIC_PASSWORD_FILE = $file
            (Get-ImageBackup -Repository $location).Id | Should -Be $image.Id
        }
        finally { $env:RESTIC_PASSWORD_FILE = $null; $env:RESTIC_PASSWORD = $secretText }
    }

    It 'of UTF-16 without a mark is refused with a reason' -Skip:$IsWindows {
        $file = Join-Path $work 'password'
        [IO.File]::WriteAllBytes($file, [Text.Encoding]::Unicode.GetBytes($secretText))
        chmod 600 $file
        { Get-ImageBackup -Repository $location -PasswordFile $file } | Should -Throw -ErrorId 'PasswordFileInvalid,*' -ExpectedMessage '*UTF-16*'
    }

    It 'is not written for a password that it would not keep' -Skip:$IsWindows {
        $file = Join-Path $work 'kept'
        { Export-ImageRepositoryPassword $file (ConvertTo-SecureString 'ends in a blank ' -AsPlainText -Force) -ErrorAction Stop } | Should -Throw -ErrorId 'PasswordFileInvalid,*'
        $file | Should -Not -Exist
    }
}

Describe 'A labelled key and a changed password' {
    It 'open the repository with restic too' -Skip:(-not (Get-Command restic -CommandType Application -ErrorAction Ignore)) {
        $env:RESTIC_REPOSITORY = Join-Path $work 'labelled'
        $second = ConvertTo-SecureString 'second-9!' -AsPlainText -Force
        $third = ConvertTo-SecureString 'third-10!' -AsPlainText -Force
        $made = Initialize-ImageRepository $env:RESTIC_REPOSITORY -Password $password
        try {
            $key = Add-ImageRepositoryKey $made -NewPassword $second -Label 'Ünique label, for the safe'
            (Get-ImageRepositoryKey $made -Id $key.ShortId).Label | Should -Be 'Ünique label, for the safe'
            Get-ImageRepositoryKey $made | Format-Table | Out-String -Width 200 | Should -Match 'Ünique label'
            $env:RESTIC_PASSWORD = 'second-9!'
            $listed = & $restic --no-cache key list --json | ConvertFrom-Json
            $LASTEXITCODE | Should -Be 0
            # Newer restics list it in full.
            ($listed | Where-Object current).id | Should -BeLike "$($key.ShortId)*"
            & $restic --no-cache check 2>&1 | Out-Null
            $LASTEXITCODE | Should -Be 0
            (Set-ImageRepositoryPassword $made -NewPassword $third -WarningAction SilentlyContinue).IsCurrent | Should -BeTrue
            @(Get-ImageRepositoryKey $made).Count | Should -Be 2
            $env:RESTIC_PASSWORD = 'third-10!'
            & $restic --no-cache snapshots 2>&1 | Out-Null
            $LASTEXITCODE | Should -Be 0
            $env:RESTIC_PASSWORD = $secretText
            & $restic --no-cache snapshots 2>&1 | Out-Null
            $LASTEXITCODE | Should -Not -Be 0
        }
        finally {
            Disconnect-ImageRepository $made
            $env:RESTIC_PASSWORD = $secretText
            $env:RESTIC_REPOSITORY = $null
        }
    }
}

Describe 'A lock of 0 bytes' {
    It 'keeps all off, and Unlock-ImageRepository -Unreadable takes it away' {
        $lock = Join-Path $location "locks/$('0' * 64)"
        $null = New-Item $lock
        Optimize-ImageRepository $location -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'RepositoryLocked'
        $failures[0].ErrorDetails.RecommendedAction | Should -Match 'Unlock-ImageRepository -Unreadable'
        Unlock-ImageRepository $location -WarningVariable told -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        $told | Should -Match 'cannot be read and stays'
        $lock | Should -Exist
        (Unlock-ImageRepository $location -Unreadable).Id | Should -Be ('0' * 64)
        $lock | Should -Not -Exist
        Optimize-ImageRepository $location | Should -Not -BeNullOrEmpty
    }
}

Describe 'Repair-ImageRepository' {
    It 'keeps a snapshot that it cannot read, and names it' {
        $bad = Join-Path $location "snapshots/$('1' * 64)"
        [IO.File]::WriteAllBytes($bad, [byte[]](1..90))
        $result = Repair-ImageRepository $location -WarningVariable told -WarningAction SilentlyContinue
        $result.RemovedSnapshots | Should -BeNullOrEmpty
        $result.UnreadableFiles.Name | Should -Be ('1' * 64)
        $told | Should -Match ('1' * 64)
        $bad | Should -Exist
        (Repair-ImageRepository $location -RemoveUnreadable).RemovedSnapshots | Should -Be ('1' * 64)
        $bad | Should -Not -Exist
        (Test-ImageRepository $location).IsHealthy | Should -BeTrue
    }
}

Describe 'A snapshot that restic made of two files' {
    It 'is counted where -Verbose is given' {
        if (-not $restic) { Set-ItResult -Skipped -Because 'restic is not installed'; return }
        New-TestVolume "$work/second.img" 2
        & $restic --no-cache -r $location backup $volume "$work/second.img" *> $null
        $LASTEXITCODE | Should -Be 0
        $lines = @(Get-ImageBackup -Repository $location -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] } | ForEach-Object Message)
        @($lines -match '^1 snapshot record\(s\)').Count | Should -Be 1
        @(Get-ImageBackup -Repository $location).Id | Should -Be $image.Id
    }
}

Describe 'Initialize-ImageRepository' {
    It 'takes the root of a new file system, with lost+found in it' {
        $root = Join-Path $work 'root'
        $null = New-Item "$root/lost+found/#1" -ItemType Directory -Force
        (Initialize-ImageRepository $root -Password $password).Location | Should -Be $root
        "$root/lost+found/#1" | Should -Exist
    }
}
