BeforeDiscovery {
    $isRoot = $IsLinux -and (id -u) -eq 0
    function Has([string[]] $Tool) { $isRoot -and @($Tool | Where-Object { -not (Get-Command $_ -CommandType Application -ErrorAction Ignore) }).Count -eq 0 }
    # The drivers fill them; FAT's files go in by mtools.
    $fileSystems = @(
        @{ Name = 'XFS'; SizeBytes = 320MB; Format = 'mkfs.xfs -q {0}'; Mount = 'mount -o loop {0} {1}'; Skip = -not (Has mkfs.xfs, mount) }
        @{ Name = 'btrfs'; SizeBytes = 128MB; Format = 'mkfs.btrfs -q {0}'; Mount = 'mount -o loop,compress-force=zstd {0} {1}'; Skip = -not (Has mkfs.btrfs, mount) }
        @{ Name = 'NTFS'; SizeBytes = 48MB; Format = 'mkfs.ntfs -q -Q -F {0}'; Mount = 'ntfs-3g -o streams_interface=windows {0} {1}'; Skip = -not (Has mkfs.ntfs, ntfs-3g) -or -not (Test-Path /dev/fuse) }
        @{ Name = 'exFAT'; SizeBytes = 48MB; Format = 'mkfs.exfat {0}'; Mount = 'mount.exfat-fuse $(losetup --find --show {0}) {1}'; Skip = -not (Has mkfs.exfat, mount.exfat-fuse) -or -not (Test-Path /dev/fuse) }
        @{ Name = 'FAT32'; SizeBytes = 48MB; Format = 'mkfs.fat -F 32 {0}'; Mount = $null; Skip = -not (Has mkfs.fat, mcopy) }
    )
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    # A small ext4 with files, as a volume in a file: no mount, so that this runs on every system.
    $volume = Join-Path $work 'files.img'
    New-FileVolume $volume
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $image = Backup-VolumeImage $volume
}

AfterAll {
    Disconnect-ImageRepository
    Remove-Work
}

Describe 'Get-ImageItem' {
    It 'lists a directory, a file, and what a pattern matches' {
        ($image | Get-ImageItem).Name | Sort-Object | Should -Be @('bin', 'dev', 'docs', 'etc', 'holes', 'odd')
        (Get-ImageItem $image.ShortId /etc/fstab).FullName | Should -Be '/etc/fstab'
        (Get-ImageItem $image '/docs/*.md').Name | Should -Be 'notes.md'
        (Get-ImageItem $image -Recurse -Filter '*.txt').FullName | Sort-Object | Should -Be @('/docs/readme.txt', '/odd/[x].txt')
    }

    It 'has the properties of Get-ChildItem' {
        $tool = Get-ImageItem $image /bin/tool
        $tool.Mode | Should -Be '-rwsr-xr-x'
        $tool.Length | Should -Be 10
        $tool.LastWriteTime.ToUniversalTime().ToString('yyyy-MM-dd HH:mm:ss') | Should -Be '2026-01-02 03:04:05'
        (Get-ImageItem $image /docs/link).LinkTarget | Should -Be 'readme.txt'
    }

    It 'names what is not there' {
        Get-ImageItem $image /nothing -ErrorVariable failure -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ErrorId $failure | Should -Be 'ItemNotFound'
    }
}

Describe 'Get-ImageItemContent' {
    It 'gives lines, text and bytes' {
        Get-ImageItemContent $image /etc/hosts | Should -Be '127.0.0.1 localhost'
        Get-ImageItem $image /etc/hosts | Get-ImageItemContent -Raw | Should -Be "127.0.0.1 localhost`n"
        , (Get-ImageItemContent $image /etc/hosts -AsByteStream) | Should -BeOfType ([byte[]])
    }
}

Describe 'Restore-ImageItem' {
    BeforeEach { $target = Join-Path $work ([guid]::NewGuid()) }

    It 'restores files below their paths, and what Get-ImageItem gives' {
        $result = Restore-ImageItem $image /etc $target
        $result.FileCount | Should -Be 2
        Get-Content (Join-Path $target 'etc/fstab') | Should -Be '/dev/sda1 / ext4 defaults 0 1'
        $null = Get-ImageItem $image /docs -Filter '*.txt' | Restore-ImageItem -Destination $target -Flatten
        Join-Path $target 'readme.txt' | Should -Exist
    }

    It 'overwrites only if it is told to' {
        $null = Restore-ImageItem $image /etc/fstab $target
        Restore-ImageItem $image /etc/fstab $target -ErrorVariable failure -ErrorAction SilentlyContinue | Should -Not -BeNullOrEmpty
        ErrorId $failure | Should -Be 'ItemExists'
        Restore-ImageItem $image /etc/fstab $target -Overwrite -ErrorVariable failure
        $failure | Should -BeNullOrEmpty
    }

    It 'refuses names that Windows changes' -Skip:(-not $IsWindows) {
        $null = Restore-ImageItem $image /odd $target -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Contain 'ItemRefused'
        ($failure.TargetObject | Sort-Object) | Should -Contain '/odd/CON'
        ($failure.TargetObject | Sort-Object) | Should -Contain '/odd/a:b'
        ($failure.TargetObject | Sort-Object) | Should -Contain '/odd/tr.'
    }

    It 'makes nothing with -WhatIf' {
        Restore-ImageItem $image /etc $target -WhatIf | Should -BeNullOrEmpty
        $target | Should -Not -Exist
    }
}

Describe 'Find-ImageItem and Compare-ImageBackup' {
    BeforeAll {
        $packed = [IO.File]::OpenRead((Join-Path $PSScriptRoot '../Fixtures/FileSystems/files-ext4-later.img.gz'))
        $unpacked = [IO.Compression.GZipStream]::new($packed, [IO.Compression.CompressionMode]::Decompress)
        $file = [IO.File]::Create($volume)
        $unpacked.CopyTo($file)
        $file.Dispose()
        $unpacked.Dispose()
        $later = Backup-VolumeImage $volume
    }

    It 'tells the versions of a file, newest first' {
        $versions = @(Find-ImageItem /bin/tool)
        $versions.Mode | Should -Be @('-rwxr-xr-x', '-rwsr-xr-x')
        $versions.ImageId | Should -Be @($later.Id, $image.Id)
        ($image, $later | Find-ImageItem 'host*').ImageIds | Should -Be $image.Id
    }

    It 'tells what was added, removed, changed and renamed' {
        $changes = Compare-ImageBackup $image $later
        ($changes | Where-Object Change -eq Removed).FullName | Should -Be '/etc/hosts'
        ($changes | Where-Object FullName -eq /docs/read.me).PreviousFullName | Should -Be '/docs/readme.txt'
        $target = Join-Path $work ([guid]::NewGuid())
        ($changes | Where-Object Change -eq Removed | Restore-ImageItem -Destination $target).FileCount | Should -Be 1
        Join-Path $target 'etc/hosts' | Should -Exist
        Compare-ImageBackup $later -Volume $volume -ByContent | Should -BeNullOrEmpty
    }
}

# The readers are the same code in both builds: the other one lists, reads and restores the ext4 above.
Describe 'The files of <Name>' -Tag 'net10.0' -ForEach $fileSystems {
    It 'are listed and restored as they are' -Skip:$Skip {
        $there = (New-Item -ItemType Directory (Join-Path $work "there-$Name")).FullName
        $content = (New-Item -ItemType Directory (Join-Path $work "content-$Name")).FullName
        $null = New-Item -ItemType Directory (Join-Path $content 'a b/deep/deeper') -Force
        [IO.File]::WriteAllText("$content/a b/Grüße.txt", "text of $Name`n")
        [IO.File]::WriteAllText("$content/a b/deep/deeper/empty", '')
        New-TestVolume "$content/random.bin" 7 3MB
        [IO.File]::WriteAllText("$content/repeated.txt", 'compressible ' * 40000)
        $volume = Join-Path $work "$Name.img"
        [IO.File]::OpenWrite($volume).Dispose()
        truncate -s $SizeBytes $volume
        sh -c ($Format -f "'$volume'") *> $null
        $LASTEXITCODE | Should -Be 0
        if ($Mount) {
            sh -c ($Mount -f "'$volume'", "'$there'") *> $null
            $LASTEXITCODE | Should -Be 0
            try {
                Copy-Item "$content/*" $there -Recurse
                if ($Name -eq 'NTFS') { sh -c "printf 'of the stream' > '$there/random.bin:note'" }
            }
            finally {
                umount $there
                losetup --list --noheadings --output NAME --associated $volume | ForEach-Object { losetup --detach $_.Trim() }
            }
        }
        else {
            mcopy -s -i $volume (Get-ChildItem $content).FullName '::'
            $LASTEXITCODE | Should -Be 0
        }
        $image = Backup-VolumeImage $volume
        $image.FileSystem | Should -Not -BeNullOrEmpty
        $expected = Get-ChildItem $content -Recurse -File | ForEach-Object { '{0} {1}' -f $_.FullName.Substring($content.Length).Replace('\', '/'), $_.Length } | Sort-Object
        $listed = @($image | Get-ImageItem -Recurse -WarningAction SilentlyContinue)
        # NTFS and FAT are of Windows: their paths have its separator.
        $listed | Where-Object Mode -NotLike 'd*' | ForEach-Object { '{0} {1}' -f $_.FullName.Replace('\', '/'), $_.Length } | Sort-Object | Should -Be $expected
        $target = Join-Path $work "restored-$Name"
        $result = $image | Restore-ImageItem -Path / -Destination $target -WarningAction SilentlyContinue
        $result.FileCount | Should -Be $expected.Count
        $result.FailedCount | Should -Be 0
        foreach ($file in Get-ChildItem $content -Recurse -File) {
            (Get-FileHash ($target + $file.FullName.Substring($content.Length))).Hash | Should -Be (Get-FileHash $file.FullName).Hash
        }
        Get-ImageItemContent $image '/a b/Grüße.txt' | Should -Be "text of $Name"
        # A second image, of which the first file is changed, one is added and one has another name. FAT's driver is not used.
        if ($Mount) {
            sh -c ($Mount -f "'$volume'", "'$there'") *> $null
            try {
                Add-Content -LiteralPath "$there/repeated.txt" 'more'
                New-TestVolume "$there/new.bin" 11 3MB
                Move-Item "$there/random.bin" "$there/a b/moved.bin"
            }
            finally {
                umount $there
                losetup --list --noheadings --output NAME --associated $volume | ForEach-Object { losetup --detach $_.Trim() }
            }
            # So small that the file system's structures and the files do not share all their chunks.
            $later = Backup-VolumeImage $volume -ChunkSize 64KB
            $again = Backup-VolumeImage $volume -ChunkSize 64KB
            $changes = @(Compare-ImageBackup $image $later -WarningAction SilentlyContinue | ForEach-Object { '{0} {1}' -f $_.Change, $_.FullName.Replace('\', '/') } | Sort-Object)
            $changes | Should -Contain 'Added /new.bin'
            $changes | Should -Contain 'Renamed /a b/moved.bin'
            $changes | Should -Contain 'Changed /repeated.txt'
            @($changes | Where-Object { $_ -notlike '*/a b' }).Count | Should -Be 3
            Compare-ImageBackup $later $again -ByContent -WarningAction SilentlyContinue | Should -BeNullOrEmpty
            $moved = @($image, $later, $again | Find-ImageItem moved.bin)
            $moved.ImageCount | Should -Be 2
            (Get-ImageItem $again -LiteralPath $moved.FullName -WarningAction SilentlyContinue).Length | Should -Be 3MB
        }
        if ($Name -eq 'NTFS') {
            # In any case of the letters, and by either separator.
            (Get-ImageItem $image '/A B/DEEP').Name | Should -Be 'deeper'
            "$((Get-ImageItem $image /random.bin).Streams)" | Should -Match 'note'
            Get-ImageItemContent $image /random.bin -Stream note | Should -Be 'of the stream'
            # What files here do not have is said, and the file is restored.
            $result = $image | Restore-ImageItem -Path /random.bin -Destination "$target-streams" -IncludeStream -PreservePermissions -WarningVariable told -WarningAction SilentlyContinue
            $result.FileCount | Should -Be 1
            "$told" | Should -Match "the stream 'note' was not restored"
            "$told" | Should -Match 'Owners and access lists of NTFS are not restored'
        }
    }
}

Describe 'A flipped bit of a pack' -Tag 'net10.0' {
    BeforeDiscovery { $whyNoExt = if (-not ($IsLinux -and (Get-Command mkfs.ext4 -CommandType Application -ErrorAction Ignore))) { 'mkfs.ext4 is not here' } }

    It 'names the files that it reaches, and no other' -Skip:([bool] $whyNoExt) {
        # mke2fs fills a volume without a mount. Chunks so small that files and the file system's structures share few of them.
        $tree = Join-Path $work 'tree'
        $null = New-Item -ItemType Directory (Join-Path $tree 'folder') -Force
        New-TestVolume (Join-Path $tree 'large.bin') 5 3MB
        New-TestVolume (Join-Path $tree 'folder/other.bin') 6 2MB
        Set-Content (Join-Path $tree 'small.txt') 'a line'
        $damaged = Join-Path $work 'damaged.img'
        mkfs.ext4 -q -d $tree $damaged 16M
        $there = @{ Repository = Join-Path $work 'damaged'; Password = $password }
        $null = Initialize-ImageRepository $there.Repository -Password $password
        $image = Backup-VolumeImage $damaged -ChunkSize 64KB @there
        $files = @(Get-ImageItem $image -Recurse @there | Where-Object Type -EQ File | ForEach-Object FullName)
        $packs = @(Get-ChildItem (Join-Path $there.Repository 'data') -Recurse -File | Where-Object Length -GT 64KB)
        $reached = foreach ($pack in $packs) {
            chmod u+w $pack.FullName
            $whole = [IO.File]::ReadAllBytes($pack.FullName)
            # Which files a place belongs to differs from run to run: the threads share the volume among them.
            foreach ($seventh in 1..6) {
                $at = [int] ($whole.Length * $seventh / 7)
                $bytes = [byte[]] $whole.Clone()
                $bytes[$at] = $bytes[$at] -bxor 1
                [IO.File]::WriteAllBytes($pack.FullName, $bytes)
                $check = Test-ImageBackup $image -ErrorAction SilentlyContinue -ErrorVariable told @there
                $check.IsWhole | Should -BeFalse
                # Nothing is named if the bit is of what the file system cannot be opened without.
                if ($null -ne $check.DamagedFiles) {
                    $unreadable = @($files | Where-Object {
                            $null = Get-ImageItemContent $image -LiteralPath $_ -AsByteStream -ErrorVariable failed -ErrorAction SilentlyContinue @there
                            $failed
                        })
                    # A directory that is named stands for what lies below it, which nothing finds.
                    $folders = @($check.DamagedFiles | Where-Object { $_ -notin $files })
                    $below = @($files | Where-Object { $file = $_; $folders | Where-Object { $file.StartsWith($_.TrimEnd('/') + '/') } })
                    @($check.DamagedFiles) + $below | Where-Object { $_ -in $files } | Sort-Object -Unique | Should -Be @($unreadable | Sort-Object)
                    $check.DamagedFileCount | Should -Be @($check.DamagedFiles).Count
                    ErrorId $told | Should -Be 'ChunkCorrupt'
                    "$told" | Should -BeLike "*'$(@($check.DamagedFiles)[0])'*"
                    $check.DamagedFiles
                }
                [IO.File]::WriteAllBytes($pack.FullName, $whole)
            }
        }
        $reached | Should -Contain '/large.bin'
        $reached | Should -Contain '/folder/other.bin'
        (Test-ImageBackup $image @there).IsWhole | Should -BeTrue
    }
}
