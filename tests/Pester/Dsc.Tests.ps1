BeforeDiscovery {
    Import-Module $env:IMAGEBACKUP_MANIFEST -Force
    $folder = Split-Path $env:IMAGEBACKUP_MANIFEST
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $folder = Split-Path $env:IMAGEBACKUP_MANIFEST
    $dsc = Import-Module (Join-Path $folder 'ImageBackup.Dsc.psm1') -PassThru
    $rules = Join-Path $work 'image.rules'
    $classes = Join-Path $work 'classes.json'
    $passwordFile = (Export-ImageRepositoryPassword (Join-Path $work 'password') -Password $password).FullName

    function New-Resource([string] $Name, [hashtable] $Property) {
        $resource = & $dsc { param($n) New-Object $n } $Name
        foreach ($key in $Property.Keys) { $resource.$key = $Property[$key] }
        $resource
    }

    # Runs an operation as DSC 3 does: the executable and arguments of the manifest, in its directory, JSON in and out.
    function Invoke-Resource([string] $Kind, [string] $Operation, [hashtable] $State) {
        $manifest = Get-Content (Join-Path $folder "imagebackup.$Kind.dsc.resource.json") -Raw | ConvertFrom-Json
        $start = [Diagnostics.ProcessStartInfo]::new($pwsh[0])
        foreach ($argument in @($pwsh[1..9]) + $manifest.$Operation.args) { $start.ArgumentList.Add($argument) }
        $start.WorkingDirectory = $folder
        $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
        $process = [Diagnostics.Process]::Start($start)
        $process.StandardInput.Write(($State | ConvertTo-Json -Compress))
        $process.StandardInput.Close()
        $failure = $process.StandardError.ReadToEndAsync()
        $text = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        [pscustomobject]@{ ExitCode = $process.ExitCode; Text = $text; Error = $failure.Result; Output = $(if ($text) { $text | ConvertFrom-Json }) }
    }
}

AfterAll {
    Remove-Module $dsc -ErrorAction Ignore
    Remove-Work
}

Describe 'DSC: ImageRule' {
    It 'adds, changes and removes a rule, and knows the state at each step' {
        $rule = New-Resource ImageRule @{ Volume = '/dev/sdz*'; RulePath = $rules; ImageType = 'Static'; GapSize = '64k'; ChunkSize = '512k'; Compression = 'better'; SnapshotBackupType = 'full' }
        $rule.Test() | Should -BeFalse
        $rule.Get().Ensure | Should -Be 'Absent'
        $rule.Set()
        $rule.Test() | Should -BeTrue
        $rule.Get().ImageType | Should -Be 'Static'
        $rule.Get().Compression | Should -Be 'Better'
        $rule.Get().SnapshotBackupType | Should -Be 'Full'
        $rule.Get().ChunkSize | Should -Be '512k'
        Get-Content $rules -Raw | Should -Match 'include\.image\s+"?/dev/sdz\*'

        $rule.ImageType = 'Dynamic'
        $rule.Test() | Should -BeFalse
        $rule.Set()
        $rule.Test() | Should -BeTrue
        @(Get-IncludeImage -RulePath $rules).Count | Should -Be 1

        $rule.Kind = 'Exclude'
        $rule.ImageType = $rule.GapSize = $rule.ChunkSize = $rule.Compression = $rule.SnapshotBackupType = ''
        $rule.Test() | Should -BeFalse
        $rule.Set()
        $rule.Get().Kind | Should -Be 'Exclude'

        $rule.Ensure = 'Absent'
        $rule.Test() | Should -BeFalse
        $rule.Set()
        $rule.Test() | Should -BeTrue
        Get-IncludeImage -RulePath $rules | Should -BeNullOrEmpty
    }

    It 'changes nothing the second time' {
        $rule = New-Resource ImageRule @{ Volume = '/srv/*'; RulePath = $rules }
        $rule.Set()
        $before = Get-Content $rules -Raw
        $rule.Set()
        Get-Content $rules -Raw | Should -Be $before
    }

    It 'fails for a class that does not exist, and writes nothing' {
        $rule = New-Resource ImageRule @{ Volume = '/mnt/x'; RulePath = $rules; ClassPath = $classes; ManagementClass = 'NOSUCH' }
        $before = Get-Content $rules -Raw
        { $rule.Set() } | Should -Throw
        Get-Content $rules -Raw | Should -Be $before
    }
}

Describe 'DSC: the position and the options of a rule' {
    BeforeEach {
        $list = Join-Path $work "position-$([guid]::NewGuid()).rules"
        Set-Content $list '* of the list', 'exclude.image /c', 'include.image /b', 'include.image /a'
        function OrderOf { (Get-IncludeImage -RulePath $list).Volume -join ' ' }
    }

    It 'puts a rule <Position> and leaves it there' -ForEach @(
        @{ Position = 'as the first'; Ask = @{ Index = '1' }; Order = '/x /a /b /c' }
        @{ Position = 'as the third'; Ask = @{ Index = '3' }; Order = '/a /b /x /c' }
        @{ Position = 'beyond the end'; Ask = @{ Index = '99' }; Order = '/a /b /c /x' }
        @{ Position = 'before another'; Ask = @{ Before = '/b' }; Order = '/a /x /b /c' }
        @{ Position = 'after another'; Ask = @{ After = '/b' }; Order = '/a /b /x /c' }
    ) {
        foreach ($kind in 'Include', 'Exclude') {
            $rule = New-Resource ImageRule ($Ask + @{ Volume = '/x'; RulePath = $list; Kind = $kind })
            $rule.Test() | Should -BeFalse
            $rule.Set()
            OrderOf | Should -Be $Order
            $rule.Test() | Should -BeTrue
            $text = [IO.File]::ReadAllText($list)
            $time = [IO.File]::GetLastWriteTimeUtc($list)
            $rule.Set()
            [IO.File]::ReadAllText($list) | Should -Be $text
            [IO.File]::GetLastWriteTimeUtc($list) | Should -Be $time
            # What Get gives, Set takes.
            $state = $rule.Get()
            $state.Test() | Should -BeTrue
            $state.Set()
            [IO.File]::ReadAllText($list) | Should -Be $text
        }
    }

    It 'moves a rule that is elsewhere' {
        $rule = New-Resource ImageRule @{ Volume = '/a'; RulePath = $list; Index = '3' }
        $rule.Test() | Should -BeFalse
        $rule.Set()
        OrderOf | Should -Be '/b /c /a'
        $rule.Test() | Should -BeTrue
    }

    It 'knows its own options again, however they are written' {
        $rule = New-Resource ImageRule @{
            Volume = '/y/'; RulePath = $list; GapSize = '64'; IdleWait = '500ms'; IdleRetries = '3'; ImageType = 'static'
            SnapshotCacheSize = '20'; SnapshotProvider = 'none'; Serialization = 'ShrDynamic'; ChangingRetries = '2'; PostSnapshotCommand = 'echo done'
        }
        $rule.Set()
        $rule.Test() | Should -BeTrue
        $state = $rule.Get()
        $state.IdleWait, $state.GapSize, $state.PostSnapshotCommand | Should -Be '500ms', '64k', 'echo done'
        $state.Test() | Should -BeTrue
        $rule.IdleWait = '2'
        $rule.Test() | Should -BeFalse
        $rule.Set()
        $rule.Test() | Should -BeTrue
        (Get-IncludeImage -RulePath $list | Where-Object Volume -Like '/y*').Count | Should -Be 1
    }
}

Describe 'DSC: the values of a class' {
    It 'are all set, known again, and given as Set takes them' {
        $class = New-Resource ImageClass @{
            Name = 'FULL'; ClassPath = $classes; Description = 'all of it'; VersionsExist = '1'; KeepLast = '2'; KeepDaily = '7'; KeepWeekly = 'nolimit'; KeepYearly = '0'
            KeepWithin = '36h'; KeepTags = 'a', 'b,c'; Frequency = '7'; Serialization = 'shrdynamic'; ChangingRetries = '3'; GapSize = '64'; Default = $true
        }
        $class.Set()
        $class.Test() | Should -BeTrue
        $time = [IO.File]::GetLastWriteTimeUtc($classes)
        $class.Set()
        [IO.File]::GetLastWriteTimeUtc($classes) | Should -Be $time
        $state = $class.Get()
        $state.KeepTags | Should -Be 'a', 'b,c'
        $state.KeepWeekly, $state.KeepYearly, $state.Default | Should -Be 'NoLimit', '', $true
        $state.Test() | Should -BeTrue
        $class.KeepTags = @('a')
        $class.Test() | Should -BeFalse
        $class.Set()
        $class.Test() | Should -BeTrue
        $class = New-Resource ImageClass @{ Name = 'STANDARD'; ClassPath = $classes; Default = $true }
        $class.Set()
        $class.Test() | Should -BeTrue
    }
}

Describe 'DSC: ImageClass' {
    It 'makes, changes and removes a class' {
        $class = New-Resource ImageClass @{ Name = 'LONG'; ClassPath = $classes; VersionsExist = '7'; RetainExtra = 'NoLimit' }
        $class.Test() | Should -BeFalse
        $class.Set()
        $class.Test() | Should -BeTrue
        $class.Get().VersionsExist | Should -Be '7'
        $class.Get().RetainOnly | Should -Be '60'
        $class.VersionsExist = '9'
        $class.Test() | Should -BeFalse
        $class.Set()
        $class.Test() | Should -BeTrue
        $class.Ensure = 'Absent'
        $class.Set()
        $class.Test() | Should -BeTrue
        $class.Get().Ensure | Should -Be 'Absent'
    }
}

Describe 'DSC: ImageRepository' {
    It 'creates a repository once' {
        $location = Join-Path $work 'dsc-repository'
        $repository = New-Resource ImageRepository @{ Path = $location; PasswordFile = $passwordFile }
        $repository.Test() | Should -BeFalse
        $repository.Set()
        $repository.Test() | Should -BeTrue
        $id = $repository.Get().Id
        $repository.Set()
        $repository.Get().Id | Should -Be $id
    }

    It 'only looks where it must be there' {
        $repository = New-Resource ImageRepository @{ Path = (Join-Path $work 'absent'); PasswordFile = $passwordFile; Ensure = 'Reachable' }
        { $repository.Set() } | Should -Throw '*no repository*'
        Join-Path $work 'absent' | Should -Not -Exist
    }

    It 'fails with a wrong password' {
        $location = Join-Path $work 'dsc-repository'
        $wrong = Export-ImageRepositoryPassword (Join-Path $work 'wrong') -Password (ConvertTo-SecureString 'nonono' -AsPlainText -Force)
        $repository = New-Resource ImageRepository @{ Path = $location; PasswordFile = $wrong.FullName }
        { $repository.Test() } | Should -Throw -ErrorId 'WrongPassword,*'
    }
}

Describe 'DSC 3' {
    It 'has a manifest for <_> that DSC can read' -ForEach 'rule', 'class', 'repository' {
        $manifest = Get-Content (Join-Path $folder "imagebackup.$_.dsc.resource.json") -Raw | ConvertFrom-Json
        $manifest.type | Should -Match '^ImageBackup/\w+$'
        $manifest.version | Should -Be (Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST).ModuleVersion
        foreach ($operation in 'get', 'test', 'set') {
            $manifest.$operation.executable | Should -Be 'pwsh'
            $manifest.$operation.input | Should -Be 'stdin'
            Join-Path $folder ($manifest.$operation.args | Where-Object { $_ -like '*.ps1' }) | Should -Exist
        }
        $names = $manifest.schema.embedded.properties.PSObject.Properties.Name | Where-Object { $_ -notlike '_*' }
        $class = & $dsc { param($n) New-Object $n } "Image$($manifest.type.Split('/')[1])"
        foreach ($name in $names) { $class.PSObject.Properties.Name | Should -Contain $name }
    }

    It 'gets, tests and sets a class by JSON' {
        $state = @{ Name = 'VIAJSON'; ClassPath = $classes; VersionsExist = '3' }
        $tested = Invoke-Resource class test $state
        $tested.ExitCode | Should -Be 0 -Because $tested.Error
        $tested.Output._inDesiredState | Should -BeFalse
        $set = Invoke-Resource class set $state
        $set.ExitCode | Should -Be 0 -Because $set.Error
        $set.Output.VersionsExist | Should -Be '3'
        (Invoke-Resource class test $state).Output._inDesiredState | Should -BeTrue
        (Invoke-Resource class get @{ Name = 'NOTTHERE'; ClassPath = $classes }).Output._exist | Should -BeFalse
    }

    It 'removes a rule by _exist' {
        (Invoke-Resource rule set @{ Volume = '/json'; RulePath = $rules }).ExitCode | Should -Be 0
        (Invoke-Resource rule set @{ Volume = '/json'; RulePath = $rules; _exist = $false }).Output._exist | Should -BeFalse
    }

    It 'applies the document of about_ImageBackup_Schedule as it stands, and the second time changes nothing' {
        $topic = [IO.File]::ReadAllText((Join-Path (Split-Path (Split-Path $PSScriptRoot)) 'en-US/about_ImageBackup_Schedule.help.txt')).Replace("`r`n", "`n")
        $example = [regex]::Match($topic, '(?ms)^DESIRED STATE\n.*?\n\n((?:        [^\n]*\n|\n)+)').Groups[1].Value
        # A path of Windows has backslashes, which JSON escapes.
        $document = $example.Replace('/etc/imagebackup', $work.Replace('\', '\\')).Replace('/backup/images', (Join-Path $work 'dsc-document').Replace('\', '\\')) | ConvertFrom-Json -AsHashtable
        $document.'$schema' | Should -Match '^https://aka\.ms/dsc/schemas/v3/'
        $null = Export-ImageRepositoryPassword (Join-Path $work 'images.password') -Password $password
        $kinds = @{ 'ImageBackup/Class' = 'class'; 'ImageBackup/Rule' = 'rule'; 'ImageBackup/Repository' = 'repository' }
        $document.resources.Count | Should -Be 3
        foreach ($resource in $document.resources) {
            $manifest = Get-Content (Join-Path $folder "imagebackup.$($kinds[$resource.type]).dsc.resource.json") -Raw | ConvertFrom-Json
            foreach ($name in $resource.properties.Keys) { $manifest.schema.embedded.properties.PSObject.Properties.Name | Should -Contain $name }
            $set = Invoke-Resource $kinds[$resource.type] set $resource.properties
            $set.ExitCode | Should -Be 0 -Because $set.Error
            (Invoke-Resource $kinds[$resource.type] test $resource.properties).Output._inDesiredState | Should -BeTrue -Because $resource.name
        }
        $before = TreeState $work
        foreach ($resource in $document.resources) { (Invoke-Resource $kinds[$resource.type] set $resource.properties).ExitCode | Should -Be 0 }
        TreeState $work | Should -Be $before
    }

    It 'writes its error to standard error and ends with 1' {
        $failed = Invoke-Resource repository get @{ Path = (Join-Path $work 'dsc-repository'); PasswordFile = (Join-Path $work 'no-such-file') }
        $failed.ExitCode | Should -Be 1
        $failed.Text | Should -BeNullOrEmpty
        ($failed.Error | ConvertFrom-Json).error | Should -BeLike '*password file*'
    }
}
