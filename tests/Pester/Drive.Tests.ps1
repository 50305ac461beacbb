# The files in images as a drive. Runs on every system: the volume is a small ext4 in a file.

BeforeDiscovery {
    $isRoot = $IsLinux -and (id -u) -eq 0
    $canMakeNtfs = $isRoot -and (Test-Path /dev/fuse) -and @('mkfs.ntfs', 'ntfs-3g' | Where-Object { -not (Get-Command $_ -CommandType Application -ErrorAction Ignore) }).Count -eq 0
    $hasRclone = [bool](Get-Command rclone -CommandType Application -ErrorAction Ignore)
    $refused = @(
        @{ What = 'Set-Content'; Script = { Set-Content "$top\etc\fstab" x } }
        @{ What = 'Set-Content of what is not there'; Script = { Set-Content "$top\etc\new" x } }
        @{ What = 'Set-Content above the images'; Script = { Set-Content 'img:\new' x } }
        @{ What = 'Add-Content'; Script = { Add-Content "$top\etc\fstab" x } }
        @{ What = 'Clear-Content'; Script = { Clear-Content "$top\etc\fstab" } }
        @{ What = 'New-Item'; Script = { New-Item "$top\etc\new" } }
        @{ What = 'New-Item of a directory'; Script = { New-Item "$top\new" -ItemType Directory } }
        @{ What = 'Remove-Item'; Script = { Remove-Item "$top\etc\fstab" } }
        @{ What = 'Remove-Item of a directory'; Script = { Remove-Item "$top\etc" -Confirm:$false } }
        @{ What = 'Remove-Item -Recurse of an image'; Script = { Remove-Item $top -Recurse } }
        @{ What = 'Rename-Item'; Script = { Rename-Item "$top\etc\fstab" x } }
        @{ What = 'Copy-Item within'; Script = { Copy-Item "$top\etc\fstab" "$top\etc\new" } }
        @{ What = 'Copy-Item to files'; Script = { Copy-Item "$top\etc\fstab" $work } }
        @{ What = 'Copy-Item -Recurse to files'; Script = { Copy-Item "$top\etc" -Destination $work -Recurse } }
        @{ What = 'Move-Item to files'; Script = { Move-Item "$top\etc\fstab" $work } }
        @{ What = 'Clear-Item'; Script = { Clear-Item "$top\etc\fstab" } }
        @{ What = 'Set-ItemProperty'; Script = { Set-ItemProperty "$top\etc\fstab" -Name Mode -Value x } }
    )
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $volume = Join-Path $work 'files.img'
    New-FileVolume $volume
    # Names with characters that paths and wildcards mean something by.
    $location = Join-Path $work 'the [one] repository'
    $connected = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $first = Backup-VolumeImage $volume
    $image = Backup-VolumeImage $volume
    $null = New-PSDrive img -PSProvider ImageBackup -Root $location -Password $password -Scope Global
    $computer = (Get-ChildItem img:\).PSChildName
    $volumeName = (Get-ChildItem "img:\$computer").PSChildName
    $above = "img:\$computer\$volumeName"
    $top = "$above\latest"
    # Nothing may be written by a path that is not on the drive.
    if (-not (Test-Path $top)) { throw "There is no $top." }
    $sep = [IO.Path]::DirectorySeparatorChar
    function Complete([string] $line) { [Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText }
}

AfterAll {
    Set-Location $PSScriptRoot
    Remove-PSDrive img -Scope Global -ErrorAction Ignore
    Remove-Work
}

Describe 'New-PSDrive -PSProvider ImageBackup' {
    It 'makes no drive by default' { (Get-PSProvider ImageBackup).Drives.Name | Should -Be 'img' }

    It 'takes a path that leads on, a credential and a password file' {
        $null = New-PSDrive deep ImageBackup (Join-Path $location $computer) -Credential ([pscredential]::new('x', $password))
        (Get-ChildItem deep:\).PSChildName | Should -Be $volumeName
        Set-Location "deep:\$volumeName\latest\etc"
        (Get-ChildItem ..\docs -Filter *.md).Name | Should -Be 'notes.md'
        Set-Location ..\..\..
        "$PWD" | Should -Be "deep:$sep"
        Set-Location $PSScriptRoot
        Remove-PSDrive deep
        $file = Join-Path $work 'password'
        $null = Export-ImageRepositoryPassword $file -Password $password
        $null = New-PSDrive byfile ImageBackup $location -PasswordFile $file
        Test-Path "byfile:\$computer" | Should -BeTrue
    }

    It 'takes the name of a connection, and what is connected' {
        $main = Connect-ImageRepository $location -Name main -Password $password
        (New-PSDrive named ImageBackup main).Root | Should -Be (Get-PSDrive img).Root
        (New-PSDrive current ImageBackup '').Root | Should -Be (Get-PSDrive img).Root
        Get-Content "named:\$computer\$volumeName\latest\etc\hosts" | Should -Be '127.0.0.1 localhost'
        Disconnect-ImageRepository $main
        { Get-Content "named:\$computer\$volumeName\latest\etc\hosts" -ErrorAction Stop } | Should -Throw '*was disconnected*'
        # The drive img has opened the repository itself.
        Test-Path "$top\etc" | Should -BeTrue
    }

    It 'says what is wrong' {
        { New-PSDrive bad ImageBackup (Join-Path $work nothing) -ErrorAction Stop } | Should -Throw -ErrorId 'RepositoryNotFound,*'
        { New-PSDrive bad ImageBackup $location -Password (ConvertTo-SecureString x -AsPlainText -Force) -ErrorAction Stop } | Should -Throw -ErrorId 'WrongPassword,*'
        { New-PSDrive bad ImageBackup (Join-Path $location nothing) -ErrorAction Stop } | Should -Throw -ErrorId 'ItemNotFound,*'
        Get-PSDrive bad -ErrorAction Ignore | Should -BeNullOrEmpty
    }
}

Describe 'A drive of images' {
    It 'lists computers, volumes and images with names of their own' {
        $folder = Get-Item "img:\$computer\*"
        $folder.GetType().FullName | Should -Be 'ImageBackup.ImageDriveFolder'
        $folder.Volume | Should -Be $volume
        $folder.ImageCount | Should -Be 2
        $images = Get-ChildItem $above
        $images.ForEach({ $_.GetType().FullName }) | Select-Object -Unique | Should -Be 'ImageBackup.ImageBackupInfo'
        $images.Id | Should -Be @($first.Id, $image.Id)
        ($images.PSChildName | Select-Object -Unique).Count | Should -Be 2
        $images.PSChildName | ForEach-Object { $_ | Should -Match '^\d{4}-\d\d-\d\dT\d{4}(-[0-9a-f]{8})?$' }
        (Get-Item "$above\$($images[0].PSChildName)").Id | Should -Be $first.Id
        (Get-Item $top).Id | Should -Be $image.Id
        ($images | Format-Table | Out-String) | Should -Match $images[0].PSChildName
    }

    It 'gives the objects that Get-ImageItem gives' {
        $one = Get-Item "$top\bin\tool"
        $other = Get-ImageItem $image.Id /bin/tool -Repository $connected
        ($one | Select-Object $other.PSObject.Properties.Name | ConvertTo-Json) | Should -Be ($other | ConvertTo-Json)
        (Get-ItemProperty "$top\bin\tool" -Name Length).Length | Should -Be 10
    }

    It 'lists with -Recurse, -Depth, -Name, -Filter, -Include, -Exclude, -File, -Directory' {
        (Get-ChildItem $top).Name | Sort-Object | Should -Be @('bin', 'dev', 'docs', 'etc', 'holes', 'odd')
        (Get-ChildItem $top -Recurse).Count | Should -Be 25
        (Get-ChildItem $top -Recurse -Name).Count | Should -Be 25
        (Get-ChildItem "$top\docs" -Depth 1).FullName | Should -Contain '/docs/deep/er'
        (Get-ChildItem "$top\docs" -Depth 1).FullName | Should -Not -Contain '/docs/deep/er/file.bin'
        (Get-ChildItem $top -Recurse -Filter *.txt).FullName | Sort-Object | Should -Be @('/docs/readme.txt', '/odd/[x].txt')
        (Get-ChildItem $top -Recurse -Include *.md, *.txt -Exclude r*).FullName | Sort-Object | Should -Be @('/docs/notes.md', '/odd/[x].txt')
        (Get-ChildItem "$top\docs" -File).Name | Sort-Object | Should -Be @('link', 'notes.md', 'readme.txt')
        (Get-ChildItem "$top\docs" -Directory).Name | Should -Be 'deep'
        (Get-ChildItem "$top\*\*.md").FullName | Should -Be '/docs/notes.md'
        (Get-ChildItem "$top\etc\fstab").Length | Should -Be 30
        # All of the drive, over both images; links are not followed.
        (Get-ChildItem img:\ -Recurse -Filter fstab).ImageId | Sort-Object | Should -Be (@($first.Id, $image.Id) | Sort-Object)
    }

    It 'is moved about in' {
        Set-Location "$top\docs"
        Get-Content readme.txt -TotalCount 1 | Should -Be 'first line'
        Get-Content ..\etc\hosts | Should -Be '127.0.0.1 localhost'
        Set-Location ../odd
        Split-Path "$PWD" -Leaf | Should -Be 'odd'
        Push-Location img:\
        "$PWD" | Should -Be "img:$sep"
        Pop-Location
        Resolve-Path tw* | Split-Path -Leaf | Should -Be @('twin', 'TWIN')
        Set-Location $PSScriptRoot
    }

    It 'knows paths' {
        Test-Path "$top\etc\fstab", "$top\nothing", "$top\etc\fstab\below", "$top\ETC", "img:\nobody" | Should -Be @($true, $false, $false, $false, $false)
        Test-Path "$top\etc" -PathType Container | Should -BeTrue
        Test-Path "$top\etc\fstab" -PathType Container | Should -BeFalse
        Test-Path "$top\docs\link" -PathType Leaf | Should -BeTrue
        (Resolve-Path "$top\d*\*.txt").Path | Should -Be ("$top\docs\readme.txt".Replace('\', $sep))
        Join-Path $top etc -Resolve | Should -Be ("$top\etc".Replace('\', $sep))
        Split-Path "$top\etc\fstab" -Leaf | Should -Be 'fstab'
        { Get-Item "$top\nothing" -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,*'
    }

    It 'is completed' {
        Complete "Get-ChildItem $top\d" | Should -Be @("$top\dev", "$top\docs").Replace('\', $sep)
        Complete "Restore-ImageItem -Path $top\docs\r" | Should -Be "$top\docs\readme.txt".Replace('\', $sep)
        Complete "Get-ImageItem $top\docs\r" | Should -Be "$top\docs\readme.txt".Replace('\', $sep)
    }

    It 'finds paths without a drive' {
        $path = (Get-Item "$top\etc\fstab").PSPath
        (Get-Item -LiteralPath $path).FullName | Should -Be '/etc/fstab'
        Get-Content -LiteralPath $path | Should -Be '/dev/sda1 / ext4 defaults 0 1'
        (Get-ChildItem "ImageBackup::$((Get-PSDrive img).Root)").PSChildName | Should -Be $computer
        Test-Path 'ImageBackup::nothing\there' | Should -BeFalse
    }

    It 'keeps names that mean something to paths, and tells twins apart' {
        $odd = Get-ChildItem "$top\odd"
        $odd.Name | Should -Contain 'b\c'
        $odd.PSChildName | Should -Contain 'b%5Cc'
        $odd.PSChildName | Should -Contain '%FF%FE'
        $odd | ForEach-Object { Test-Path -LiteralPath $_.PSPath } | Should -Not -Contain $false
        $odd | ForEach-Object { (Get-Item "$top\odd\$($_.PSChildName)").Name } | Should -Be $odd.Name
        Get-Content "$top\odd\a%3Ab" | Should -Be 'colon'
        Get-Content "$top\odd\%5Bx%5D.txt" | Should -Be (Get-Content -LiteralPath "$top\odd\[x].txt")
        (Get-ChildItem "$top\odd" -Include twin).Count + (Get-ChildItem "$top\odd\*" -Include twin).Count | Should -BeGreaterOrEqual 2
        Get-Content "$top\odd\twin" | Should -Not -Be (Get-Content "$top\odd\TWIN")
    }
}

Describe 'Get-Content on a drive of images' {
    It 'gives lines, text and bytes' {
        Get-Content "$top\docs\readme.txt" | Should -Be @('first line', 'second line', 'ümlaut')
        Get-Content "$top\docs\readme.txt" -Raw | Should -Be "first line`nsecond line`nümlaut`n"
        Get-Content "$top\docs\readme.txt" -TotalCount 2 | Should -Be @('first line', 'second line')
        (Get-Content "$top\docs\readme.txt" -ReadCount 2)[0].Count | Should -Be 2
        Get-Content "$top\docs\readme.txt" -Delimiter 'line' | Should -Be @('first ', "`nsecond ", "`nümlaut`n")
        (Get-Content "$top\docs\readme.txt" -Encoding latin1)[2] | Should -Be 'Ã¼mlaut'
        (Get-Content "$top\docs\readme.txt" -Encoding 28591)[2] | Should -Be 'Ã¼mlaut'
        $bytes = Get-Content "$top\docs\readme.txt" -AsByteStream -Raw
        , $bytes | Should -BeOfType ([byte[]])
        $bytes.Length | Should -Be 31
        , (Get-Content "$top\docs\readme.txt" -AsByteStream -ReadCount 0) | Should -BeOfType ([byte[]])
        (Get-Content "$top\docs\readme.txt" -AsByteStream) -join ' ' | Should -Be ($bytes -join ' ')
        (Get-Content "$top\docs\readme.txt" -Encoding byte -TotalCount 3) | Should -Be @(102, 105, 114)
        (Get-Content "$top\holes" -AsByteStream -Raw).Length | Should -Be 3MB
        Get-Content "$top\docs\*.txt", "$top\etc\hosts" | Should -HaveCount 4
        Get-ChildItem "$top\docs" -Filter *.md | Get-Content | Should -Be '# notes'
    }

    It 'is followed by Select-String, and a file is hashed by its stream' {
        (Get-Content "$top\docs\readme.txt" | Select-String 'second').LineNumber | Should -Be 2
        $copy = Join-Path $work 'copy'
        [IO.File]::WriteAllBytes($copy, (Get-Content "$top\docs\deep\er\file.bin" -AsByteStream -Raw))
        (Get-FileHash -InputStream (Get-Item "$top\docs\deep\er\file.bin").OpenRead()).Hash | Should -Be (Get-FileHash $copy).Hash
    }

    It 'says what it cannot read' {
        Get-Content "$top\etc" -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ItemUnreadable'
        Get-Content "$top\etc\fstab" -Stream x -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ItemUnreadable'
        Get-Content "$top\etc\fstab" -Raw -Delimiter x -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ParameterInvalid'
    }

    It 'reads the streams of NTFS, in any case of the names' -Skip:(-not $canMakeNtfs) {
        $there = (New-Item -ItemType Directory (Join-Path $work 'there')).FullName
        $ntfs = Join-Path $work 'ntfs.img'
        [IO.File]::OpenWrite($ntfs).Dispose()
        truncate -s 16M $ntfs
        sh -c "mkfs.ntfs -q -Q -F '$ntfs' && ntfs-3g -o streams_interface=windows '$ntfs' '$there'" *> $null
        $LASTEXITCODE | Should -Be 0
        try { sh -c "mkdir '$there/A b'; printf text > '$there/A b/file.txt'; printf more > '$there/A b/file.txt:note'" }
        finally { umount $there }
        $null = Backup-VolumeImage $ntfs -Repository $connected -WarningAction SilentlyContinue
        $name = (Get-ChildItem "img:\$computer" | Where-Object Volume -EQ $ntfs).PSChildName
        $file = Get-Item "img:\$computer\$name\latest\a B\FILE.TXT"
        $file.FullName | Should -Be '\A b\file.txt'
        "$($file.Streams)" | Should -Be 'note'
        Get-Content $file.PSPath -Stream note | Should -Be 'more'
        Get-Content "img:\$computer\$name\latest\A b\file.txt" | Should -Be 'text'
        (Complete "Get-Content img:\$computer\$name\latest\A") | Should -Be "'img:\$computer\$name\latest\A b'".Replace('\', $sep)
    }
}

Describe 'Nothing is changed' {
    It 'by <What>' -ForEach $refused {
        $before = TreeState $location
        $failure = $null
        try { & $Script -ErrorAction Stop } catch { $failure = $_ }
        # PowerShell gives up at the first error that is written.
        if (-not $failure) { $failure = $Error[0] }
        "$(ErrorId $failure)" | Should -Be 'DriveReadOnly'
        "$failure" | Should -Not -BeNullOrEmpty
        $failure.ErrorDetails.RecommendedAction | Should -Match 'Restore-ImageItem'
        TreeState $location | Should -Be $before
        Join-Path $work 'fstab' | Should -Not -Exist
    }

    It 'and Copy-Item goes on from elsewhere while one is there' {
        $from = Join-Path $work 'from'
        Set-Content $from 'x'
        Set-Location "$top\etc"
        Get-Item $from | Copy-Item -Destination (Join-Path $work 'to')
        Set-Location $PSScriptRoot
        Join-Path $work 'to' | Should -FileContentMatch 'x'
    }
}

Describe 'What comes and goes while a drive is there' {
    It 'shows new images at once and says that an image was removed' {
        $new = Backup-VolumeImage $volume -Repository $connected
        # A name that means the newest is looked up again after a second.
        Start-Sleep -Milliseconds 1100
        (Get-Item $top).Id | Should -Be $new.Id
        Get-Content "$top\etc\hosts" | Should -Be '127.0.0.1 localhost'
        # The drive holds no lock, and its objects name images.
        $path = (Get-Item "$top\etc\hosts").PSPath
        $null = Get-Item $top | Remove-ImageBackup -Repository $connected -Confirm:$false
        Get-Content -LiteralPath $path -ErrorVariable failure -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ErrorId $failure | Should -Be 'ImageNotFound'
        (Get-Item $top).Id | Should -Be $image.Id
    }

    It 'goes with the module, and with Remove-PSDrive' {
        $child = {
            param($manifest, $location, $secret)
            Import-Module $manifest
            $password = ConvertTo-SecureString $secret -AsPlainText -Force
            $null = New-PSDrive one ImageBackup $location -Password $password
            $path = (Get-Item one:\*).PSPath
            Remove-PSDrive one
            $null = Get-Item -LiteralPath $path -ErrorVariable failure -ErrorAction SilentlyContinue
            $failure.FullyQualifiedErrorId.Split(',')[0]
            $env:RESTIC_PASSWORD = $secret
            Test-Path -LiteralPath $path
            $null = New-PSDrive two ImageBackup $location
            Remove-Module ImageBackup
            "$((Get-PSDrive).Name -contains 'two') $([bool](Get-PSProvider ImageBackup -ErrorAction Ignore))"
            Import-Module $manifest
            $null = New-PSDrive two ImageBackup $location -Password $password
            Test-Path two:\*
        }
        $arguments = @($pwsh | Select-Object -Skip 1) + '-NoProfile', '-NonInteractive', '-Command', "& { $child } '$env:IMAGEBACKUP_MANIFEST' '$location' '$secretText'"
        $said = & $pwsh[0] @arguments
        $said | Should -Be @('PasswordNeeded', 'True', 'False False', 'True')
    }
}

Describe 'The commands that take a drive''s paths and objects' {
    BeforeEach { $target = Join-Path $work ([guid]::NewGuid()) }

    It 'restores by path, and what is piped, without another password' {
        Disconnect-ImageRepository $connected
        (Restore-ImageItem "$top\etc" -Destination $target).FileCount | Should -Be 2
        Get-Content (Join-Path $target 'etc/fstab') | Should -Be '/dev/sda1 / ext4 defaults 0 1'
        (Restore-ImageItem -Path "$top\docs\*.md", "$top\odd\%5Bx%5D.txt" -Destination $target -Flatten -WarningAction SilentlyContinue).FileCount | Should -Be 2
        Join-Path $target 'notes.md' | Should -Exist
        (Get-ChildItem "$top\docs" -Filter *.txt | Restore-ImageItem -Destination $target).FileCount | Should -Be 1
        (Get-Item $top | Restore-ImageItem -Path /etc/hosts -Destination $target -Overwrite).FileCount | Should -Be 1
    }

    It 'lists and reads by path' {
        (Get-ImageItem "$top\docs" -Recurse -Filter *.bin).FullName | Should -Be '/docs/deep/er/file.bin'
        (Get-ImageItem $top /etc).Name | Sort-Object | Should -Be @('fstab', 'hosts')
        (Get-ImageItem -LiteralPath "$top\odd\%5Bx%5D.txt").Name | Should -Be '[x].txt'
        Get-ImageItemContent "$top\etc\hosts" | Should -Be '127.0.0.1 localhost'
        (Get-ChildItem $above | Get-ImageItem -Path /etc/hosts).ImageId | Should -Be @($first.Id, $image.Id)
    }

    It 'says what names no image' {
        Get-ImageItem -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ParameterInvalid'
        Get-ImageItem -Path /etc -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ParameterInvalid'
        Get-ImageItem img:\ -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ParameterInvalid'
        Get-ImageItem "$top\docs" /etc -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ParameterInvalid'
        Get-ImageItem "$top\nothing" -ErrorVariable failure -ErrorAction SilentlyContinue
        ErrorId $failure | Should -Be 'ItemNotFound'
    }
}

Describe 'A drive in other surroundings' {
    # Where only signed modules run, scripts have ConstrainedLanguage: the module is loaded before, as there.
    It 'works in ConstrainedLanguage' {
        $runspace = [runspacefactory]::CreateRunspace()
        $shell = [powershell]::Create()
        try {
            $runspace.Open()
            $shell.Runspace = $runspace
            $null = $shell.AddScript('param($manifest) Import-Module $manifest').AddArgument((Get-Module ImageBackup).Path.Replace('.psm1', '.psd1')).Invoke()
            $runspace.SessionStateProxy.SetVariable('location', $location)
            $runspace.SessionStateProxy.SetVariable('password', $password)
            $runspace.SessionStateProxy.SetVariable('top', $top)
            $runspace.LanguageMode | Should -Be 'FullLanguage'
            $runspace.SessionStateProxy.LanguageMode = 'ConstrainedLanguage'
            $shell.Commands.Clear()
            $found = $shell.AddScript({
                $null = New-PSDrive img -PSProvider ImageBackup -Root $location -Password $password
                "$($ExecutionContext.SessionState.LanguageMode)"
                (Get-ChildItem $top\etc).Name | Sort-Object
                Get-Content $top\etc\hosts
                (Get-ChildItem $top -Recurse | Where-Object Name -EQ 'notes.md').Name
                Remove-PSDrive img
            }.ToString()).Invoke()
            $shell.Streams.Error | Should -BeNullOrEmpty
            $found | Should -Be @('ConstrainedLanguage', 'fstab', 'hosts', '127.0.0.1 localhost', 'notes.md')
        }
        finally {
            $shell.Dispose()
            $runspace.Dispose()
        }
    }

    It 'shows a repository on a REST server' -Skip:(-not $hasRclone) {
        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $start = [Diagnostics.ProcessStartInfo]::new('rclone', "serve restic --addr 127.0.0.1:$port `"$location`"")
        $start.RedirectStandardError = $start.RedirectStandardOutput = $true
        $server = [Diagnostics.Process]::Start($start)
        try {
            $until = (Get-Date).AddSeconds(30)
            while ((Get-Date) -lt $until) {
                try { [Net.Sockets.TcpClient]::new('127.0.0.1', $port).Dispose(); break } catch { Start-Sleep -Milliseconds 100 }
            }
            $null = New-PSDrive far -PSProvider ImageBackup -Root "rest:http://127.0.0.1:$port/" -Password $password -Scope Global
            $there = $top -replace '^img:', 'far:'
            (Get-ChildItem "$there\etc").Name | Sort-Object | Should -Be @('fstab', 'hosts')
            Get-Content "$there\etc\hosts" | Should -Be '127.0.0.1 localhost'
            (Get-ChildItem $there -Recurse -Filter notes.md).Name | Should -Be 'notes.md'
        }
        finally {
            Remove-PSDrive far -Scope Global -ErrorAction Ignore
            $server.Kill()
            $server.Dispose()
        }
    }
}
