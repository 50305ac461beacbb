# What a person at a console is asked, and what is said if nobody can be asked: -NonInteractive, input that is not a console,
# output that takes nothing.

BeforeDiscovery {
    $hasTerminal = -not $IsWindows -and (Get-Command script -CommandType Application -ErrorAction Ignore)
    if (-not $hasTerminal) { Write-Warning "There is no 'script' of util-linux: the cases at a terminal are skipped." }
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $image = Backup-VolumeImage $volume -Repository $location -Password $password

    # A script in a pwsh of its own that writes each error's id. Its input is at its end at once, as cron's and systemd's.
    function Start-Script([string] $Text, [string[]] $Switches = @(), [string] $Shell) {
        $file = Join-Path $work "$([guid]::NewGuid()).ps1"
        Set-Content $file ("`$ErrorActionPreference = 'Stop'`nImport-Module '$env:IMAGEBACKUP_MANIFEST'`nfunction Id { process { 'ID=' + `$_.FullyQualifiedErrorId.Split(',')[0] } }`n" + $Text)
        $command = @($pwsh) + '-NoProfile' + $Switches + '-File' + $file
        $start = [Diagnostics.ProcessStartInfo]::new()
        if ($Shell) {
            $start.FileName = 'sh'
            $start.ArgumentList.Add('-c')
            $start.ArgumentList.Add($Shell.Replace('{}', ($command | ForEach-Object { "'$_'" }) -join ' '))
        }
        else {
            $start.FileName = $command[0]
            foreach ($argument in $command | Select-Object -Skip 1) { $start.ArgumentList.Add($argument) }
        }
        $start.WorkingDirectory = $work
        $start.Environment['NO_COLOR'] = '1'
        $start.Environment['TERM'] = 'dumb'
        $start.Environment['SHELL'] = '/bin/sh'
        $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
        [Diagnostics.Process]::Start($start)
    }

    function Invoke-Unattended([string] $Text, [string[]] $Switches = @(), [string] $Shell) {
        $process = Start-Script $Text $Switches $Shell
        $process.StandardInput.Close()
        $errors = $process.StandardError.ReadToEndAsync()
        $output = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        "$output`n$($errors.Result)"
    }

    # The same at a terminal. Each answer is typed when its question has appeared. PowerShell's console asks the terminal where the
    # cursor is, and waits for that answer too.
    function Invoke-AtTerminal([string] $Text, [Collections.IDictionary] $Answers) {
        $process = Start-Script $Text -Shell 'exec script -qec "{}" /dev/null'
        $shown = [Text.StringBuilder]::new()
        $buffer = [char[]]::new(4096)
        $asked = 0
        $from = 0
        $left = [Collections.Generic.Queue[string]]::new([string[]]@($Answers.Keys))
        while (($count = $process.StandardOutput.Read($buffer, 0, $buffer.Length)) -gt 0) {
            $all = $shown.Append($buffer, 0, $count).ToString()
            while (($at = $all.IndexOf("`e[6n", $asked, [StringComparison]::Ordinal)) -ge 0) {
                $process.StandardInput.Write("`e[1;1R")
                $asked = $at + 4
            }
            while ($left.Count -gt 0 -and ($at = $all.IndexOf($left.Peek(), $from, [StringComparison]::Ordinal)) -ge 0 -and $all.IndexOf(": ", $at, [StringComparison]::Ordinal) -ge 0) {
                $question = $left.Dequeue()
                $from = $at + $question.Length
                $process.StandardInput.Write($Answers[$question] + "`r")
            }
            $process.StandardInput.Flush()
        }
        $process.WaitForExit()
        if ($left.Count -gt 0) { throw "The question '$($left.Peek())' did not come: $shown" }
        $shown.ToString()
    }
}

AfterAll {
    try { Disconnect-ImageRepository } catch { Write-Verbose "None is connected: $_" }
    Remove-Work
}

Describe 'At a terminal' -Skip:(-not $hasTerminal) {
    It 'the first two lines of the README ask for a new password twice, and go on' {
        $shown = Invoke-AtTerminal 'Initialize-ImageRepository ./first | Connect-ImageRepository | ForEach-Object FormatVersion; "DONE=$(@(Get-ImageBackup).Count)"' (
            [ordered]@{ 'Password of the new repository' = 'typed-7!'; 'The same again' = 'typed-7!' })
        $shown | Should -Match 'DONE=0'
        $shown | Should -Not -Match 'typed-7!'
        (Get-ImageRepositoryKey (Join-Path $work 'first') -Password (ConvertTo-SecureString 'typed-7!' -AsPlainText -Force)).IsCurrent | Should -BeTrue
    }

    It 'two that differ create nothing' {
        Invoke-AtTerminal 'try { Initialize-ImageRepository ./differ } catch { $_ | Id }' (
            [ordered]@{ 'Password of the new repository' = 'one'; 'The same again' = 'two' }) | Should -Match 'ID=PasswordsDiffer'
        Join-Path $work 'differ' | Should -Not -Exist
    }

    It 'an empty one is refused' {
        Invoke-AtTerminal 'try { Initialize-ImageRepository ./empty } catch { $_ | Id }' ([ordered]@{ 'Password of the new repository' = '' }) | Should -Match 'ID=PasswordMissing'
        Join-Path $work 'empty' | Should -Not -Exist
    }

    It 'nobody types a password for a place that is taken, or for a path without a repository' {
        Invoke-AtTerminal "try { Initialize-ImageRepository '$location' } catch { `$_ | Id }" @{} | Should -Match 'ID=RepositoryExists'
        Invoke-AtTerminal 'try { Connect-ImageRepository ./nowhere } catch { $_ | Id }' @{} | Should -Match 'ID=RepositoryNotFound'
    }

    It 'Connect-ImageRepository asks once, and the commands after it not at all' {
        Invoke-AtTerminal "`$null = Connect-ImageRepository '$location'; 'DONE=' + (Get-ImageBackup).Id" (
            [ordered]@{ 'Password of the repository' = $secretText }) | Should -Match "DONE=$($image.Id)"
    }

    It 'any command that needs the repository asks once' {
        Invoke-AtTerminal "'DONE=' + (Get-ImageBackup -Repository '$location').Id" ([ordered]@{ 'Password of the repository' = $secretText }) | Should -Match "DONE=$($image.Id)"
    }

    It 'a wrong one is WrongPassword' {
        Invoke-AtTerminal "try { Connect-ImageRepository '$location' } catch { `$_ | Id }" ([ordered]@{ 'Password of the repository' = 'wrong' }) | Should -Match 'ID=WrongPassword'
    }

    It 'Set-ImageRepositoryPassword asks for the old one and twice for the new one' {
        $changed = Join-Path $work 'changed'
        $null = Initialize-ImageRepository $changed -Password $password
        Invoke-AtTerminal "Set-ImageRepositoryPassword '$changed' | ForEach-Object { 'DONE=' + `$_.IsCurrent }" (
            [ordered]@{ 'Password of the repository' = $secretText; 'New password of the repository' = 'new-8!'; 'The same again' = 'new-8!' }) | Should -Match 'DONE=True'
        { Get-ImageBackup -Repository $changed -Password $password } | Should -Throw -ErrorId 'WrongPassword,*'
    }
}

# Under Wine the output of a PowerShell that has no console never ends.
Describe 'If nobody can be asked' -Skip:$IsWindows {
    BeforeDiscovery {
        $ways = @{ Name = '-NonInteractive'; Switches = @('-NonInteractive') }, @{ Name = 'input that is not a console'; Switches = @() }
    }

    It 'a password is PasswordNeeded, which lists every way to give one, -PasswordFile first (<Name>)' -ForEach $ways {
        $shown = Invoke-Unattended "try { Get-ImageBackup -Repository '$location' } catch { `$_ | Id; `$_.Exception.Message; `$_.ErrorDetails.RecommendedAction }" $Switches
        $shown | Should -Match 'ID=PasswordNeeded'
        foreach ($text in ($shown -split "`n" -match '-PasswordFile')) {
            $places = '-PasswordFile', '-Password[ ,]', 'RESTIC_PASSWORD_COMMAND', 'RESTIC_PASSWORD_FILE', 'RESTIC_PASSWORD\b(?!_)' | ForEach-Object { [regex]::Match($text, $_).Index }
            $places | Should -Be ($places | Sort-Object)
            $places[0] | Should -BeGreaterThan 0
        }
        Invoke-Unattended 'try { Initialize-ImageRepository ./new } catch { $_ | Id }' $Switches | Should -Match 'ID=PasswordNeeded'
        Invoke-Unattended 'try { Initialize-ImageRepository ./new -WhatIf } catch { $_ | Id }' $Switches | Should -Match 'ID=PasswordNeeded'
        Join-Path $work 'new' | Should -Not -Exist
    }

    It 'a new password is PasswordNeeded (<Name>)' -ForEach $ways {
        $shown = Invoke-Unattended "`$env:RESTIC_PASSWORD = '$secretText'; `$ErrorActionPreference = 'Stop'
            foreach (`$command in { Add-ImageRepositoryKey '$location' }, { Set-ImageRepositoryPassword '$location' }, { Export-ImageRepositoryPassword ./exported }) { try { & `$command } catch { `$_ | Id } }" $Switches
        [regex]::Matches($shown, 'ID=PasswordNeeded').Count | Should -Be 3 -Because $shown
        @(Get-ImageRepositoryKey $location -Password $password).Count | Should -Be 1
    }

    It 'a question is ConfirmationNeeded, and nothing is done (<Name>)' -ForEach $ways {
        $before = TreeState $location
        $shown = Invoke-Unattended @"
`$env:RESTIC_PASSWORD = '$secretText'; `$ErrorActionPreference = 'Stop'
`$null = Connect-ImageRepository '$location'
foreach (`$command in { Get-ImageBackup | Remove-ImageBackup }, { Unlock-ImageRepository -All }, { Backup-VolumeImage '$volume' -Confirm },
    { Add-ImageRepositoryKey -NewPasswordFile x -Confirm }, { Get-ImageBackup | Restore-VolumeImage -Destination ./there.img }) {
    try { & `$command } catch { `$_ | Id }
}
"@ $Switches
        [regex]::Matches($shown, 'ID=ConfirmationNeeded').Count | Should -Be 5 -Because $shown
        $shown | Should -Not -Match 'Unexpected'
        TreeState $location | Should -Be $before
        Join-Path $work 'there.img' | Should -Not -Exist
    }

    It 'a preference that asks at a message is ConfirmationNeeded (<Name>)' -ForEach $ways {
        $shown = Invoke-Unattended @"
`$env:RESTIC_PASSWORD = '$secretText'
`$null = Connect-ImageRepository '$location'
`$ErrorActionPreference = 'Continue'
try { Backup-VolumeImage '$volume' -WarningAction Inquire -ErrorAction Stop } catch { `$_ | Id }
try { Backup-VolumeImage ./nosuch.img -ErrorAction Inquire } catch { `$_ | Id }
"@ $Switches
        [regex]::Matches($shown, 'ID=ConfirmationNeeded').Count | Should -Be 2 -Because $shown
        $shown | Should -Not -Match 'Unexpected|NullReference'
    }
}

Describe 'Output that takes nothing' -Skip:(-not $IsLinux) {
    It 'loses messages and no backup: OutputLost at the end' {
        $count = @(Get-ImageBackup -Repository $location -Password $password -IncludeInactive).Count
        $shown = Invoke-Unattended "`$env:RESTIC_PASSWORD = '$secretText'; `$null = Backup-VolumeImage '$volume' -Repository '$location' -Verbose -ErrorVariable failed -ErrorAction SilentlyContinue; [Console]::Error.WriteLine((`$failed | Id) -join ' ')" -Shell '{} > /dev/full'
        $shown | Should -Match 'ID=OutputLost'
        @(Get-ImageBackup -Repository $location -Password $password -IncludeInactive).Count | Should -Be ($count + 1)
    }
}

# Under Wine 8 the runtime of .NET now and then waits for ever where a conversion fails ("[int]'x'", without our module): that is all
# that this trial does.
Describe 'No command answers Unexpected' -Tag 'net10.0' -Skip:$IsWindows {
    BeforeDiscovery {
        Import-Module $env:IMAGEBACKUP_MANIFEST
    }

    It '<_>' -ForEach @(Get-Command -Module ImageBackup -CommandType Cmdlet | Where-Object Name -NE 'Get-ImageBackupExitCode' | ForEach-Object Name | Sort-Object) {
        $null = Connect-ImageRepository $location -Password $password
        $command = Get-Command $_
        # What is mandatory, as it should be.
        $good = @{ Volume = $volume; ImageBackup = $image.Id; Id = 'ffff'; Name = 'STANDARD'; Path = (Join-Path $work 'file'); Destination = (Join-Path $work 'restored.img') }
        $odd = '', ' ', "a`0b", ('x' * 5000), '/', '/dev/null', '.', 'nosuch:\x', 'Env:\PATH', '[', '*', "`u{202e}`e[2J", '-1', '99999999999999999999', 'NaN'
        $shared = [Management.Automation.Cmdlet]::CommonParameters + [Management.Automation.Cmdlet]::OptionalCommonParameters
        $turn = 0
        $failures = foreach ($parameter in $command.Parameters.Values | Where-Object { $_.Name -notin $shared -and $_.Name -ne 'AsJob' }) {
            # A third of the values for each parameter, in turns: all of them would take minutes.
            foreach ($value in 0..4 | ForEach-Object { $odd[($turn + 3 * $_) % $odd.Count] }) {
                $arguments = @{}
                foreach ($mandatory in $command.Parameters.Values | Where-Object { $_.Attributes.Mandatory -contains $true -and $good.ContainsKey($_.Name) }) { $arguments[$mandatory.Name] = $good[$mandatory.Name] }
                $arguments[$parameter.Name] = $value
                if ($command.Parameters.ContainsKey('WhatIf')) { $arguments.WhatIf = $true }
                try { $null = & $command @arguments -ErrorVariable ours -ErrorAction SilentlyContinue -WarningAction SilentlyContinue 6> $null; $ours } catch { $_ }
            }
            $turn++
        }
        $bad = @($failures | Where-Object { "$($_.FullyQualifiedErrorId)" -match '^(Unexpected|System\.|NullReference)' })
        ($bad | ForEach-Object { "$($_.FullyQualifiedErrorId): $_" } | Select-Object -Unique -First 5) -join "`n" | Should -BeNullOrEmpty
    }
}
