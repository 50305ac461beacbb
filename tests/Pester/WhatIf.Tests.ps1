# -WhatIf does what the command does before its first change: it says what would be done, fails by what would fail, and writes
# nothing. A file that is made and removed again changes its directory's time: so no lock was taken either.

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $location = Join-Path $work 'repository'
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $connection = Initialize-ImageRepository $location -Password $password
    $null = $connection | Connect-ImageRepository
    $image = Backup-VolumeImage $volume -WarningAction SilentlyContinue
    $new = ConvertTo-SecureString 'new-12!' -AsPlainText -Force
    $key = Add-ImageRepositoryKey -NewPassword $new
    $target = Join-Path $work 'restored.img'
    $exported = Join-Path $work 'exported'

    # Files and directories with their times, the repository's and the volume's.
    function State {
        Get-Item $location, $volume -Force
        Get-ChildItem $location -Recurse -Force
    }
    function StateText { State | Sort-Object FullName | ForEach-Object { '{0} {1} {2}' -f $_.FullName, $(if (-not $_.PSIsContainer) { $_.Length }), $_.LastWriteTimeUtc.Ticks } }

    # What the host was told: -WhatIf's lines are in no stream.
    function Invoke-WhatIf([scriptblock] $Command) {
        $log = Join-Path $work 'whatif.txt'
        $null = Start-Transcript $log
        try { $null = & $Command } finally { $null = Stop-Transcript }
        Get-Content $log -Raw
    }

    $commands = @{
        Backup     = { Backup-VolumeImage $volume -WhatIf }
        Restore    = { Restore-VolumeImage $image.Id -Destination $target -WhatIf }
        Remove     = { Remove-ImageBackup $image.Id -WhatIf }
        Expired    = { Remove-ImageBackup -Expired -WhatIf }
        Optimize   = { Optimize-ImageRepository -WhatIf }
        Repair     = { Repair-ImageRepository -ReadData -WhatIf }
        AddKey     = { Add-ImageRepositoryKey -NewPassword $new -WhatIf }
        Password   = { Set-ImageRepositoryPassword -NewPassword $new -WhatIf }
        RemoveKey  = { Remove-ImageRepositoryKey $key.Id -WhatIf }
        Unlock     = { Unlock-ImageRepository -All -WhatIf }
        Export     = { Export-ImageRepositoryPassword $exported -Password $new -WhatIf }
    }
}

AfterAll {
    Disconnect-ImageRepository
    Remove-Work
}

Describe '-WhatIf of <_>' -ForEach 'Backup', 'Restore', 'Remove', 'Expired', 'Optimize', 'Repair', 'AddKey', 'Password', 'RemoveKey', 'Unlock', 'Export' {
    It 'writes nothing and takes no lock' {
        $before = StateText
        $ErrorActionPreference = 'Stop'
        $null = & $commands[$_]
        StateText | Should -Be $before
        $target | Should -Not -Exist
        $exported | Should -Not -Exist
    }
}

Describe 'A lock that the real run would meet' {
    BeforeAll {
        $lock = Join-Path $location "locks/$('0' * 64)"
        $null = New-Item $lock
    }

    AfterAll { Remove-Item $lock }

    It '-WhatIf of <_> answers RepositoryLocked' -ForEach 'Backup', 'Restore', 'Remove', 'Expired', 'Optimize', 'AddKey', 'Password', 'RemoveKey' {
        $ErrorActionPreference = 'Stop'
        $before = StateText
        { & $commands[$_] } | Should -Throw -ErrorId 'RepositoryLocked,*'
        StateText | Should -Be $before
    }

    It 'Unlock-ImageRepository -WhatIf names the locks' {
        Invoke-WhatIf { Unlock-ImageRepository -Unreadable -WhatIf } | Should -Match 'Remove the lock 00000000, which cannot be read'
        Invoke-WhatIf { Unlock-ImageRepository -All -WhatIf } | Should -Match '00000000'
        $lock | Should -Exist
    }
}

Describe 'What else would fail' {
    It 'a volume that is gone, and a volume of 0 bytes' {
        { Backup-VolumeImage (Join-Path $work 'gone.img') -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeNotFound,*'
        $empty = Join-Path $work 'empty.img'
        $null = New-Item $empty
        { Backup-VolumeImage $empty -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeEmpty,*'
    }

    It 'a target that exists' {
        Copy-Item $volume $target
        try { { Restore-VolumeImage $image.Id -Destination $target -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'TargetExists,*' }
        finally { Remove-Item $target }
    }

    It 'the key in use, an empty password, a file that exists' {
        { Get-ImageRepositoryKey | Where-Object IsCurrent | Remove-ImageRepositoryKey -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'KeyInUse,*'
        { Set-ImageRepositoryPassword -NewPassword ([securestring]::new()) -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'PasswordMissing,*'
        { Add-ImageRepositoryKey -NewPassword $new -Label "two`nlines" -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
        { Export-ImageRepositoryPassword $volume -Password $new -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'TargetExists,*'
    }
}
