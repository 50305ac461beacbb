# PowerShell remoting over SSH into a real sshd on this machine, with keys, a port and a configuration of its own; nothing in
# ~/.ssh or /etc/ssh is read or written.

BeforeDiscovery {
    $missing = @('/usr/sbin/sshd', '/usr/bin/ssh', '/usr/bin/ssh-keygen' | Where-Object { -not (Test-Path $_) })
    $whyNot = if ($IsWindows) { 'sshd is not part of Wine' }
    elseif ([Environment]::UserName -ne 'root') { 'sshd takes the keys of this test only as root' }
    elseif ($missing) { "not installed: $($missing -join ', ')" }
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1

    function Start-SshServer([string] $Directory) {
        $null = New-Item -ItemType Directory $Directory, '/run/sshd' -Force
        foreach ($key in 'host', 'user') { $null = & ssh-keygen -q -t ed25519 -N '' -C imagebackup-test -f (Join-Path $Directory $key) 2>&1 }
        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        # sshd hands on no environment, and splits the subsystem's command at spaces.
        $variables = 'PATH', 'IMAGEBACKUP_MANIFEST', 'XDG_STATE_HOME', 'DOTNET_ROOT', 'HOME' |
            Where-Object { Test-Path "env:$_" } | ForEach-Object { "export $_='$([Environment]::GetEnvironmentVariable($_))'" }
        # The commands that it sets are not the other tests'.
        $variables += "export IMAGEBACKUP_ROOT='$Directory/machine'"
        $subsystem = Join-Path $Directory 'powershell'
        Set-Content $subsystem (@('#!/bin/sh') + $variables + 'export POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off' +
            "echo `$`$ >> '$Directory/sessions'" + "exec $(($pwsh | ForEach-Object { "'$_'" }) -join ' ') -sshs -NoLogo -NoProfile")
        & chmod +x $subsystem
        # A locked account ('!' in the shadow file) is let in by PAM only.
        $pam = if ("$(& getent shadow root)".Split(':')[1] -like '!*') { 'yes' } else { 'no' }
        Copy-Item (Join-Path $Directory 'user.pub') (Join-Path $Directory 'authorized_keys')
        & chmod 600 (Join-Path $Directory 'authorized_keys')
        Set-Content (Join-Path $Directory 'known_hosts') "imagebackup-test $((Get-Content (Join-Path $Directory 'host.pub')).Split(' ')[0..1] -join ' ')"
        Set-Content (Join-Path $Directory 'sshd_config') @(
            "ListenAddress 127.0.0.1:$port", "HostKey $Directory/host", 'PidFile none', "AuthorizedKeysFile $Directory/authorized_keys",
            'StrictModes no', "UsePAM $pam", 'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password',
            'UseDNS no', 'PrintMotd no', "Subsystem powershell $subsystem")
        $server = Start-Process /usr/sbin/sshd -ArgumentList '-D', '-e', '-f', (Join-Path $Directory 'sshd_config') -PassThru -RedirectStandardError (Join-Path $Directory 'log')
        for ($attempt = 0; (Get-Content (Join-Path $Directory 'log') -Raw) -notmatch 'Server listening'; $attempt++) {
            if ($server.HasExited -or $attempt -gt 600) { throw "sshd did not start: $(Get-Content (Join-Path $Directory 'log') -Raw)" }
            Start-Sleep -Milliseconds 100
        }
        [pscustomobject]@{ Process = $server; Port = $port; Directory = $Directory }
    }

    function New-SshSession {
        New-PSSession -HostName 127.0.0.1 -Port $server.Port -UserName root -KeyFilePath (Join-Path $server.Directory 'user') -Options @{
            UserKnownHostsFile = Join-Path $server.Directory 'known_hosts'; HostKeyAlias = 'imagebackup-test'; IdentitiesOnly = 'yes'; BatchMode = 'yes'
        }
    }

    # As Invoke-Command, with the streams to look at, and a Stop, which is what Ctrl+C does.
    function Start-There([string] $Script, [object[]] $Arguments = @()) {
        $there = [powershell]::Create()
        $there.Runspace = $session.Runspace
        $null = $there.AddScript($Script)
        foreach ($argument in $Arguments) { $null = $there.AddArgument($argument) }
        $output = [Management.Automation.PSDataCollection[psobject]]::new()
        $running = $there.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [pscustomobject]@{ PowerShell = $there; Running = $running; Output = $output }
    }

    function Wait-Until([scriptblock] $Condition, [string] $Otherwise) {
        $clock = [Diagnostics.Stopwatch]::StartNew()
        while (-not (& $Condition)) {
            if ($clock.Elapsed.TotalMinutes -gt 3) { throw $Otherwise }
            Start-Sleep -Milliseconds 20
        }
    }

    if (-not $IsWindows -and (Test-Path /usr/sbin/sshd) -and [Environment]::UserName -eq 'root') {
        $server = Start-SshServer (Join-Path $work 'ssh')
        $session = New-SshSession
        $volume = Join-Path $work 'volume.img'
        New-TestVolume $volume -SizeBytes 48MB
        $repository = Join-Path $work 'repository'
        $null = Initialize-ImageRepository $repository -Password $password
        Invoke-Command $session { Import-Module $env:IMAGEBACKUP_MANIFEST }
    }
}

AfterAll {
    if ($session) { Remove-PSSession $session }
    if ($server) {
        Stop-Process -Id $server.Process.Id -ErrorAction Ignore
        $server.Process.WaitForExit()
    }
    Remove-Work
}

Describe 'A session over SSH' -Tag 'net10.0' -Skip:([bool] $whyNot) {
    It 'backs up with a password that crosses as a SecureString, and its warnings and progress arrive' {
        $run = Start-There 'param($volume, $repository, $password) Backup-VolumeImage $volume -ImageType Dynamic -ChunkSize 64KB -ThrottleLimit 1 -Repository $repository -Password $password' $volume, $repository, $password
        $null = $run.PowerShell.EndInvoke($run.Running)
        $run.PowerShell.Streams.Error | Should -BeNullOrEmpty
        $image = @($run.Output)
        $image.Count | Should -Be 1
        $image[0].Volume | Should -Be $volume
        $image[0].Id | Should -Match '^[0-9a-f]{64}$'
        "$($run.PowerShell.Streams.Warning)" | Should -Match 'is stored whole'
        @($run.PowerShell.Streams.Progress | Where-Object Activity -Match 'Backing up|volume\.img').Count | Should -BeGreaterThan 0
    }

    It 'gives objects that have their views here, and that text shows as here' {
        $there = Invoke-Command $session { param($repository, $password) Get-ImageBackup -Repository $repository -Password $password } -ArgumentList $repository, $password -HideComputerName
        $here = Get-ImageBackup -Repository $repository -Password $password
        $there.PSTypeNames | Should -Contain 'Deserialized.ImageBackup.ImageBackupInfo'
        ($there | Format-Table | Out-String) | Should -Be ($here | Format-Table | Out-String)
        "$there" | Should -Be "$here"
        $there.SizeBytes | Should -Be $here.SizeBytes
    }

    It 'gives errors with their ids and categories' {
        $failures = @()
        Invoke-Command $session { param($repository, $password) Backup-VolumeImage /nowhere/at.img -Repository $repository -Password $password } -ArgumentList $repository, $password -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'VolumeNotFound'
        $failures[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'restores and proves what was backed up' {
        $target = Join-Path $work 'restored.img'
        $result = Invoke-Command $session { param($volume, $target, $repository, $password) Get-ImageBackup $volume -Repository $repository -Password $password | Restore-VolumeImage -Destination $target -Repository $repository -Password $password -Force } -ArgumentList $volume, $target, $repository, $password
        $result.Destination | Should -Be $target
        (Get-FileHash $target).Hash | Should -Be (Get-FileHash $volume).Hash
    }

    It 'backs up as a job of this side, and as one of the other' {
        $job = Invoke-Command $session { param($volume, $repository, $password) Backup-VolumeImage $volume -ImageType Dynamic -Repository $repository -Password $password } -ArgumentList $volume, $repository, $password -AsJob
        ($job | Receive-Job -Wait -AutoRemoveJob -WarningAction SilentlyContinue).Volume | Should -Be $volume
        $image = Invoke-Command $session { param($volume, $repository, $password) Backup-VolumeImage $volume -ImageType Dynamic -Repository $repository -Password $password -AsJob | Receive-Job -Wait -AutoRemoveJob } -ArgumentList $volume, $repository, $password -WarningAction SilentlyContinue
        $image.Volume | Should -Be $volume
    }

    Context 'that is stopped (Ctrl+C)' {
        BeforeAll {
            $hold = Join-Path $work 'hold'
            $log = Join-Path $work 'commands.log'
            # A child of its own holds the phase: it must go too.
            Set-Content (Join-Path $work 'create.sh') "echo create >> '$log'; cp `"`$IMAGEBACKUP_DEVICE`" '$work/frozen-'`$IMAGEBACKUP_ID; sh -c `"while [ -e '$hold' ]; do sleep 0.05; done`"; echo created >> '$log'; echo '$work/frozen-'`$IMAGEBACKUP_ID"
            Set-Content (Join-Path $work 'remove.sh') "rm -f '$work/frozen-'`$IMAGEBACKUP_ID; echo removed >> '$log'"
            Invoke-Command $session { param($work) Set-SnapshotProvider COMMAND -CreateCommand "sh '$work/create.sh'" -RemoveCommand "sh '$work/remove.sh'" -Confirm:$false } -ArgumentList $work
            $backup = 'param($volume, $repository, $password) Backup-VolumeImage $volume -ChunkSize 64KB -ThrottleLimit 1 -Repository $repository -Password $password '
            function Said { if (Test-Path $log) { @(Get-Content $log) } else { @() } }
            function Held { @(Get-ChildItem /proc -Directory | Where-Object Name -Match '^\d+$' | Where-Object { [IO.File]::Exists("$_/cmdline") -and ((Get-Content "$_/cmdline" -Raw -ErrorAction Ignore) -like "*$hold*") }) }
        }
        BeforeEach {
            Remove-Item $log -ErrorAction Ignore
            $imagesBefore = @(Get-ChildItem (Join-Path $repository 'snapshots')).Count
        }
        AfterEach {
            Remove-Item $hold -ErrorAction Ignore
        }

        It 'while a snapshot is being taken: it is removed, and the session goes on' {
            $null = New-Item $hold
            $run = Start-There ($backup + '-ImageType Snapshot -SnapshotProvider COMMAND') $volume, $repository, $password
            Wait-Until { (Said) -contains 'create' } 'The snapshot was not begun.'
            $run.PowerShell.Stop()
            $run.PowerShell.InvocationStateInfo.State | Should -Be 'Stopped'
            Held | Should -BeNullOrEmpty
            Said | Should -Contain 'removed'
            Get-ChildItem $work -Filter 'frozen-*' | Should -BeNullOrEmpty
            Get-ChildItem (Join-Path $repository 'locks') | Should -BeNullOrEmpty
            Invoke-Command $session { 6 * 7 } | Should -Be 42
        }

        It 'while it copies: nothing is left, and no image is made' {
            New-TestVolume $volume -Seed 99 -SizeBytes 48MB
            $run = Start-There ($backup + '-ImageType Snapshot -SnapshotProvider COMMAND') $volume, $repository, $password
            Wait-Until { (Said) -contains 'created' -and (Get-ChildItem (Join-Path $repository 'locks')) } 'The copy was not begun.'
            $run.PowerShell.Stop()
            Get-ChildItem $work -Filter 'frozen-*' | Should -BeNullOrEmpty
            Get-ChildItem (Join-Path $repository 'locks') | Should -BeNullOrEmpty
            # It may have come to its end just then.
            if ($run.PowerShell.InvocationStateInfo.State -eq 'Stopped') {
                @(Get-ChildItem (Join-Path $repository 'snapshots')).Count | Should -BeIn $imagesBefore, ($imagesBefore + 1)
            }
        }

        It 'and whose client is killed: the backup comes to its end or is undone, and leaves nothing' {
            $null = New-Item $hold
            $other = New-SshSession
            try {
                Invoke-Command $other { Import-Module $env:IMAGEBACKUP_MANIFEST }
                $id = Invoke-Command $other { $PID }
                $there = [powershell]::Create()
                $there.Runspace = $other.Runspace
                $null = $there.AddScript($backup + '-ImageType Snapshot -SnapshotProvider COMMAND').AddArgument($volume).AddArgument($repository).AddArgument($password)
                $null = $there.BeginInvoke()
                Wait-Until { (Said) -contains 'create' } 'The snapshot was not begun.'
                Get-ChildItem /proc -Directory | Where-Object Name -Match '^\d+$' |
                    Where-Object { (Get-Content "$_/cmdline" -Raw -ErrorAction Ignore) -match "^\S*ssh\0.*$([regex]::Escape((Join-Path $server.Directory 'known_hosts')))" } |
                    Where-Object { (Get-Content "$_/status" -ErrorAction Ignore) -match "^PPid:\s+$PID$" } |
                    Sort-Object { [int] $_.Name } | Select-Object -Last 1 | ForEach-Object { Stop-Process -Id $_.Name -Force }
                Remove-Item $hold
                Wait-Until { -not (Get-Process -Id $id -ErrorAction Ignore) } 'The session that lost its client did not end.'
                Held | Should -BeNullOrEmpty
                Said | Should -Contain 'removed'
                Get-ChildItem $work -Filter 'frozen-*' | Should -BeNullOrEmpty
                Get-ChildItem (Join-Path $repository 'locks') | Should -BeNullOrEmpty
            }
            finally {
                Remove-PSSession $other -ErrorAction Ignore
            }
        }
    }
}
