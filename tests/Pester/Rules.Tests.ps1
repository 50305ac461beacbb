BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'volume.img'
    $second = Join-Path $work 'second.img'
    New-TestVolume $volume 1
    New-TestVolume $second 2
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $rules = Join-Path $work 'image.rules'
    $classes = Join-Path $work 'classes.json'
    function Clear-Policy {
        [IO.File]::WriteAllText($rules, '')
        [IO.File]::WriteAllText($classes, '{"version":1,"classes":[]}')
    }
    # Never the machine's own.
    $PSDefaultParameterValues['*:RulePath'] = $rules
    $PSDefaultParameterValues['*:ClassPath'] = $classes
}

AfterAll {
    $PSDefaultParameterValues.Clear()
    Disconnect-ImageRepository
    Remove-Work
}

Describe 'The rule list' {
    BeforeEach { Clear-Policy }

    It 'is written in TSM''s syntax, and changed in place' {
        Set-IncludeImage /srv -ImageType Static -GapSize 64KB
        Set-ExcludeImage /scratch
        Set-IncludeImage /srv -IdleRetries 3
        Get-Content $rules | Should -Be 'include.image /srv imagetype=static imagegapsize=64k snapshotfsidleretries=3', 'exclude.image /scratch'
    }

    It 'is listed in the order of evaluation and removed by the pipeline' {
        Set-ExcludeImage /a, /b, /c
        Set-ExcludeImage /last -Last
        (Get-IncludeImage).Volume | Should -Be '/c', '/b', '/a', '/last'
        (Get-IncludeImage).Order | Should -Be 1, 2, 3, 4
        Get-IncludeImage | Where-Object Volume -NE '/b' | Remove-IncludeImage
        (Get-IncludeImage).Volume | Should -Be '/b'
    }

    It 'keeps comments' {
        [IO.File]::WriteAllText($rules, "* mine`ninclude.image /a`n")
        Set-ExcludeImage /b
        Remove-IncludeImage /a
        Get-Content $rules | Should -Be '* mine', 'exclude.image /b'
    }

    It 'is not written with -WhatIf' {
        Set-ExcludeImage /a -WhatIf
        Set-ImageDomain /a -WhatIf
        Get-Content $rules | Should -BeNullOrEmpty
    }

    It 'refuses <Command> with <Id>' -ForEach @(
        @{ Command = { Set-IncludeImage /a -ManagementClass NOPE -ErrorAction Stop }; Id = 'ManagementClassNotFound,*' }
        @{ Command = { Set-IncludeImage /a -GapSize 1t -ErrorAction Stop }; Id = 'ParameterInvalid,*' }
        @{ Command = { Set-ExcludeImage /a -Before /nope -ErrorAction Stop }; Id = 'RuleNotFound,*' }
        @{ Command = { Remove-IncludeImage /a -ErrorAction Stop }; Id = 'RuleNotFound,*' }
        @{ Command = { Set-ManagementClass 'a b' -ErrorAction Stop }; Id = 'ParameterInvalid,*' }
        @{ Command = { Remove-ManagementClass NOPE -ErrorAction Stop }; Id = 'ManagementClassNotFound,*' }
    ) {
        $Command | Should -Throw -ErrorId $Id
    }

    It 'tells a fault with file, line and column' {
        [IO.File]::WriteAllText($rules, "* fine`ninclude.image /a nope=1`n")
        { Get-IncludeImage -ErrorAction Stop } | Should -Throw -ErrorId 'RuleInvalid,*' -ExpectedMessage "*image.rules(2,18)*"
    }

    It 'tells which rule a volume hits and why' {
        Set-ManagementClass GOLD -ImageType Dynamic
        Set-IncludeImage (Join-Path $work '*.img') -ManagementClass GOLD
        $test = Get-Item $volume | Test-IncludeImage
        $test.IsIncluded | Should -BeTrue
        $test.Line | Should -Be 1
        $test.ManagementClass | Should -Be 'GOLD'
        $test.ImageType | Should -Be 'Dynamic'
        ($test.Options | Where-Object Name -EQ ImageType).Source | Should -Be 'ManagementClass'
        $test | Out-String -Width 160 | Should -Match 'included\s+Dynamic\s+GOLD'
        $test | Format-List | Out-String -Width 200 | Should -Match 'ImageType=dynamic by ManagementClass GOLD'
    }

    It 'reads an options file of TSM''s' {
        $dsm = Join-Path $work 'dsm.opt'
        Set-Content $dsm 'TCPServeraddress x.example', "EXCLUDE.IMAGE $volume"
        (Get-IncludeImage -RulePath $dsm).Kind | Should -Be 'Exclude'
        { Backup-VolumeImage $volume -RulePath $dsm -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeExcluded,*'
    }

    It 'shows rules as table and list' {
        Set-IncludeImage /srv -GapSize 1m
        Get-IncludeImage | Out-String -Width 140 | Should -Match 'Include\s+/srv\s+imagegapsize=1m'
        Get-IncludeImage | Format-List | Out-String -Width 140 | Should -Match 'GapSize\s*: 1m'
    }
}

Describe 'Management classes' {
    BeforeEach { Clear-Policy }

    It 'have TSM''s defaults' {
        $class = Set-ManagementClass WEEKLY -PassThru
        $class.VersionsExist, $class.VersionsDeleted, $class.RetainExtra, $class.RetainOnly | Should -Be '2', '1', '30', '60'
    }

    It 'take numbers and NoLimit, and keep what is not named' {
        Set-ManagementClass LONG -VersionsExist NoLimit -RetainExtra 365
        Set-ManagementClass LONG -RetainOnly 9
        $class = Get-ManagementClass LONG
        $class.VersionsExist, $class.RetainExtra, $class.RetainOnly | Should -Be 'NoLimit', '365', '9'
        $class | Out-String -Width 160 | Should -Match 'LONG\s+NoLimit\s+1\s+365\s+9'
    }

    It 'are kept while rules name them' {
        Set-ManagementClass GOLD
        Set-IncludeImage /a -ManagementClass GOLD
        { Get-ManagementClass GOLD | Remove-ManagementClass -ErrorAction Stop } | Should -Throw -ErrorId 'ManagementClassInUse,*'
        Remove-ManagementClass GOLD -Force
        (Get-ManagementClass).Name | Should -Be 'STANDARD'
    }
}

Describe 'A backup by rules' {
    BeforeEach { Clear-Policy }

    It 'records rule, class and who decided' {
        Set-ManagementClass GOLD -VersionsExist 9
        Set-IncludeImage $volume -ManagementClass GOLD -GapSize 1m
        $image = Backup-VolumeImage $volume -ImageType Dynamic -WarningAction SilentlyContinue
        $image.ManagementClass | Should -Be 'GOLD'
        "$($image.Retention.VersionsExist)" | Should -Be '9'
        $image.Rule.Line | Should -Be 1
        ($image.Options | Where-Object Name -EQ GapSize).Source | Should -Be 'Rule'
        Get-ImageBackup -Id $image.Id | Format-List | Out-String -Width 250 | Should -Match 'DecidedBy\s*:.*ImageType=dynamic by CommandLine'
    }

    It 'passes excluded objects over and refuses excluded names' {
        Set-ExcludeImage $second
        (Get-Item $volume, $second | Backup-VolumeImage).Volume | Should -Be $volume
        (Get-ImageVolume $volume, $second | Backup-VolumeImage).Volume | Should -Be $volume
        { Backup-VolumeImage $second -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeExcluded,*'
    }

    It 'takes lsblk''s objects' {
        Set-ExcludeImage $second
        $document = '{"blockdevices":[{"name":"d","path":"/nope","type":"disk","children":[' +
            '{"name":"a","path":' + (ConvertTo-Json $volume) + ',"size":5,"type":"part"},{"name":"b","path":' + (ConvertTo-Json $second) + ',"size":5,"type":"part"}]}]}'
        ($document | ConvertFrom-Json | Backup-VolumeImage).Volume | Should -Be $volume
    }

    It 'takes domain.image if no volume is named' {
        Set-ImageDomain $volume, $second
        (Backup-VolumeImage).Volume | Should -Be $volume, $second
        Set-ImageDomain @()
        { Backup-VolumeImage } | Should -Throw -ErrorId 'NoVolume,*'
    }

    It 'starts nothing on <Name>' -ForEach @(
        @{ Name = 'a faulty list'; Text = "nonsense`n"; Id = 'RuleInvalid,*' }
        @{ Name = 'a class that is not there'; Text = "include.image /x NOPE`n"; Id = 'ManagementClassNotFound,*' }
    ) {
        [IO.File]::WriteAllText($rules, $Text)
        $before = TreeState $location
        { Backup-VolumeImage $volume } | Should -Throw -ErrorId $Id
        TreeState $location | Should -Be $before
    }

    It 'shows beforehand what it would do' {
        Set-ExcludeImage $second
        Get-ImageVolume $second | Out-String -Width 140 | Should -Match 'excluded'
        (Get-ImageVolume $second).Rule | Should -BeLike 'exclude.image *'
        (Get-ImageVolume $volume).ManagementClass | Should -Be 'STANDARD'
    }
}

Describe 'The list in the repository' {
    BeforeEach { Clear-Policy }

    AfterAll {
        Get-IncludeImage -Enforced | Remove-IncludeImage
        Disconnect-ImageRepository
        $null = Connect-ImageRepository $location -Password $password
    }

    It 'goes before the machine''s, and is not an image' {
        $images = @(Get-ImageBackup -IncludeInactive).Count
        Set-IncludeImage $volume
        Set-ExcludeImage $volume -Enforced
        (Get-IncludeImage).Enforced | Should -Be $true, $false
        { Backup-VolumeImage $volume -ErrorAction Stop } | Should -Throw -ErrorId 'VolumeExcluded,*'
        @(Get-ImageBackup -IncludeInactive).Count | Should -Be $images
        Get-IncludeImage -Enforced | Remove-IncludeImage
        (Backup-VolumeImage $volume).Volume | Should -Be $volume
    }

    It 'may not name a command' {
        { Set-IncludeImage /x -PreSnapshotCommand 'a' -Enforced -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }
}

Describe 'The place of a rule by its number' {
    BeforeEach {
        $list = Join-Path $work "index-$([guid]::NewGuid()).rules"
        Set-Content $list '* of the list', 'exclude.image /c', 'include.image /b', 'include.image /a'
        function OrderOf { (Get-IncludeImage -RulePath $list).Volume -join ' ' }
    }

    It 'is <Index>: <Order>' -ForEach @(
        @{ Index = 1; Order = '/x /a /b /c' }
        @{ Index = 2; Order = '/a /x /b /c' }
        @{ Index = 4; Order = '/a /b /c /x' }
        @{ Index = 1000; Order = '/a /b /c /x' }
    ) {
        (Set-IncludeImage /x -Index $Index -RulePath $list -PassThru).Order | Should -Be ([math]::Min($Index, 4))
        OrderOf | Should -Be $Order
        $text = [IO.File]::ReadAllText($list)
        Set-IncludeImage /x -Index $Index -RulePath $list
        [IO.File]::ReadAllText($list) | Should -Be $text
    }

    It 'moves a rule that is there' {
        Set-ExcludeImage /a -Index 2 -RulePath $list
        OrderOf | Should -Be '/b /a /c'
        Set-IncludeImage /c -Index 1 -RulePath $list
        OrderOf | Should -Be '/c /b /a'
    }

    It 'keeps the order of several' {
        Set-ExcludeImage /x, /y -Index 2 -RulePath $list
        OrderOf | Should -BeIn '/a /x /y /b /c', '/a /y /x /b /c'
        '/v', '/w' | ForEach-Object { [pscustomobject]@{ Volume = $_; Kind = 'Exclude' } } | Set-IncludeImage -Index 1 -RulePath $list
        OrderOf | Should -BeLike '/v /w /a *'
    }

    It 'is from 1, and goes with no other position' {
        { Set-IncludeImage /x -Index 0 -RulePath $list } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        { Set-IncludeImage /x -Index 1 -First -RulePath $list } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }
}

Describe 'The volumes that a rule matches here' {
    It 'are told, and so is that there are none' {
        $list = Join-Path $work 'matches.rules'
        $file = Join-Path $work 'matched.img'
        New-TestVolume $file
        Set-Content $list "include.image $file", 'exclude.image LABEL=no-volume-has-this', 'include.image /no/volume/*'
        $rules = Get-IncludeImage -RulePath $list
        $rules[2].Matches | Should -Be $file
        $rules[0].Matches.Count, $rules[1].Matches.Count | Should -Be 0, 0
        $rules | Format-Table | Out-String -Width 200 | Should -Match '/no/volume/\*\s+no volume'
        $rules[0] | Format-List | Out-String -Width 200 | Should -Match 'Matches\s*: no volume of this machine'
        (Set-IncludeImage $file -RulePath $list -PassThru).Matches | Should -BeNullOrEmpty
    }
}

Describe 'A rule from a volume''s object' {
    It 'names a file by its path' {
        $list = Join-Path $work 'stable.rules'
        $file = Join-Path $work 'stable.img'
        New-TestVolume $file
        Get-ImageVolume $file | Set-IncludeImage -RulePath $list
        (Get-IncludeImage -RulePath $list).Volume | Should -Be $file
        Get-ImageVolume $file | Remove-IncludeImage -RulePath $list
        Get-IncludeImage -RulePath $list | Should -BeNullOrEmpty
    }

    It 'names a device by what it holds, and finds it at another number' -Skip:(-not ($IsLinux -and (id -u) -eq 0 -and (Get-Command losetup, mkfs.ext4 -CommandType Application -ErrorAction Ignore).Count -ge 2 -and (losetup --find 2>$null))) {
        $list = Join-Path $work 'device.rules'
        $image = Join-Path $work 'device.img'
        [IO.File]::OpenWrite($image).Dispose()
        truncate -s 16M $image
        mkfs.ext4 -q -U 5a5b5c5d-0000-4000-8000-00000000e401 $image
        $other = $null
        $device = losetup --find --show $image
        try {
            Get-ImageVolume $device | Set-IncludeImage -RulePath $list -ImageType Dynamic
            (Get-IncludeImage -RulePath $list).Volume | Should -Be 'UUID=5a5b5c5d-0000-4000-8000-00000000e401'
            # The first number is taken by something else.
            losetup --detach $device
            $other = losetup --find --show (New-Item (Join-Path $work 'other.img') -Value ('x' * 1MB)).FullName
            $device = losetup --find --show $image
            (Test-IncludeImage -Volume $device -RulePath $list).Rule | Should -BeLike '*UUID=5a5b5c5d*'
            (Test-IncludeImage -Volume $other -RulePath $list).Rule | Should -Not -BeLike '*UUID=5a5b5c5d*'
        }
        finally { $device, $other | Where-Object { $_ } | ForEach-Object { losetup --detach $_ } }
    }
}
