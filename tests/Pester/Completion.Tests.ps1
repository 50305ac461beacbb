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

    It 'offers images with time and volume, and volumes with size, after <_>' -ForEach 'Test-ImageBackup -Id ', 'Get-ImageBackup -Id ', 'Get-ImageBackup /x -Id ', 'Get-ImageBackup -Path /x -Id ' {
        $offered = Complete $_ | Where-Object CompletionText -EQ $image.ShortId
        $offered.ListItemText | Should -BeLike "*$($image.BackupTime.ToString('yyyy-MM-dd HH:mm'))*"
        $offered.ToolTip | Should -BeLike "$volume on *$($image.BackupTime.ToString('yyyy-MM-dd HH:mm'))*"
    }

    It 'goes by the other names of a parameter too: <_>' -ForEach 'Backup-VolumeImage -Class ', 'Set-IncludeImage /x -Class ', 'Get-ManagementClass -Class ' {
        (Complete $_).CompletionText | Should -Contain 'STANDARD'
    }

    It 'goes by the other names of a volume too: <_>' -ForEach 'Get-ImageBackup -Path ', 'Get-ImageBackup -Name ' {
        (Complete $_).CompletionText | Should -Contain $volume
    }

    It 'binds the names that hands try' {
        (Get-ImageVolume -Path $volume).Name | Should -Be $volume
        (Get-ImageVolume -Name $volume).Name | Should -Be $volume
        (Get-ImageBackup -Path $volume).Id | Should -Be $image.Id
        $out = Join-Path $work 'target.img'
        (Restore-VolumeImage -Id $image.ShortId -Target $out -Force).Destination | Should -Be $out
        (Backup-VolumeImage -Path $volume -Type Dynamic -Class STANDARD -WhatIf 6>&1 5>&1 4>&1) | Should -BeNullOrEmpty
        (Get-ManagementClass -Class STANDARD).Name | Should -Be 'STANDARD'
        ($image | Get-ManagementClass).Name | Should -Be 'STANDARD'
    }

    It 'gives views to Out-GridView and Out-ConsoleGridView: a table of every type, with the columns that Format-Table has' {
        $views = Get-FormatData -TypeName ImageBackup.* -PowerShellVersion $PSVersionTable.PSVersion
        foreach ($one in @($image; Get-ImageVolume $volume; Get-ManagementClass; Get-ImageRepositoryKey; Get-SnapshotProvider)) {
            $table = ($views | Where-Object TypeName -EQ $one.GetType().FullName).FormatViewDefinition.Control | Where-Object { $_ -is [Management.Automation.TableControl] } | Select-Object -First 1
            $table.Headers.Label | Should -Not -BeNullOrEmpty
            # Each column is a property, so a grid sorts and filters by it.
            foreach ($label in $table.Headers.Label) { $one.PSObject.Properties[$label] | Should -Not -BeNullOrEmpty -Because "$($one.GetType().Name) $label" }
        }
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

    It 'offers snapshot providers after <_>, with whether they can be used' -ForEach 'Get-SnapshotProvider ', 'Set-SnapshotProvider ', 'Test-SnapshotProvider /x -Name ', 'Backup-VolumeImage -SnapshotProvider ', 'Backup-VolumeImage -Path /x -SnapshotProvider ', 'Set-IncludeImage /x -SnapshotProvider ' {
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
        # Other suites beside this one make and remove loop devices and mapped ones at any time. The rest of the machine stays.
        function Names { @(Get-ImageVolume -ErrorAction Ignore).Name | Where-Object { $_ -and $_ -notmatch '^/dev/(loop|dm-|mapper/)' } }
        $before = Names
        $offered = (Complete 'Backup-VolumeImage ').ListItemText
        $lasting = Names | Where-Object { $_ -in $before }
        if (-not $lasting) { Set-ItResult -Skipped -Because 'this machine shows no volume to this user that stays'; return }
        foreach ($name in $lasting) { $offered | Should -Contain $name }
    }
}
