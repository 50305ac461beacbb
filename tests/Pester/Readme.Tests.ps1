BeforeDiscovery {
    $readme = [IO.File]::ReadAllText((Join-Path (Split-Path (Split-Path $PSScriptRoot)) 'README.md')).Replace("`r`n", "`n")
    $examples = foreach ($match in [regex]::Matches($readme, '(?ms)^```powershell run pwsh\n(.*?)\n```')) { @{ Code = $match.Groups[1].Value } }
}

BeforeAll { . $PSScriptRoot/Suite.ps1 }
AfterAll { Remove-Work }

Describe 'The examples of the README' -ForEach $examples {
    It 'run as they stand and restore what was backed up' {
        $place = (New-Item -ItemType Directory (Join-Path $work ([guid]::NewGuid()))).FullName
        Push-Location $place
        try {
            New-TestVolume (Join-Path $place 'disk.img')
            $failures = $null
            & ([scriptblock]::Create($Code)) -ErrorVariable failures 3>$null | Out-String | Should -Not -BeNullOrEmpty
            $failures | Should -BeNullOrEmpty
            (Get-FileHash ./restored.img).Hash | Should -Be (Get-FileHash ./disk.img).Hash
        }
        finally {
            Disconnect-ImageRepository
            Pop-Location
        }
    }
}

Describe 'The README' {
    BeforeAll { $readme = Join-Path (Split-Path (Split-Path $PSScriptRoot)) 'README.md' }

    It 'has examples and at most 130 lines' {
        $text = [IO.File]::ReadAllText($readme)
        $text | Should -Match '(?m)^```powershell run pwsh\r?$'
        ($text -split "`n").Count | Should -BeLessOrEqual 131
    }

    It 'links to pages that exist' {
        foreach ($match in [regex]::Matches([IO.File]::ReadAllText($readme), '\]\((?!https?:)([^)#]+)')) {
            Join-Path (Split-Path $readme) $match.Groups[1].Value | Should -Exist
        }
    }
}
