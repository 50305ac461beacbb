# tests/Windows makes disks with diskpart. Here diskpart is a double, so that what it would be told is proven on every system: it works on
# the test's own file only.

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    Import-Module $PSScriptRoot/../Windows/TestDisk.psm1 -Force
    Mock -ModuleName TestDisk Get-TestDiskObstacle { }
    Mock -ModuleName TestDisk Test-Wine { $false }
    Mock -ModuleName TestDisk Get-FreeLetter { 'T' }
}

AfterAll {
    Remove-Module TestDisk -ErrorAction Ignore
    Remove-Work
}

Describe 'A test disk' {
    BeforeEach {
        $script:lines = [Collections.Generic.List[string]]::new()
        $script:path = Join-Path $work 'DISK.vhdx'
        Mock -ModuleName TestDisk Invoke-DiskPart {
            $lines.AddRange([string[]] $Line)
            if ($Line -like 'create vdisk*') { $null = New-Item -ItemType File $path }
        }
    }

    AfterEach { Remove-Item $path -ErrorAction Ignore }

    It 'is a file of its own, which every command names' {
        $disk = New-TestDisk -Directory $work -Label DISK
        $disk.Letter | Should -Be 'T:'
        $disk.Path | Should -Be $path
        $lines[0] | Should -Be "create vdisk file=""$path"" maximum=256 type=expandable"
        $lines[1] | Should -Be "select vdisk file=""$path"""
        $lines | Should -Contain 'format fs=ntfs label=DISK quick'
        # A disk by its number, or all of a disk, could be somebody's.
        $lines | Where-Object { $_ -match '^(select (disk|volume|partition)|clean)' } | Should -BeNullOrEmpty
        $lines.Clear()
        $disk | Remove-TestDisk
        $lines | Should -Be "select vdisk file=""$path""", 'detach vdisk'
        $path | Should -Not -Exist
    }

    It 'is not made over a file that is there' {
        $null = New-Item -ItemType File $path
        { New-TestDisk -Directory $work -Label DISK } | Should -Throw '*is there already*'
        $lines | Should -BeNullOrEmpty
        $path | Should -Exist
    }

    It 'is removed if it cannot be made whole' {
        Mock -ModuleName TestDisk Invoke-DiskPart { throw 'no room' } -ParameterFilter { $Line -contains 'attach vdisk' }
        { New-TestDisk -Directory $work -Label DISK } | Should -Throw '*no room*'
        $lines | Should -Contain 'detach vdisk'
        $path | Should -Not -Exist
    }

    It 'has a name that diskpart cannot take for something else: <_>' -ForEach 'a"b', "A`nclean", '', 'TWELVELETTERS' {
        { New-TestDisk -Directory $work -Label $_ } | Should -Throw
        $lines | Should -BeNullOrEmpty
    }
}
