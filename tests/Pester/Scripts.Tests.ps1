BeforeDiscovery {
    $root = Split-Path (Split-Path $PSScriptRoot)
    $files = @(Join-Path $root 'build.ps1') + @(
        Get-ChildItem (Join-Path $root 'src'), (Join-Path $root 'tests') -Recurse -Include *.ps1, *.psm1 |
            Where-Object FullName -NotMatch '[\\/](bin|obj)[\\/]' | ForEach-Object FullName)
    $scripts = foreach ($file in $files) { @{ Name = [IO.Path]::GetRelativePath($root, $file); Path = $file; IsTest = $file.StartsWith((Join-Path $root 'tests')) } }
    $analyzer = Get-Module -ListAvailable PSScriptAnalyzer
}

Describe 'Script <Name>' -ForEach $scripts {
    It 'parses, and has neither tabs nor white space at ends of lines' {
        $failures = $null
        $null = [Management.Automation.Language.Parser]::ParseFile($Path, [ref]$null, [ref]$failures)
        $failures | Should -BeNullOrEmpty
        [IO.File]::ReadAllText($Path) | Should -Not -Match "`t|[ ]\r?\n"
    }

    if (-not $analyzer) { return }
    It 'has nothing that PSScriptAnalyzer complains of' {
        # Tests make passwords of plain text, variables for blocks that the analyzer does not connect, and state.
        $more = if ($IsTest) {
            'PSAvoidUsingConvertToSecureStringWithPlainText', 'PSUseDeclaredVarsMoreThanAssignments', 'PSUseShouldProcessForStateChangingFunctions',
            'PSUseUsingScopeModifierInNewRunspaces', 'PSAvoidUsingPlainTextForPassword', 'PSUseSingularNouns'
        }
        $settings = Import-PowerShellDataFile (Join-Path $PSScriptRoot 'ScriptAnalyzerSettings.psd1')
        # The analyzer takes plain arrays of plain strings only.
        $settings.ExcludeRules = [string[]]@($settings.ExcludeRules + $more | Where-Object { $_ })
        $found = Invoke-ScriptAnalyzer -Path $Path -Settings $settings
        ($found | ForEach-Object { "$($_.RuleName) $($_.Line): $($_.Message)" }) | Should -BeNullOrEmpty
    }
}

Describe 'The scripts' {
    It 'were read by PSScriptAnalyzer' {
        if (-not (Get-Module -ListAvailable PSScriptAnalyzer)) {
            Set-ItResult -Skipped -Because 'PSScriptAnalyzer is not installed: it is on the PowerShell Gallery only'
        }
    }
}
