BeforeDiscovery {
    $whyNoSystemd = if ($IsWindows) { 'Windows' } elseif (-not (Get-Command systemd-analyze -ErrorAction Ignore)) { 'systemd-analyze is not installed' }
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1

    # The examples of about_ImageBackup_Schedule: what is indented by eight blanks under a line that names a file.
    $topic = [IO.File]::ReadAllText((Join-Path (Split-Path (Split-Path $PSScriptRoot)) 'en-US/about_ImageBackup_Schedule.help.txt')).Replace("`r`n", "`n")
    function ExampleOf([string] $Name) {
        $match = [regex]::Match($topic, "(?m)^    .*\b$([regex]::Escape($Name))[^\n]*\n(?:    \S[^\n]*\n)*\n((?:        [^\n]*\n|\n)+)")
        $match.Success | Should -BeTrue -Because "the topic has an example of $Name"
        [regex]::Replace($match.Groups[1].Value, '(?m)^ {8}', '').Trim() + "`n"
    }

    # The module as all users have it, and the places of the examples in this directory.
    $modules = Split-Path (Split-Path (Split-Path $env:IMAGEBACKUP_MANIFEST))
    if ((Split-Path $modules -Leaf) -eq 'ImageBackup') { $modules = Split-Path $modules }
    $secretFile = Join-Path $work 'images.password'
    [IO.File]::WriteAllText($secretFile, $secretText)
    if (-not $IsWindows) { [IO.File]::SetUnixFileMode($secretFile, 'UserRead, UserWrite') }
    $repository = Join-Path $work 'images'
    $null = Initialize-ImageRepository $repository -Password $password
    $volume = Join-Path $work 'disk.img'
    New-TestVolume $volume
    $script = Join-Path $work 'nightly.ps1'
    # Stands for /usr/bin/pwsh: it finds the module, and reports nothing to anybody.
    $program = Join-Path $work 'bin/pwsh'
    $null = New-Item -ItemType Directory (Split-Path $program)
    if (-not $IsWindows) {
        [IO.File]::WriteAllText($program, "#!/bin/sh`nexport PSModulePath='$modules' POWERSHELL_TELEMETRY_OPTOUT=1`nexec $(($pwsh | ForEach-Object { "'$_'" }) -join ' ') ""`$@""`n")
        chmod 755 $program
    }

    # The nightly script of the topic, for these places. The volumes of this machine are not the test's to back up.
    function Write-Script([string] $Repository = $repository, [string] $Volume = $volume) {
        $text = (ExampleOf 'nightly.ps1').Replace('/backup/images', $Repository)
        $text = [regex]::Replace($text, '(?s)Get-ImageVolume \|.*?Backup-VolumeImage', "'$Volume' | Backup-VolumeImage")
        $text | Should -BeLike "*'$Volume' | Backup-VolumeImage -Tag nightly*"
        [IO.File]::WriteAllText($script, $text)
        if (-not $IsWindows) { chmod 755 $script }
    }

    function Place([string] $Text) {
        $Text.Replace('/usr/bin/pwsh', $program).Replace('/etc/imagebackup/nightly.ps1', $script).Replace('/etc/imagebackup/images.password', $secretFile)
    }

    # Runs a line as a shell does; gives what it wrote and leaves $LASTEXITCODE.
    function Invoke-Shell([string] $Line, [string] $Path = $env:PATH) {
        & env "RESTIC_PASSWORD_FILE=$secretFile" "PATH=$Path" sh -c $Line 2>&1
    }
}
AfterAll { Remove-Work }

Describe 'Get-ImageBackupExitCode' {
    It 'is 0 of nothing: <_>' -ForEach '$null', '@()', '[Collections.ArrayList]::new()' {
        Get-ImageBackupExitCode (Invoke-Expression $_) | Should -Be 0
        Invoke-Expression $_ | Get-ImageBackupExitCode | Should -Be 0
    }

    It 'tells what restic has a code for' {
        $failures = $null
        $null = Join-Path $work 'absent.img' | Backup-VolumeImage -Repository $repository -Password $password -ErrorVariable failures -ErrorAction SilentlyContinue
        Get-ImageBackupExitCode $failures | Should -Be 1
        $wrong = ConvertTo-SecureString 'wrong' -AsPlainText -Force
        try { Get-ImageBackup -Repository $repository -Password $wrong -ErrorAction Stop } catch { Get-ImageBackupExitCode $_ | Should -Be 12 }
        try { Get-ImageBackup -Repository $repository -Password $wrong -ErrorAction Stop } catch { $_.Exception | Get-ImageBackupExitCode | Should -Be 1 -Because 'the exception alone has no id' }
        (Get-ImageBackupExitCode $failures).GetType().FullName | Should -Be 'System.Int32'
    }

    It 'is decided by the gravest of <Ids>, in whatever order' -ForEach @(
        @{ Ids = 'RepositoryNotFound', 'Other', 'SomeDataUnreadable'; Code = 10 }
        @{ Ids = 'SomeDataUnreadable', 'Other'; Code = 1 }
        @{ Ids = 'RepositoryLocked', 'RepositoryNotFound'; Code = 11 }
        @{ Ids = 'Other', 'WrongPassword', 'RepositoryLocked'; Code = 12 }
        @{ Ids = 'WrongPassword', 'Cancelled'; Code = 130 }
        @{ Ids = 'SomeDataUnreadable'; Code = 3 }
    ) {
        $records = @($Ids | ForEach-Object { [Management.Automation.ErrorRecord]::new([Exception]::new('x'), "$_,A.Command", 'NotSpecified', $null) })
        Get-ImageBackupExitCode $records | Should -Be $Code
        [array]::Reverse($records)
        $records | Get-ImageBackupExitCode | Should -Be $Code
    }

    It 'knows the error that ended a command in -ErrorVariable' {
        $failures = $null
        try { Get-ImageBackup -Repository (Join-Path $work 'absent') -Password $password -ErrorAction Stop -ErrorVariable failures } catch { $null = $_ }
        $failures.Count | Should -BeGreaterThan 0
        Get-ImageBackupExitCode $failures | Should -Be 10
    }
}

Describe 'The script of about_ImageBackup_Schedule' -Skip:$IsWindows {
    It 'ends with <Code>: <Case>' -ForEach @(
        @{ Case = 'all is well'; Code = 0; Change = { Write-Script } }
        @{ Case = 'there is no repository'; Code = 10; Change = { Write-Script -Repository (Join-Path $work 'none') } }
        @{ Case = 'there is no volume'; Code = 1; Change = { Write-Script -Volume (Join-Path $work 'none.img') } }
        @{ Case = 'the password is wrong'; Code = 12; Change = { Write-Script; [IO.File]::WriteAllText($secretFile, 'wrong') } }
    ) {
        . $Change
        try { $output = Invoke-Shell "'$program' -NoProfile -NonInteractive -File '$script'" }
        finally { [IO.File]::WriteAllText($secretFile, $secretText) }
        $LASTEXITCODE | Should -Be $Code -Because ($output -join "`n")
    }
}

Describe 'The systemd units of about_ImageBackup_Schedule' -Skip:([bool]$whyNoSystemd) {
    BeforeAll {
        $units = Join-Path $work 'units'
        $null = New-Item -ItemType Directory $units
        Write-Script
        foreach ($name in 'imagebackup.service', 'imagebackup-failed.service', 'imagebackup.timer', 'imagebackup-repair.service') {
            [IO.File]::WriteAllText((Join-Path $units $name), (Place (ExampleOf $name)))
        }
        function CommandOf([string] $Unit, [string] $Key = 'ExecStart') {
            $text = [IO.File]::ReadAllText((Join-Path $units $Unit)) -replace "\\`n\s*", ' '
            [regex]::Match($text, "(?m)^$Key=-?(.*)$").Groups[1].Value
        }
    }

    It 'are units that systemd accepts' {
        $said = systemd-analyze verify --man=no (Get-ChildItem $units).FullName 2>&1 | Where-Object { $_ -like "*$units*" -or $_ -like 'imagebackup*' }
        $said | Should -BeNullOrEmpty
    }

    It 'run the backup by what ExecStart says' {
        $before = @(Get-ChildItem $repository/snapshots).Count
        $output = Invoke-Shell (CommandOf 'imagebackup.service')
        $LASTEXITCODE | Should -Be 0 -Because ($output -join "`n")
        @(Get-ChildItem $repository/snapshots).Count | Should -Be ($before + 1)
    }

    It 'undo by what <Unit> says' -ForEach @(
        @{ Unit = 'imagebackup-repair.service'; Key = 'ExecStart' }
        @{ Unit = 'imagebackup.service'; Key = 'ExecStopPost' }
    ) {
        $output = Invoke-Shell (CommandOf $Unit $Key)
        $LASTEXITCODE | Should -Be 0 -Because ($output -join "`n")
    }

    It 'have a timer that comes every night' {
        $calendar = [regex]::Match([IO.File]::ReadAllText((Join-Path $units 'imagebackup.timer')), '(?m)^OnCalendar=(.*)$').Groups[1].Value
        $times = systemd-analyze calendar --iterations=2 --base-time='2026-01-01 00:00:00' $calendar | Out-String
        $times | Should -Match '2026-01-01 02:30:00(?s).*2026-01-02 02:30:00'
    }
}

Describe 'The cron table of about_ImageBackup_Schedule' -Skip:$IsWindows {
    BeforeAll {
        Write-Script
        $lines = (Place (ExampleOf 'cron.d/imagebackup')).Trim().Split("`n")
        $jobs = @($lines | Where-Object { $_ -notmatch '^\w+=' })
    }

    It 'has jobs of all fields, for root' {
        $jobs.Count | Should -Be 2
        $jobs[0] | Should -Match '^\d+ \d+ \* \* \* root \S'
        $jobs[1] | Should -Match '^@reboot root \S'
    }

    It 'runs the backup and is silent; a failure is told' {
        $path = "$(Split-Path $program):/usr/bin:/bin"
        $command = $jobs[0] -replace '^(\S+ ){6}', ''
        Invoke-Shell $command $path | Should -BeNullOrEmpty
        Write-Script -Repository (Join-Path $work 'none')
        $said = Invoke-Shell $command $path | Out-String
        $said | Should -BeLike '*no repository*'
        $said | Should -BeLike '*Ended 10*'
        Write-Script
    }

    It 'undoes after a restart' {
        $null = Invoke-Shell ($jobs[1] -replace '^@reboot root ', '') "$(Split-Path $program):/usr/bin:/bin"
        $LASTEXITCODE | Should -Be 0
    }
}

Describe 'The scheduled task of about_ImageBackup_Schedule' {
    BeforeAll {
        $task = ([xml](ExampleOf 'imagebackup.xml')).Task
        # Every element of [MS-TSCH] 2.5 that the example may have, in the order that the schema wants.
        $order = @{
            Task = 'RegistrationInfo', 'Triggers', 'Principals', 'Settings', 'Actions'
            RegistrationInfo = @('Description')
            Triggers = @('CalendarTrigger')
            CalendarTrigger = 'StartBoundary', 'Enabled', 'RandomDelay', 'ScheduleByDay'
            ScheduleByDay = @('DaysInterval')
            Principals = @('Principal')
            Principal = 'UserId', 'RunLevel'
            Settings = 'MultipleInstancesPolicy', 'StartWhenAvailable', 'ExecutionTimeLimit', 'Priority'
            Actions = @('Exec')
            Exec = 'Command', 'Arguments', 'WorkingDirectory'
        }
        function Assert-Element($Element) {
            $children = @($Element.ChildNodes | Where-Object NodeType -EQ Element)
            if (-not $children) { return }
            $Element.NamespaceURI | Should -Be 'http://schemas.microsoft.com/windows/2004/02/mit/task'
            $children.LocalName | Should -Be $order[$Element.LocalName]
            foreach ($child in $children) { Assert-Element $child }
        }
    }

    It 'has the elements of the schema, in its order' {
        Assert-Element $task
        $task.version | Should -Be '1.2'
        $task.Actions.Context | Should -Be $task.Principals.Principal.id
    }

    It 'has values of the right kinds' {
        [Xml.XmlConvert]::ToDateTime($task.Triggers.CalendarTrigger.StartBoundary, [Xml.XmlDateTimeSerializationMode]::Unspecified).TimeOfDay | Should -Be ([timespan]'02:30')
        [Xml.XmlConvert]::ToTimeSpan($task.Triggers.CalendarTrigger.RandomDelay) | Should -Be ([timespan]'00:20')
        [Xml.XmlConvert]::ToTimeSpan($task.Settings.ExecutionTimeLimit) | Should -Be ([timespan]'08:00')
        [Xml.XmlConvert]::ToBoolean($task.Settings.StartWhenAvailable) | Should -BeTrue
        $task.Settings.MultipleInstancesPolicy | Should -BeIn 'Parallel', 'Queue', 'IgnoreNew', 'StopExisting'
        $task.Principals.Principal.RunLevel | Should -BeIn 'LeastPrivilege', 'HighestAvailable'
        $task.Principals.Principal.UserId | Should -Be 'S-1-5-18'
        [int]$task.Settings.Priority | Should -BeIn (0..10)
    }

    It 'runs the script by its arguments, and ends with its code' {
        Write-Script -Repository (Join-Path $work 'none')
        $before = $env:PSModulePath
        $env:PSModulePath = $modules + [IO.Path]::PathSeparator + $before
        Push-Location $work
        try { $null = & $pwsh[0] $pwsh[1..9] $task.Actions.Exec.Arguments.Split(' ') 2>&1 }
        finally {
            Pop-Location
            $env:PSModulePath = $before
        }
        $LASTEXITCODE | Should -Be 10
    }

    It 'has commands that parse, with parameters that are named once' {
        foreach ($name in 'New-ScheduledTaskAction', 'Register-ScheduledTask') {
            $topic | Should -BeLike "*$name*"
        }
        $commands = [regex]::Match($topic, '(?ms)^        \$action = New-ScheduledTaskAction.*?(?=^    \S)').Value
        $failures = $null
        $null = [Management.Automation.Language.Parser]::ParseInput($commands, [ref]$null, [ref]$failures)
        $failures | Should -BeNullOrEmpty
    }
}
