BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $image = Backup-VolumeImage $volume -Tag completed

    function Complete([string] $Line) { (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches }
}

AfterAll {
    Disconnect-ImageRepository -ErrorAction Ignore
    Remove-Work
}

Describe 'Completion' {
    It 'offers ids of images after <_>' -ForEach 'Restore-VolumeImage ', 'Restore-VolumeImage -ImageBackup ', 'Test-ImageBackup ', 'Get-ImageBackup -Id ', 'Remove-ImageBackup ' {
        $offered = Complete $_ | Where-Object CompletionText -EQ $image.ShortId
        $offered | Should -Not -BeNullOrEmpty
        $offered.ToolTip | Should -BeLike "*$volume*MiB*Static*"
    }

    It 'offers the repository''s volumes, computers and tags' {
        (Complete 'Get-ImageBackup -Volume ').CompletionText | Should -Contain $volume
        (Complete 'Get-ImageBackup -ComputerName ').CompletionText | Should -Contain $image.ComputerName
        (Complete 'Get-ImageBackup -Tag c').CompletionText | Should -Contain 'completed'
    }

    It 'offers this repository, and files where no repository fits' {
        (Complete 'Get-ImageBackup -Repository ').CompletionText | Should -Contain $location
        Push-Location $work
        try { (Complete 'Get-ImageBackup -Repository ./vol').CompletionText | Should -BeLike '*volume.img' } finally { Pop-Location }
    }

    It 'offers the values of <_>' -ForEach 'Backup-VolumeImage -ImageType ', 'Export-ImageRepositoryPassword -Scope ' {
        (Complete $_).Count | Should -BeGreaterOrEqual 2
    }

    It 'offers management classes' {
        (Complete 'Backup-VolumeImage -ManagementClass ').CompletionText | Should -Contain 'STANDARD'
    }

    It 'offers snapshot providers after <_>, with whether they can be used' -ForEach 'Get-SnapshotProvider ', 'Set-SnapshotProvider ', 'Test-SnapshotProvider /x -Name ', 'Backup-VolumeImage -SnapshotProvider ', 'Set-IncludeImage /x -SnapshotProvider ' {
        $offered = Complete $_
        foreach ($provider in Get-SnapshotProvider) {
            $tip = ($offered | Where-Object CompletionText -EQ $provider.Name).ToolTip
            $tip | Should -BeLike "$($provider.Description); *"
            $tip | Should -BeLike $(if ($provider.IsUsable) { '*; usable*' } else { "*; not usable: $([WildcardPattern]::Escape($provider.WhyNot))*" })
        }
        $offered.CompletionText -contains 'NONE' | Should -Be ($_ -notmatch '^(Get|Test)')
    }

    It 'offers the patterns of rules and the keys of the repository' {
        $rules = Join-Path $work 'completed.rules'
        Set-IncludeImage '/srv/*' -RulePath $rules
        (Complete "Remove-IncludeImage -RulePath '$rules' -Volume ").CompletionText | Should -Contain "'/srv/*'"
        (Complete 'Remove-ImageRepositoryKey ').ToolTip | Should -BeLike '*(in use)'
    }

    It 'names every parameter of <_>' -ForEach 'Backup-VolumeImage', 'Restore-VolumeImage', 'Get-ImageBackup' {
        $offered = (Complete "$_ -").CompletionText
        foreach ($name in (Get-Command $_).Parameters.Keys | Where-Object { $_ -notin [Management.Automation.PSCmdlet]::CommonParameters }) {
            $offered | Should -Contain "-$name"
        }
    }

    It 'offers volumes of this machine by Get-ImageVolume''s names' {
        $known = @(Get-ImageVolume -ErrorAction Ignore)
        if ($known.Count -eq 0) { Set-ItResult -Skipped -Because 'this machine shows no volumes to this user'; return }
        (Complete 'Backup-VolumeImage ').ListItemText | Should -Contain $known[0].Name
    }
}
