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

    It 'answer RepositoryNotConnected if none is named' {
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

    It 'are only read with -ReadOnly' {
        $connected = Connect-ImageRepository $location -Password $password -ReadOnly
        try {
            $before = (Get-ChildItem $location -Recurse -File).FullName
            { Get-ImageBackup } | Should -Not -Throw
            (Test-ImageRepository).IsHealthy | Should -BeTrue
            { Optimize-ImageRepository -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'RepositoryReadOnly,*' -ExpectedMessage '*-ReadOnly*'
            { Connect-ImageRepository $connected -ReadOnly } | Should -Throw -ErrorId 'ParameterInvalid,*'
            (Get-ChildItem $location -Recurse -File).FullName | Should -Be $before
        }
        finally { Disconnect-ImageRepository }
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
        { Connect-ImageRepository swift:container:/repository -Password $password } | Should -Throw -ErrorId 'NotSupported,*'
    }

    It 'in an object store load what they need when they are opened, and say that the service is not there' {
        $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $variables = @{ AZURE_ACCOUNT_NAME = 'devstoreaccount1'; AZURE_ACCOUNT_KEY = 'c2VjcmV0'; AWS_ACCESS_KEY_ID = 'x'; AWS_SECRET_ACCESS_KEY = 'y' }
        $before = @{}
        foreach ($name in $variables.Keys) {
            $before[$name] = [Environment]::GetEnvironmentVariable($name)
            [Environment]::SetEnvironmentVariable($name, $variables[$name])
        }
        try {
            $option = @{ 'azure.endpoint' = "http://127.0.0.1:$port/devstoreaccount1" }
            { Connect-ImageRepository azure:container:/repository -StorageOption $option -Password $password } | Should -Throw -ErrorId 'StorageUnreachable,*'
            { Connect-ImageRepository "s3:http://127.0.0.1:$port/bucket/repository" -Password $password } | Should -Throw -ErrorId 'StorageUnreachable,*'
            # A login that Microsoft's other libraries look for.
            [Environment]::SetEnvironmentVariable('AZURE_ACCOUNT_KEY', $null)
            $env:AZURE_FORCE_CLI_CREDENTIAL = 'true'
            $option = @{ 'azure.endpoint' = "https://127.0.0.1:$port/devstoreaccount1" }
            { Connect-ImageRepository azure:container:/repository -StorageOption $option -Password $password } | Should -Throw -ErrorId 'StorageLoginRefused,*'
        }
        finally {
            $env:AZURE_FORCE_CLI_CREDENTIAL = $null
            foreach ($name in $before.Keys) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
        }
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

Describe 'The advice about a damaged repository' {
    BeforeAll {
        $model = Join-Path $work 'model'
        $null = Initialize-ImageRepository $model -Password $password
        New-TestVolume (Join-Path $work 'advice.img') 5
        $null = Backup-VolumeImage (Join-Path $work 'advice.img') -Repository $model -Password $password -WarningAction SilentlyContinue

        # A damaged copy, and what each command says to do about it.
        function New-Damage([scriptblock] $Damage) {
            $copy = Join-Path $work "damaged-$([guid]::NewGuid().ToString('N'))"
            Copy-Item $model $copy -Recurse
            Get-ChildItem $copy -Recurse -File | ForEach-Object { $_.IsReadOnly = $false }
            & $Damage $copy
            $copy
        }
        function Get-Advice([string] $Path) {
            $id = (Get-ImageBackup -Repository $Path -Password $password -WarningAction SilentlyContinue).Id
            $told = @{}
            $run = @{
                Test = { Test-ImageRepository $Path -ReadData -Password $password }
                Image = { if ($id) { Test-ImageBackup $id -Repository $Path -Password $password } }
                Restore = { if ($id) { Restore-VolumeImage $id -Destination (Join-Path $work "out-$([guid]::NewGuid())") -Repository $Path -Password $password -Confirm:$false } }
                Optimize = { Optimize-ImageRepository $Path -Password $password -Confirm:$false }
            }
            foreach ($name in $run.Keys) {
                $failures = $null
                try { $null = & $run[$name] 2>&1 | ForEach-Object { if ($_ -is [Management.Automation.ErrorRecord]) { $told[$name] = $_ } } }
                catch { $told[$name] = $_ }
            }
            $told
        }
    }

    It 'names the repair for <State>, and the repair mends it' -ForEach @(
        @{ State = 'lost index files'; Damage = { param($p) Remove-Item "$p/index/*" }; Commands = 'Test', 'Image', 'Restore', 'Optimize' }
        @{ State = 'a damaged index file'; Damage = { param($p) foreach ($f in Get-ChildItem "$p/index" -File) { $b = [IO.File]::ReadAllBytes($f); $b[20] = $b[20] -bxor 1; [IO.File]::WriteAllBytes($f, $b) } }; Commands = 'Test', 'Image', 'Restore', 'Optimize' }
    ) {
        $damaged = New-Damage $Damage
        $told = Get-Advice $damaged
        foreach ($command in $Commands) {
            $told[$command] | Should -Not -BeNullOrEmpty -Because $command
            $told[$command].ErrorDetails.RecommendedAction | Should -BeLike '*Run Repair-ImageRepository*' -Because "$command says $($told[$command])"
        }
        $null = Repair-ImageRepository $damaged -Password $password -Confirm:$false -WarningAction SilentlyContinue
        (Test-ImageRepository $damaged -ReadData -Password $password).IsHealthy | Should -BeTrue
        (Get-Advice $damaged).Count | Should -Be 0
    }

    It 'does not name the repair for what no pack has' {
        $damaged = New-Damage { param($p) Remove-Item "$p/index/*"; Remove-Item "$p/data/*" -Recurse }
        $told = Get-Advice $damaged
        foreach ($command in 'Test', 'Image', 'Restore', 'Optimize') {
            $told[$command].FullyQualifiedErrorId | Should -BeLike 'ChunkMissing,*'
            $told[$command].ErrorDetails.RecommendedAction | Should -Not -BeLike '*Repair-ImageRepository*' -Because "$command says $($told[$command])"
        }
    }

    It 'names the repair beside unlisted packs only if they hold what is missing' {
        # The packs of another repository with the same key lie there, and the image's are gone.
        $damaged = New-Damage {
            param($p)
            Remove-Item "$p/index/*"
            Remove-Item "$p/data/*" -Recurse
            New-TestVolume (Join-Path $work 'stranger.img') 99
            $null = Backup-VolumeImage (Join-Path $work 'stranger.img') -Repository $p -Password $password -WarningAction SilentlyContinue
            Get-ChildItem "$p/snapshots" | Where-Object Name -NotIn (Get-ChildItem "$model/snapshots").Name | Remove-Item
            Remove-Item "$p/index/*"
        }
        @(Get-ChildItem "$damaged/data" -Recurse -File).Count | Should -BeGreaterThan 0
        $told = Get-Advice $damaged
        foreach ($command in 'Test', 'Image', 'Restore') {
            $told[$command].ErrorDetails.RecommendedAction | Should -Not -BeLike '*Run Repair-ImageRepository*' -Because "$command says $($told[$command])"
        }
    }

    It 'names the repair where an image of restic cannot be listed' -Skip:(-not (Get-Command restic -CommandType Application -ErrorAction Ignore)) {
        $damaged = New-Damage { param($p) Remove-Item "$p/snapshots/*" }
        $env:RESTIC_PASSWORD = $secretText
        try { restic -r $damaged --no-cache backup --quiet (Join-Path $work 'advice.img') }
        finally { $env:RESTIC_PASSWORD = $null }
        $id = (Get-ImageBackup -Repository $damaged -Password $password).Id
        Get-ChildItem $damaged -Recurse -File | ForEach-Object { $_.IsReadOnly = $false }
        Remove-Item "$damaged/index/*"
        Get-ImageBackup -Repository $damaged -Password $password -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$warnings" | Should -BeLike '*a pack that no index lists: an index file was lost. Repair-ImageRepository lists it.*'
        { Test-ImageBackup $id -Repository $damaged -Password $password -ErrorAction Stop } | Should -Throw '*Repair-ImageRepository lists it.'
        $null = Repair-ImageRepository $damaged -Password $password -Confirm:$false
        (Get-ImageBackup -Repository $damaged -Password $password).Id | Should -Be $id
    }
}
