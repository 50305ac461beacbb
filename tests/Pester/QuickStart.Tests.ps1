BeforeAll { . $PSScriptRoot/Suite.ps1 }
AfterAll { Remove-Work }

Describe 'The first hour (tests/QuickStart/first-hour.ps1)' {
    It 'goes as it should, step by step' {
        $said = & (Join-Path (Split-Path $PSScriptRoot) 'QuickStart/first-hour.ps1') -PowerShell $pwsh 6>&1 | Out-String -Width 200
        $said | Should -Match 'everything was as it should be'
        ([regex]::Matches($said, '(?m)^== ')).Count | Should -Be 6
    }
}
