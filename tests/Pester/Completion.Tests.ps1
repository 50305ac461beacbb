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
    It 'offers ids of images after <_>' -ForEach 'Restore-VolumeImage ', 'Restore-VolumeImage -ImageBackup ', 'Test-ImageBackup ', 'Get-ImageBackup -Id ' {
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
