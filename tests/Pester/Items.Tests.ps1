BeforeAll {
    . $PSScriptRoot/Suite.ps1
    # A small ext4 with files, as a volume in a file: no mount, so that this runs on every system.
    $volume = Join-Path $work 'files.img'
    $packed = [IO.File]::OpenRead((Join-Path $PSScriptRoot '../Fixtures/FileSystems/files-ext4.img.gz'))
    $unpacked = [IO.Compression.GZipStream]::new($packed, [IO.Compression.CompressionMode]::Decompress)
    $file = [IO.File]::Create($volume)
    $unpacked.CopyTo($file)
    $file.Dispose()
    $unpacked.Dispose()
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
