BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password
}

AfterAll { Remove-Work }

Describe 'The password' {
    It 'is in no stream and no error of any cmdlet, nor in a transcript' {
        $transcript = Join-Path $work 'transcript.txt'
        $log = Join-Path $work 'streams.txt'
        $wrong = ConvertTo-SecureString "$secretText-wrong" -AsPlainText -Force
        $null = Start-Transcript $transcript
        try {
            & {
                $ErrorActionPreference = 'Continue'
                $VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
                Connect-ImageRepository $location -Password $password
                try { Connect-ImageRepository $location -Password $wrong } catch { $_ | Format-List * -Force; $_.Exception.ToString() }
                Export-ImageRepositoryPassword (Join-Path $work 'secret') -Password $password
                Export-ImageRepositoryPassword (Join-Path $work 'secret') -Password $password
                Export-ImageRepositoryPassword (Join-Path $work 'other') -Password $password -WhatIf
                Backup-VolumeImage $volume -Repository $location -PasswordFile (Join-Path $work 'secret')
                Backup-VolumeImage $volume -Repository $location -Password $password -AsJob | Receive-Job -Wait -AutoRemoveJob
                Get-ImageBackup -Repository $location -Password $password | Format-List *
                Test-ImageRepository $location -Password $password
                Unlock-ImageRepository $location -Password $password
                Initialize-ImageRepository (Join-Path $work 'another') -Password $password
                Get-ImageVolume $volume
                Disconnect-ImageRepository
                Get-Variable | Format-List *
            } *>&1 | Out-String -Width 500 | Set-Content $log
            $Error | ForEach-Object { $_ | Format-List * -Force; $_.Exception.ToString(); $_.InvocationInfo | Format-List * } | Out-String -Width 500 | Add-Content $log
        }
        finally {
            $null = Stop-Transcript
        }
        (Get-Item $log).Length | Should -BeGreaterThan 2000
        # The test's own variable aside, which Get-Variable prints.
        $text = (Get-Content $log -Raw) -replace '(?m)^Name\s*:\s*secretText\s*\r?\n(.*\r?\n)*?Value\s*:.*$', '' -replace "(?m)^Value\s*:\s*$([regex]::Escape($secretText))\s*$", ''
        $text | Should -Not -BeLike "*$secretText*"
        Get-Content $transcript -Raw | Should -Not -BeLike "*$secretText*"
    }

    It 'is on no command line, in no environment and in no file beside its own' {
        $passwordFile = (Export-ImageRepositoryPassword (Join-Path $work 'files/password') -Password $password -ErrorAction SilentlyContinue)
        $null = New-Item -ItemType Directory (Join-Path $work 'files') -Force
        $passwordFile = (Export-ImageRepositoryPassword (Join-Path $work 'files/password') -Password $password).FullName
        $script = Join-Path $work 'show.ps1'
        Set-Content $script @'
param($manifest, $location, $volume, $passwordFile)
Import-Module $manifest
$repository = Connect-ImageRepository $location -PasswordFile $passwordFile
$null = Backup-VolumeImage $volume
if (Test-Path /proc/self/cmdline) { [IO.File]::ReadAllText('/proc/self/cmdline') -replace "`0", ' '; [IO.File]::ReadAllText('/proc/self/environ') -replace "`0", ' ' }
[Environment]::CommandLine
[Environment]::GetEnvironmentVariables().Values
'@
        $shown = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -File $script $env:IMAGEBACKUP_MANIFEST $location $volume $passwordFile 2>&1 | Out-String
        $shown | Should -BeLike '*show.ps1*'
        $shown | Should -Not -BeLike "*$secretText*"
        foreach ($file in Get-ChildItem $location -Recurse -File) {
            [Text.Encoding]::UTF8.GetString([IO.File]::ReadAllBytes($file.FullName)).Contains($secretText) | Should -BeFalse -Because $file.FullName
        }
        Get-ChildItem $work -Recurse -File -Filter '*.tmp' | Should -BeNullOrEmpty
    }

    It 'is not in an object that a cmdlet gives' {
        $connection = Connect-ImageRepository $location -Password $password
        $connection | ConvertTo-Json -Depth 5 -WarningAction SilentlyContinue | Should -Not -BeLike "*$secretText*"
        [Management.Automation.PSSerializer]::Serialize($connection, 5) | Should -Not -BeLike "*$secretText*"
        $connection.PSObject.Properties.Name | Should -Not -Contain 'Password'
        Disconnect-ImageRepository
    }

    It 'comes from a vault as Get-Secret gives it' {
        function Get-Secret { param($Name) if ($Name -eq 'Images') { $password } }
        (Connect-ImageRepository $location -Password (Get-Secret Images)).IsConnected | Should -BeTrue
        Disconnect-ImageRepository
    }
}

Describe 'Export-ImageRepositoryPassword' {
    BeforeEach { $file = Join-Path $work "$([guid]::NewGuid()).password" }

    It 'writes a file that only its user may read' -Skip:$IsWindows {
        $written = Export-ImageRepositoryPassword $file -Password $password
        $written | Should -BeOfType ([IO.FileInfo])
        "$($written.UnixFileMode)" | Should -Be 'UserWrite, UserRead'
    }

    It 'opens the repository for <_>' -ForEach 'Connect-ImageRepository', 'Get-ImageBackup', 'Test-ImageRepository', 'Unlock-ImageRepository' {
        $null = Export-ImageRepositoryPassword $file -Password $password
        { & $_ -Repository $location -PasswordFile $file -ErrorAction Stop } | Should -Not -Throw
    }

    It 'is refused when the mode is <_>' -Skip:$IsWindows -ForEach '644', '640', '604', '660' {
        $null = Export-ImageRepositoryPassword $file -Password $password
        chmod $_ $file
        { Connect-ImageRepository $location -PasswordFile $file } | Should -Throw -ErrorId 'PasswordFileUnsafe,*'
    }

    It 'takes the password from the pipeline, and replaces with -Force only' {
        $null = $password | Export-ImageRepositoryPassword $file
        { $password | Export-ImageRepositoryPassword $file -ErrorAction Stop } | Should -Throw -ErrorId 'TargetExists,*'
        { $password | Export-ImageRepositoryPassword $file -Force -ErrorAction Stop } | Should -Not -Throw
    }

    It 'writes nothing with -WhatIf' {
        Export-ImageRepositoryPassword $file -Password $password -WhatIf
        $file | Should -Not -Exist
    }

    It 'is exclusive with -Password' {
        $null = Export-ImageRepositoryPassword $file -Password $password
        { Connect-ImageRepository $location -Password $password -PasswordFile $file } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }
}
