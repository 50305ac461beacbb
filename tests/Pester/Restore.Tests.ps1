BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume 1
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $image = Backup-VolumeImage $volume
}

AfterAll {
    Disconnect-ImageRepository
    Remove-Work
}

Describe 'Restore-VolumeImage' {
    BeforeEach { $target = Join-Path $work "$([guid]::NewGuid()).img" }

    It 'gives the volume back byte for byte by <Name>' -ForEach @(
        @{ Name = 'object'; Call = { $image | Restore-VolumeImage -Destination $target -Confirm:$false } }
        @{ Name = 'id'; Call = { Restore-VolumeImage $image.Id $target -Confirm:$false } }
        @{ Name = 'the beginning of an id'; Call = { Restore-VolumeImage $image.ShortId $target -Force } }
        @{ Name = 'volume'; Call = { Restore-VolumeImage -Volume $volume -Destination $target -Confirm:$false } }
        @{ Name = 'volume and time'; Call = { Restore-VolumeImage -Volume $volume -PointInTime (Get-Date) -Destination $target -Confirm:$false } }
        @{ Name = 'PowerShell drive'; Call = { $image | Restore-VolumeImage -Destination "Work:/$(Split-Path $target -Leaf)" -Confirm:$false } }
    ) {
        $result = & $Call
        $result.Destination | Should -Be $target
        (Get-FileHash $target).Hash | Should -Be (Get-FileHash $volume).Hash
    }

    It 'reads back with -VerifyTarget' {
        ($image | Restore-VolumeImage -Destination $target -VerifyTarget -Force).Verified | Should -BeTrue
    }

    It 'asks by default' {
        (Get-Command Restore-VolumeImage).ImplementingType.GetCustomAttributes($true).Where({ $_ -is [System.Management.Automation.CmdletAttribute] }).ConfirmImpact |
            Should -Be 'High'
        # Without a user the question fails, and nothing is written.
        & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command {
            param($manifest, $location, $id, $target)
            $env:RESTIC_PASSWORD = 'Pester-pass-5!'
            Import-Module $manifest
            Restore-VolumeImage $id $target -Repository $location
        } -args $env:IMAGEBACKUP_MANIFEST, $location, $image.Id, $target 2>&1 | Out-String | Should -Match 'NonInteractive'
        $target | Should -Not -Exist
    }

    It 'writes nothing with -WhatIf, -Force or not' {
        $image | Restore-VolumeImage -Destination $target -WhatIf | Should -BeNullOrEmpty
        $image | Restore-VolumeImage -Destination $target -WhatIf -Force | Should -BeNullOrEmpty
        $target | Should -Not -Exist
    }

    It 'replaces a file with -Force only' {
        Set-Content $target 'precious'
        $image | Restore-VolumeImage -Destination $target -Confirm:$false -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'TargetExists'
        $failure[0].CategoryInfo.Category | Should -Be 'ResourceExists'
        Get-Content $target | Should -Be 'precious'
        $null = $image | Restore-VolumeImage -Destination $target -Force
        (Get-FileHash $target).Hash | Should -Be (Get-FileHash $volume).Hash
    }

    It 'writes an error for <Id>' -ForEach @(
        @{ Id = 'ImageNotFound'; Call = { Restore-VolumeImage ffffffff $target -Force -ErrorVariable script:failure -ErrorAction SilentlyContinue } }
        @{ Id = 'ParameterInvalid'; Call = { Restore-VolumeImage 'no id' $target -Force -ErrorVariable script:failure -ErrorAction SilentlyContinue } }
        @{ Id = 'TargetInvalid'; Call = { Restore-VolumeImage $image (Join-Path $work 'none/x') -Force -ErrorVariable script:failure -ErrorAction SilentlyContinue } }
    ) {
        & $Call | Should -BeNullOrEmpty
        ErrorId $script:failure | Should -Be $Id
    }
}

Describe 'Test-ImageBackup' {
    It 'proves an image whole, by object and by id' {
        ($image | Test-ImageBackup).IsWhole | Should -BeTrue
        (Test-ImageBackup $image.ShortId).ChunkCount | Should -BeGreaterThan 0
    }

    It 'finds a flipped bit and says which range' {
        $copy = Join-Path $work 'copy'
        Copy-Item $location $copy -Recurse
        $pack = Get-ChildItem (Join-Path $copy 'data') -Recurse -File | Sort-Object Length | Select-Object -Last 1
        $bytes = [IO.File]::ReadAllBytes($pack.FullName)
        $bytes[5000] = $bytes[5000] -bxor 1
        [IO.File]::SetAttributes($pack.FullName, 'Normal')
        if ($IsLinux) { [IO.File]::SetUnixFileMode($pack.FullName, 'UserRead, UserWrite') }
        [IO.File]::WriteAllBytes($pack.FullName, $bytes)
        $result = Test-ImageBackup $image.Id -Repository $copy -Password $password -ErrorVariable failure -ErrorAction SilentlyContinue
        $result.IsWhole | Should -BeFalse
        $result.DamagedRanges.Count | Should -Be 1
        ErrorId $failure | Should -Be 'ChunkCorrupt'
        $result | Out-String | Should -Match 'DAMAGED'
    }
}
