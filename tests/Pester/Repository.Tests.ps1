BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $location = Join-Path $work 'repository'
    $repository = Initialize-ImageRepository $location -Password $password
    New-TestVolume (Join-Path $work 'volume.img')
}

AfterAll {
    Disconnect-ImageRepository $repository
    Remove-Work
}

Describe 'Repositories' {
    It 'are created with restic''s layout' {
        foreach ($name in 'config', 'data', 'index', 'keys', 'locks', 'snapshots') {
            Join-Path $location $name | Should -Exist
        }
        $repository.FormatVersion | Should -Be 2
        $repository.Id | Should -Match '^[0-9a-f]{64}$'
    }

    It 'are not created by -WhatIf' {
        $path = Join-Path $work 'whatif'
        Initialize-ImageRepository $path -Password $password -WhatIf
        $path | Should -Not -Exist
    }

    It 'are not created over another' {
        { Initialize-ImageRepository $location -Password $password -ErrorAction Stop } |
            Should -Throw -ErrorId 'RepositoryExists,*'
    }

    It 'answer a wrong password with WrongPassword' {
        $wrong = ConvertTo-SecureString 'wrong' -AsPlainText -Force
        { Connect-ImageRepository $location -Password $wrong } | Should -Throw -ErrorId 'WrongPassword,*'
    }

    It 'answer with the fitting category and a recommended action' {
        $caught = try { Connect-ImageRepository (Join-Path $work 'none') -Password $password } catch { $_ }
        $caught.FullyQualifiedErrorId | Should -BeLike 'RepositoryNotFound,*'
        $caught.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $caught.ErrorDetails.RecommendedAction | Should -Match 'Initialize-ImageRepository'
    }

    It 'answer PasswordNeeded if there is none' {
        { Connect-ImageRepository $location } | Should -Throw -ErrorId 'PasswordNeeded,*'
    }

    It 'answer RepositoryNotConnected where none is named' {
        { Get-ImageBackup } | Should -Throw -ErrorId 'RepositoryNotConnected,*'
    }

    It 'are the session''s default from Connect to Disconnect' {
        $connected = Connect-ImageRepository $location -Password $password
        try {
            { Get-ImageBackup } | Should -Not -Throw
        }
        finally { Disconnect-ImageRepository }
        $connected.IsConnected | Should -BeFalse
        { Get-ImageBackup } | Should -Throw -ErrorId 'RepositoryNotConnected,*'
    }

    It 'are named by a PowerShell drive and by a relative path' {
        Push-Location $work
        try {
            { Test-ImageRepository ./repository -Password $password } | Should -Not -Throw
            { Test-ImageRepository Work:/repository -Password $password } | Should -Not -Throw
        }
        finally { Pop-Location }
    }

    It 'and their passwords come from restic''s variables' {
        $file = Join-Path $work 'secret.txt'
        Set-Content $file $secretText
        $env:RESTIC_REPOSITORY = $location
        $env:RESTIC_PASSWORD_FILE = $file
        try {
            (Test-ImageRepository).IsHealthy | Should -BeTrue
        }
        finally {
            $env:RESTIC_REPOSITORY = $env:RESTIC_PASSWORD_FILE = $null
        }
    }

    It 'are checked in structure and in data' {
        $quick = Test-ImageRepository $repository
        $quick.IsHealthy | Should -BeTrue
        $quick.DataRead | Should -BeFalse
        (Test-ImageRepository $repository -ReadData).DataRead | Should -BeTrue
    }

    It 'tell a provider path that is none of the file system' {
        { Connect-ImageRepository Env:/x -Password $password } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }

    It 'of other storage say that they cannot be used' {
        { Connect-ImageRepository s3:host/bucket -Password $password } | Should -Throw -ErrorId 'NotSupported,*'
    }

    It 'lose a stale lock by Unlock, and -All with -Confirm:$false' {
        Unlock-ImageRepository $repository | Should -BeNullOrEmpty
        Unlock-ImageRepository $repository -All -Confirm:$false | Should -BeNullOrEmpty
    }

    It 'keep the password out of errors, verbose text and transcripts' {
        $transcript = Join-Path $work 'transcript.txt'
        $null = Start-Transcript $transcript
        try {
            $all = & {
                $VerbosePreference = 'Continue'
                Connect-ImageRepository $location -Password $password
                Disconnect-ImageRepository
                try { Connect-ImageRepository $location -Password (ConvertTo-SecureString 'other-SECRET' -AsPlainText -Force) } catch { $_ }
            } *>&1 | Out-String
        }
        finally { $null = Stop-Transcript }
        $all | Should -Not -Match ([regex]::Escape($secretText))
        $all | Should -Not -Match 'other-SECRET'
        Get-Content $transcript -Raw | Should -Not -Match ([regex]::Escape($secretText))
    }
}
