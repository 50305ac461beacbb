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
        { Backup-VolumeImage (Join-Path $work 'gone.img') -AsJob -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeNotFound,*'
        $empty = Join-Path $work 'empty.img'
        $null = New-Item $empty
        { Backup-VolumeImage $empty -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeEmpty,*'
        { Backup-VolumeImage $empty -AsJob -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeEmpty,*'
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

Describe 'What the kernel is asked for under -WhatIf' -Skip:(-not ($IsLinux -and (Get-Command strace -CommandType Application -ErrorAction Ignore) -and $(strace -f true 2>$null; $LASTEXITCODE -eq 0))) {
    It 'changes nothing: no file, directory, mount or device, and starts no program' {
        $script = Join-Path $work 'whatif.ps1'
        $trace = Join-Path $work 'trace.txt'
        $blocks = foreach ($name in 'Backup', 'Restore', 'Remove', 'Expired', 'Optimize', 'Repair', 'AddKey', 'Password', 'RemoveKey', 'Unlock', 'Export') { "$($commands[$name]) *> `$null" }
        # All has been compiled and loaded once before it counts. A file that is asked for marks the begin and the end.
        Set-Content $script @"
            Import-Module '$env:IMAGEBACKUP_MANIFEST'
            `$password = ConvertTo-SecureString '$secretText' -AsPlainText -Force
            `$new = ConvertTo-SecureString 'new-12!' -AsPlainText -Force
            `$null = Connect-ImageRepository '$location' -Password `$password
            `$volume = '$volume'; `$target = '$target'; `$exported = '$exported'
            `$image = Get-ImageBackup; `$key = @{ Id = '$($key.Id)' }
            function Run { $($blocks -join '; ') }
            Run
            `$null = [IO.File]::Exists('/begin-of-whatif')
            Run
            `$null = [IO.File]::Exists('/end-of-whatif')
"@
        & strace -f -qq -o $trace -e 'trace=%file,%process,%desc' -e 'trace=!mmap,mprotect,read,pread64,close,poll,ppoll,epoll_wait,epoll_pwait,lseek,fcntl,dup,dup2' $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -File $script
        $lines = [IO.File]::ReadAllLines($trace)
        $first = [array]::FindIndex($lines, [Predicate[string]] { param($l) $l.Contains('/begin-of-whatif') })
        $last = [array]::FindIndex($lines, [Predicate[string]] { param($l) $l.Contains('/end-of-whatif') })
        $first | Should -BeGreaterThan 0
        $last | Should -BeGreaterThan ($first + 100) -Because 'the commands read the repository'
        $asked = $lines[$first..$last]
        # The repository was read in between: the trace sees what it must.
        @($asked | Where-Object { $_.Contains($location) }).Count | Should -BeGreaterThan 10
        @($asked | Where-Object { $_ -match '\b(execve|execveat|fork|vfork)\(' -or
                $_ -match '\b(unlink|unlinkat|rename|renameat|renameat2|mkdir|mkdirat|rmdir|link|linkat|symlink|symlinkat|mknod|mknodat|chmod|fchmod|fchmodat|chown|fchown|lchown|fchownat|utimensat|truncate|ftruncate|fallocate|mount|umount2|setxattr|fsetxattr|fsync|fdatasync|copy_file_range)\(' -or
                $_ -match 'FIFREEZE|FITHAW|BLKROSET|BLKDISCARD|BLKFLSBUF|LOOP_' -or
                $_ -match '\bopen(at|at2)?\(.*O_(WRONLY|RDWR|CREAT|TRUNC)' -and $_ -notmatch '"/(dev/(null|tty|ptmx|pts/\d+)|proc/[^"]*)"' }) | Should -BeNullOrEmpty
    }
}
