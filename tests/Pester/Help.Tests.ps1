BeforeDiscovery {
    Import-Module $env:IMAGEBACKUP_MANIFEST -Force
    $cmdlets = (Get-Command -Module ImageBackup -CommandType Cmdlet).Name
    $root = Split-Path (Split-Path $PSScriptRoot)
    # The examples that only a whole PowerShell can run; the unit tests run the others.
    $examples = foreach ($cmdlet in $cmdlets) {
        $file = Join-Path $root "en-US/$cmdlet.md"
        # A cmdlet without a page fails below, by its name.
        if (-not (Test-Path $file)) { continue }
        $page = [IO.File]::ReadAllText($file)
        foreach ($match in [regex]::Matches($page, '(?ms)^### Example (\d+)(?:(?!^### ).)*?^```powershell run pwsh\n(.*?)\n```')) {
            @{ Cmdlet = $cmdlet; Number = $match.Groups[1].Value; Code = $match.Groups[2].Value }
        }
    }
}

BeforeAll { . $PSScriptRoot/Suite.ps1 }
AfterAll { Remove-Work }

Describe 'Get-Help <_>' -ForEach $cmdlets {
    BeforeAll { $help = Get-Help $_ -Full }

    It 'has a synopsis and a description of its own' {
        $help.Synopsis | Should -Not -BeLike "$($help.Name) *"
        $help.Synopsis | Should -Match '\.$'
        ($help.description | Out-String).Trim() | Should -Not -BeNullOrEmpty
    }

    It 'describes every parameter that the cmdlet has, and no other' {
        $common = [Management.Automation.PSCmdlet]::CommonParameters
        $expected = (Get-Command $help.Name).Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object
        $described = @($help.parameters.parameter)
        $described.Name | Sort-Object | Should -Be $expected
        foreach ($parameter in $described) { ($parameter.description | Out-String).Trim() | Should -Not -BeNullOrEmpty }
    }

    It 'has examples whose code is code' {
        $examples = @($help.examples.example)
        $examples.Count | Should -BeGreaterOrEqual 3
        foreach ($example in $examples) {
            $example.code | Should -Not -BeNullOrEmpty
            $example.code | Should -Not -Match '```'
            $failures = $null
            $null = [Management.Automation.Language.Parser]::ParseInput($example.code, [ref]$null, [ref]$failures)
            $failures | Should -BeNullOrEmpty
        }
    }
}

Describe 'Help topics' {
    It 'has <_>' -ForEach 'about_ImageBackup', 'about_ImageBackup_Rules', 'about_ImageBackup_Recovery', 'about_ImageBackup_Schedule', 'about_ImageBackup_Drive' {
        Get-Help $_ | Out-String | Should -BeLike "*TOPIC*$_*SHORT DESCRIPTION*"
    }
}

Describe 'Example <Number> of <Cmdlet>' -ForEach $examples {
    BeforeAll {
        $place = (New-Item -ItemType Directory (Join-Path $work ([guid]::NewGuid()))).FullName
        Push-Location $place
        New-TestVolume (Join-Path $place 'disk.img')
        $null = Initialize-ImageRepository ./images -Password $password | Connect-ImageRepository
        $null = Backup-VolumeImage ./disk.img
    }
    AfterAll {
        Disconnect-ImageRepository
        Pop-Location
    }

    It 'runs' {
        $failures = $null
        & ([scriptblock]::Create($Code)) -ErrorVariable failures | Out-String | Should -Not -BeNullOrEmpty
        $failures | Should -BeNullOrEmpty
    }
}
