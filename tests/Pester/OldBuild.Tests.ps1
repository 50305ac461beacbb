# What 0.1.0 left in a repository, on a machine and in its users' files is read, extended, expired and pruned by the build under
# test. tests/Fixtures/Repository-0.1.0/README.md says what there is and how it was made.

BeforeDiscovery {
    $kinds = 'PendingUndo', 'Class', 'Rule', 'Domain', 'Provider', 'RuleTest', 'Volume', 'SnapshotTrial', 'Connection', 'Image', 'Job', 'Restored', 'Verified',
        'Key', 'Check', 'Optimized', 'Lock', 'DamagedImageTest', 'DamagedRange', 'DamagedCheck', 'Problem', 'Repaired', 'DamagedImage'
    $isRoot = $IsLinux -and (id -u) -eq 0
    # A private mount namespace, in which everything lies where the old build had it.
    $canUnshare = $isRoot -and (Get-Command unshare -CommandType Application -ErrorAction Ignore) -and $(unshare --mount --uts true 2>$null; $LASTEXITCODE -eq 0)
    $canMount = $isRoot -and (Get-Command losetup -CommandType Application -ErrorAction Ignore) -and (losetup --find 2>$null)
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $fixture = Join-Path (Split-Path $PSScriptRoot) 'Fixtures/Repository-0.1.0'
    $password = ConvertTo-SecureString 'the first password' -AsPlainText -Force
    $restic = (Get-Command restic -CommandType Application -ErrorAction Ignore | Select-Object -First 1).Source
    $env:RESTIC_PASSWORD = 'the first password'

    # All of it, new.
    function New-Copy([string] $Name) {
        $to = (New-Item -ItemType Directory (Join-Path $work $Name)).FullName
        $file = [IO.File]::OpenRead((Join-Path $fixture 'old.tar.gz'))
        $unzipped = [IO.Compression.GZipStream]::new($file, [IO.Compression.CompressionMode]::Decompress)
        try { [Formats.Tar.TarFile]::ExtractToDirectory($unzipped, $to, $false) }
        finally { $unzipped.Dispose(); $file.Dispose() }
        $to
    }
    function Hash([string] $Path) { (Get-FileHash $Path).Hash }
    function Told([scriptblock] $Command) { ((& $Command 3>&1) | ForEach-Object { "$_" }) -join ' ' -replace '\s+', ' ' }

    $old = New-Copy 'old'
    $location = Join-Path $old 'repository'
    $expected = Get-Content (Join-Path $old 'expected.json') -Raw | ConvertFrom-Json
    $expired = @($expected.Images | Where-Object IsExpired | ForEach-Object Id)
}

AfterAll {
    $env:RESTIC_PASSWORD = $null
    Remove-Work
}

Describe 'The repository of 0.1.0' {
    BeforeAll {
        # A stale lock goes with the first command.
        $before = TreeState $location | Where-Object { $_ -notmatch '[\\/]locks[\\/]' }
        $connection = Connect-ImageRepository $location -Password $password -AcceptPolicy
        $images = @(Get-ImageBackup -IncludeInactive)
    }
    AfterAll { Disconnect-ImageRepository }

    It 'opens with both of its passwords, and with the password file of then' {
        @(Get-ImageRepositoryKey | ForEach-Object Id | Sort-Object) | Should -Be @($expected.Keys | Sort-Object)
        $second = ConvertTo-SecureString 'the second password' -AsPlainText -Force
        @(Get-ImageBackup -IncludeInactive -Repository $location -Password $second).Count | Should -Be $images.Count
        # Windows protects such a file for the user who wrote it.
        if (-not $IsWindows) { @(Get-ImageBackup -IncludeInactive -Repository $location -PasswordFile (Join-Path $old 'password')).Count | Should -Be $images.Count }
        $null = Connect-ImageRepository $connection
    }

    It 'lists its images with what each was' {
        $images.Id | Should -Be $expected.Images.Id
        $images.Volume | Should -Be $expected.Images.Volume
        $images.ImageType | Should -Be $expected.Images.ImageType
        $images.IsExpired | Should -Be $expected.Images.IsExpired
        $expired.Count | Should -Be 4
    }

    It 'says how a volume was quiesced' {
        $wanted = @($expected.Images | Where-Object { $_.RestedBy -like 'remounted read-only*' })
        $wanted.Count | Should -Be 1
        # By whatever name the object has it. Texts alone are compared: a text that is not a time, compared with a time, makes the
        # runtime of .NET wait for ever under Wine 8 (a failing conversion, "[datetime]::Now -eq 'x'", without any module of ours).
        $image = $images | Where-Object Id -EQ $wanted[0].Id
        $image.PSObject.Properties.Value | Where-Object { $_ -is [string] } | Should -Contain $wanted[0].RestedBy
        $image | Format-List | Out-String -Width 500 | Should -Match ([regex]::Escape($wanted[0].RestedBy))
    }

    It 'has whole images' {
        @($images | Test-ImageBackup | ForEach-Object IsWhole | Select-Object -Unique) | Should -Be $true
        $check = Test-ImageRepository -ReadData
        $check.IsHealthy | Should -BeTrue
        # A command that only reads changes nothing.
        TreeState $location | Should -Be $before
    }

    It 'restores each image as it was' {
        $target = Join-Path $work 'restored.img'
        foreach ($image in $expected.Images) {
            $null = Restore-VolumeImage $image.Id -Destination $target -Force
            Hash $target | Should -Be $image.Sha256 -Because $image.Id
        }
    }

    It 'enforces its rules and classes' -Skip:$IsWindows {
        $test = Test-IncludeImage /mnt/volumes/raw.img -RulePath (Join-Path $old 'machine/etc/imagebackup/image.rules') -ClassPath (Join-Path $old 'machine/etc/imagebackup/classes.json')
        $test.ManagementClass | Should -Be 'FIXTURE'
        @(Get-ManagementClass | Where-Object Name -EQ 'FIXTURE').VersionsExist | Should -Be 2
    }

    It 'takes the volume for gone that was said to be gone' {
        @(Get-ImageBackup).Volume | Should -Not -Contain '/mnt/volumes/gone.img'
        @($images | Where-Object Volume -EQ '/mnt/volumes/gone.img' | ForEach-Object IsActive) | Should -Be $false, $false
    }
}

Describe 'A repository of 0.1.0 that goes on' {
    BeforeAll {
        $here = New-Copy 'goes-on'
        $location = Join-Path $here 'repository'
        $null = Connect-ImageRepository $location -Password $password -AcceptPolicy
        $newest = @($expected.Images | Where-Object Volume -EQ '/mnt/volumes/raw.img')[-1]
        function Assert-ResticAgrees {
            if (-not $restic) { return }
            $said = & $restic -r $location --no-cache check --read-data 2>&1
            $LASTEXITCODE | Should -Be 0 -Because ($said -join "`n")
        }
    }
    AfterAll { Disconnect-ImageRepository }

    It 'loses the stale lock of a killed backup' {
        @(Get-ChildItem (Join-Path $location 'locks')).Count | Should -Be 1
        $lock = Unlock-ImageRepository
        $lock.ComputerName | Should -Be 'fixture-host'
        $lock.IsStale | Should -BeTrue
        Get-ChildItem (Join-Path $location 'locks') | Should -BeNullOrEmpty
        Assert-ResticAgrees
    }

    It 'knows the chunks that it has' {
        $again = Join-Path $work 'again.img'
        $null = Restore-VolumeImage $newest.Id -Destination $again -Force
        $image = Backup-VolumeImage $again -ImageType Static -ChunkSize 64KB
        $image.NewChunkCount | Should -Be 0
        $image | Remove-ImageBackup -Confirm:$false
        Assert-ResticAgrees
    }

    It 'uses the packs of a killed backup, which no index lists' {
        $pack = @($expected.NewPack)
        $pack.Count | Should -BeGreaterThan 0
        $before = @(Get-ChildItem (Join-Path $location 'data') -Recurse -File).Name
        $pack | ForEach-Object { $before | Should -Contain $_ }
        $busy = Join-Path $work 'busy.img'
        Copy-Item (Join-Path $here 'volumes/busy.img') $busy
        $image = Backup-VolumeImage $busy -ImageType Static -ChunkSize 64KB
        $image.NewChunkCount | Should -Be 0
        $null = Restore-VolumeImage $image.Id -Destination (Join-Path $work 'busy-restored.img') -Force
        Hash (Join-Path $work 'busy-restored.img') | Should -Be (Hash $busy)
        (Test-ImageRepository -ReadData).IsHealthy | Should -BeTrue
        Assert-ResticAgrees
    }

    It 'expires what has expired' {
        $classes = @{ ClassPath = Join-Path $here 'machine/etc/imagebackup/classes.json' }
        @(Remove-ImageBackup -Expired -PassThru -Confirm:$false @classes | ForEach-Object Id | Sort-Object) | Should -Be @($expired | Sort-Object)
        $left = @(Get-ImageBackup -IncludeInactive | Where-Object Id -In $expected.Images.Id)
        @($left.Id) | Should -Be @($expected.Images | Where-Object { -not $_.IsExpired } | ForEach-Object Id)
        @($left | Test-ImageBackup | ForEach-Object IsWhole | Select-Object -Unique) | Should -Be $true
        Assert-ResticAgrees
    }

    It 'is pruned' {
        $result = Optimize-ImageRepository -MaxUnused 0 -Confirm:$false
        $result.FreedBytes | Should -BeGreaterThan 0
        (Test-ImageRepository -ReadData).IsHealthy | Should -BeTrue
        foreach ($image in @($expected.Images | Where-Object { -not $_.IsExpired })) {
            $null = Restore-VolumeImage $image.Id -Destination (Join-Path $work 'pruned.img') -Force
            Hash (Join-Path $work 'pruned.img') | Should -Be $image.Sha256 -Because $image.Id
        }
        Assert-ResticAgrees
    }

    It 'lets one of its keys go' {
        $key = Get-ImageRepositoryKey | Where-Object { -not $_.IsCurrent }
        $key | Remove-ImageRepositoryKey -Confirm:$false
        @(Get-ImageRepositoryKey).Count | Should -Be 1
        Assert-ResticAgrees
    }
}

Describe 'The computer of 0.1.0 that goes on' -Skip:(-not $canUnshare) {
    BeforeAll {
        $here = New-Copy 'computer'
        $script = Join-Path $work 'computer.ps1'
        # There it has the old computer's name and its paths.
        function Invoke-There([string] $Command) {
            Set-Content $script "`$ErrorActionPreference = 'Stop'`nImport-Module '$env:IMAGEBACKUP_MANIFEST'`n$Command"
            $said = unshare --mount --uts --propagation private /bin/sh -c 'hostname fixture-host && mount --bind "$0" /mnt && cd /mnt && exec "$@"' $here `
                env IMAGEBACKUP_ROOT=/mnt/machine @pwsh -NoProfile -NonInteractive -File $script 2>&1
            if ($LASTEXITCODE) { throw ($said -join "`n") }
            ($said -join ' ') -replace '\s+', ' '
        }
        $backup = 'Backup-VolumeImage /mnt/volumes/raw.img -ImageType Static -ChunkSize 64KB -Repository /mnt/repository 3>&1 | ForEach-Object { if ($_.Id) { $_.Id, $_.NewChunkCount, $_.ManagementClass -join "/" } else { "warning: $_" } }'
    }

    It 'names what killed backups left, undoes it, and continues the history of a volume' {
        $told = Invoke-There 'Get-ManagementClass 3>&1 | ForEach-Object { "$_" }'
        $told | Should -Match 'The changes of a killed run are not undone yet'
        $told | Should -Match '/mnt/volumes/busy\.img'
        $volume = Join-Path $here 'volumes/raw.img'
        $bytes = [IO.File]::ReadAllBytes($volume)
        [Array]::Fill[byte]($bytes, 7, 200KB, 1KB)
        [IO.File]::WriteAllBytes($volume, $bytes)
        $said = Invoke-There $backup
        $said -match '\b(?<id>[0-9a-f]{64})/(?<new>\d+)/FIXTURE' | Should -BeTrue -Because $said
        $id = $Matches.id
        # One chunk was changed: what the tags of the parent told unchanged was not stored again.
        $Matches.new | Should -Be 1
        if ($restic) {
            $snapshot = & $restic -r (Join-Path $here 'repository') --no-lock --no-cache snapshots --json | ConvertFrom-Json | Where-Object id -EQ $id
            # The build for an older .NET has no tags to compare with, and names no parent.
            $parent = if (Test-Path (Join-Path (Split-Path $env:IMAGEBACKUP_MANIFEST) 'net10.0')) { @($expected.Images | Where-Object Volume -EQ '/mnt/volumes/raw.img')[-1].Id }
            $snapshot | Should -Not -BeNullOrEmpty
            $snapshot.parent | Should -Be $parent
            $snapshot.hostname | Should -Be 'fixture-host'
        }
        # What killed backups left is undone before a backup takes anything; their temporary files are gone.
        Get-ChildItem (Join-Path $here 'machine/var') -Recurse -Filter '*-*.*' | Where-Object Name -Match '^(command|postcommand)-' | Should -BeNullOrEmpty
        Get-ChildItem (Join-Path $here 'repository/tmp') | Should -BeNullOrEmpty
        Get-Content (Join-Path $here 'machine/commands.log') | Should -Contain 'after /mnt/volumes/busy.img'
        Invoke-There 'Get-ManagementClass 3>&1 | ForEach-Object { "$_" }' | Should -Not -Match 'killed'
        $second = Invoke-There "Remove-ImageBackup -Expired -PassThru -Repository /mnt/repository -Confirm:`$false | ForEach-Object Id"
        # The one more makes one more expire.
        @([regex]::Matches($second, '[0-9a-f]{64}')).Count | Should -Be ($expired.Count + 1)
    }

    It 'misses the image that it remembers' {
        $newest = @($expected.Images | Where-Object Volume -EQ '/mnt/volumes/busy.img')
        $newest | Should -BeNullOrEmpty
        $remembered = @($expected.Images | Where-Object Volume -EQ '/mnt/volumes/ext4.img')[-1]
        Get-ChildItem (Join-Path $here "repository/snapshots/$($remembered.Id)") | Remove-Item -Force
        Invoke-There "Backup-VolumeImage /mnt/volumes/ext4.img -ImageType Dynamic -Repository /mnt/repository 3>&1 | ForEach-Object { `"`$_`" }" |
            Should -Match $remembered.Id.Substring(0, 8)
    }
}

Describe 'The records of killed runs of 0.1.0' -Skip:(-not $isRoot) {
    BeforeAll {
        $here = New-Copy 'records'
        # The folders of this process's machine.
        $machine = $env:IMAGEBACKUP_ROOT
        $log = Join-Path $machine 'commands.log'
        function Put-Record([string] $Kind) {
            Get-ChildItem (Join-Path $here 'machine') -Recurse -File | Where-Object Name -Match "^$Kind-.*\.held$" | ForEach-Object {
                $to = Join-Path $machine ([IO.Path]::GetRelativePath((Join-Path $here 'machine'), $_.FullName))
                $null = New-Item -ItemType Directory (Split-Path $to) -Force
                Copy-Item $_.FullName $to
                $to
            }
        }
    }
    AfterAll { Remove-Item $log -ErrorAction Ignore }

    It 'of a snapshot: it is named, and Repair-ImageVolume runs what removes it' {
        $record = Put-Record 'command'
        $told = Told { Get-ManagementClass }
        $told -match "The changes of a killed run are not undone yet.*snapshot '(?<id>[0-9a-f]{32})' of '/mnt/volumes/busy\.img' is still there" | Should -BeTrue -Because $told
        $id = $Matches.id
        Repair-ImageVolume -WhatIf | Should -BeNullOrEmpty
        $record | Should -Exist
        $undone = Repair-ImageVolume /mnt/volumes/busy.img
        $undone.IsUndone | Should -BeTrue
        $undone.Name | Should -Be $id
        $record | Should -Not -Exist
        Get-Content $log | Should -Contain "removed $id of /mnt/volumes/busy.img"
        Told { Get-ManagementClass } | Should -Not -Match 'killed'
    }

    It 'of a command after a snapshot: it is named, and run' {
        $record = Put-Record 'postcommand'
        Told { Get-ManagementClass } | Should -Match "the command after the snapshot of '/mnt/volumes/busy\.img' was not run"
        (Repair-ImageVolume).IsUndone | Should -BeTrue
        $record | Should -Not -Exist
        Get-Content $log | Should -Contain 'after /mnt/volumes/busy.img'
    }

    It 'of a quiesced volume, before the machine was started anew: nothing is left to do, and it goes' {
        $record = Put-Record 'remount'
        # Those who made the fixture may run this before they start their machine anew.
        Set-Content $record ((Get-Content $record) -replace '^boot=.*', 'boot=00000000-0000-4000-8000-000000000000')
        Told { Get-ManagementClass } | Should -Not -Match 'killed'
        Repair-ImageVolume | Should -BeNullOrEmpty
        $null = Initialize-ImageRepository (Join-Path $work 'rest') -Password $password
        New-TestVolume (Join-Path $work 'rest.img') -SizeBytes 2MB
        $null = Backup-VolumeImage (Join-Path $work 'rest.img') -Repository (Join-Path $work 'rest')
        $record | Should -Not -Exist
    }

    It 'of a quiesced volume: it is named, and made writable' -Skip:(-not $canMount) {
        $mounted = (New-Item -ItemType Directory (Join-Path $work 'mounted')).FullName
        $device = losetup --find --show (Join-Path $here 'volumes/ext4.img')
        try {
            mount -o ro $device $mounted
            $LASTEXITCODE | Should -Be 0
            $record = Put-Record 'remount'
            # As it would be of this boot, and of this device.
            $text = (Get-Content $record) -replace '^boot=.*', "boot=$(Get-Content /proc/sys/kernel/random/boot_id)" -replace '^volume=.*', "volume=$device" `
                -replace '^device=.*', "device=$(findmnt -n -o MAJ:MIN $mounted | ForEach-Object Trim)" -replace '^mountPoint=.*', "mountPoint=$mounted"
            Set-Content $record $text
            Told { Get-ManagementClass } | Should -Match "'$device' is still read-only at '$([regex]::Escape($mounted))'"
            (Repair-ImageVolume $device).IsUndone | Should -BeTrue
            $record | Should -Not -Exist
            (findmnt -n -o OPTIONS $mounted) -split ',' | Should -Contain 'rw'
        }
        finally {
            umount $mounted
            losetup --detach $device
        }
    }
}

Describe 'The records of killed runs of 0.1.0 on Windows' -Skip:(-not $IsWindows) {
    It 'of snapshots are named, and a command after one is run' {
        $here = New-Copy 'windows-records'
        $folder = (New-Item -ItemType Directory (Join-Path $env:IMAGEBACKUP_ROOT 'ImageBackup/held') -Force).FullName
        $log = Join-Path $env:IMAGEBACKUP_ROOT 'commands.log'
        try {
            # As 0.1.0 made it: what does not belong to the administrators is not acted on.
            $acl = Get-Acl $folder
            $acl.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
            Set-Acl $folder $acl
            if ((Get-Acl $folder).Owner -notmatch 'Administrators$|^S-1-5-32-544$|^O:BA') { Set-ItResult -Skipped -Because 'a folder cannot be given to the administrators here (Wine keeps its own owner)'; return }
            Get-ChildItem (Join-Path $here 'windows/ImageBackup/held') | Copy-Item -Destination $folder
            $told = Told { Get-ManagementClass }
            $told | Should -Match "the command after the snapshot of 'D:\\' was not run"
            $told | Should -Match '0c554c55-9a3c-4c55-9a3c-0f6a4d2f8b72'
            $undone = @(Repair-ImageVolume -ErrorAction SilentlyContinue | Where-Object Kind -EQ 'PostSnapshotCommand')
            $undone.IsUndone | Should -BeTrue
            Get-Content $log | Should -Be 'after'
        }
        finally { Remove-Item $folder, $log -Recurse -Force -ErrorAction Ignore }
    }
}

Describe 'The settings of a machine of 0.1.0' {
    BeforeAll {
        $settings = Join-Path (New-Copy 'settings') 'machine/etc/imagebackup'
        $files = @{ RulePath = Join-Path $settings 'image.rules'; ClassPath = Join-Path $settings 'classes.json' }
    }

    It 'are read: its rules, its domain and its classes' {
        @(Get-IncludeImage @files | ForEach-Object { "$($_.Kind) $($_.Volume) $($_.ManagementClass) $($_.Options)".Trim() }) | Should -Be 'Exclude /dev/fixture*', 'Include /mnt/volumes/* LOCAL imagetype=dynamic imagegapsize=128k'
        @(Get-ImageDomain @files).Volume | Should -Be '/mnt/volumes/raw.img', '/mnt/volumes/ext4.img'
        $class = Get-ManagementClass LOCAL @files
        "$($class.Description) $($class.VersionsExist) $($class.VersionsDeleted) $($class.RetainExtra) $($class.RetainOnly) $($class.Frequency) $($class.Serialization) $($class.ChangingRetries) $($class.ImageType)" |
            Should -Be 'of the machine 3 2 60 365 7 ShrDynamic 5 Dynamic'
    }

    It 'are changed: what is not touched stays' {
        $rules = Get-Content $files.RulePath
        Set-ExcludeImage /dev/new @files -Confirm:$false
        Compare-Object $rules (Get-Content $files.RulePath) | ForEach-Object SideIndicator | Should -Be '=>'
        $before = Get-ManagementClass LOCAL @files | ConvertTo-Json
        Set-ManagementClass NEW -VersionsExist 1 -ClassPath $files.ClassPath -Confirm:$false
        Get-ManagementClass LOCAL @files | ConvertTo-Json | Should -Be $before
    }

    It 'are read: the defaults of snapshots' {
        if ($IsWindows) { Set-ItResult -Skipped -Because 'the snapshot provider COMMAND is not part of Windows'; return }
        $provider = Get-SnapshotProvider -Path (Join-Path $settings 'snapshots.json')
        @($provider | Where-Object Name -EQ 'COMMAND').RemoveCommand | Should -Match 'IMAGEBACKUP_VOLUME'
    }
}

Describe 'Objects that were exported with 0.1.0' {
    BeforeAll {
        $here = New-Copy 'exported'
        $location = Join-Path $here 'repository'
        $kept = Import-Clixml (Join-Path $here 'objects.xml')
        if (-not $IsWindows) {
            $held = Get-ChildItem (Join-Path $here 'machine/var') -Recurse -File | Where-Object Name -Match '^postcommand-'
            $to = Join-Path $env:IMAGEBACKUP_ROOT ([IO.Path]::GetRelativePath((Join-Path $here 'machine'), $held.FullName))
            $null = New-Item -ItemType Directory (Split-Path $to) -Force
            Copy-Item $held $to
        }
        $live = & (Join-Path $fixture 'New-Objects.ps1') (New-Item -ItemType Directory (Join-Path $work 'objects')).FullName
        Remove-Item (Join-Path $env:IMAGEBACKUP_ROOT 'commands.log') -ErrorAction Ignore

        # The words above the line of dashes.
        function Headers($object) {
            $lines = @(($object | Format-Table | Out-String -Width 500) -split '\r?\n')
            for ($i = 1; $i -lt $lines.Count; $i++) {
                if ($lines[$i] -match '^[\s-]*--[\s-]*$') {
                    # Below it stands what the object has, and no view has failed.
                    ($lines[($i + 1)..($lines.Count - 1)] -join '').Trim() | Should -Not -BeNullOrEmpty
                    $lines -join '' | Should -Not -Match '#ERR'
                    return $lines[$i - 1].Trim() -replace '\s+', ' '
                }
            }
            "no table: $($lines -join '|')"
        }
        function Labels($object) {
            @(($object | Format-List | Out-String -Width 500) -split '\r?\n' | ForEach-Object { if ($_ -match '^(\S.*?)\s*: ?') { $Matches[1] } })
        }
    }

    It 'are of every kind that a command puts out' {
        @($kept.Keys | Sort-Object) | Should -Be @($live.Keys | Sort-Object)
        foreach ($key in $kept.Keys) {
            $kept[$key].PSObject.TypeNames[0] | Should -BeLike 'Deserialized.ImageBackup.*' -Because $key
            if ($null -ne $live[$key]) { $live[$key].PSObject.TypeNames[0] | Should -BeLike 'ImageBackup.*' -Because $key }
        }
    }

    It 'are shown as today''s: <_>' -ForEach $kinds {
        # Nothing is left to be undone on Windows, whose records are the administrators', and a trial of a volume that cannot be frozen says so by an error.
        if ($null -eq $live[$_] -and $IsWindows) { Set-ItResult -Skipped -Because "there is no $_ here"; return }
        $live[$_] | Should -Not -BeNullOrEmpty
        Headers $kept[$_] | Should -Be (Headers $live[$_])
        Headers $kept[$_] | Should -Not -BeLike 'no table*'
        Labels $kept[$_] | Should -Be (Labels $live[$_])
        # Without a view it would be another table. A problem's has the properties' names.
        if ($_ -ne 'Problem') { Headers ($kept[$_] | Select-Object *) | Should -Not -Be (Headers $live[$_]) }
    }

    It 'name images that are tested, restored and removed' {
        # An image says which repository it is in, and this one lay elsewhere.
        $xml = Join-Path $here 'images.xml'
        Set-Content $xml ((Get-Content $xml -Raw).Replace('/mnt/work/repository', $location))
        $images = @(Import-Clixml $xml)
        $images.Repository | Should -Contain $location
        $null = Connect-ImageRepository $location -Password $password -AcceptPolicy
        @($images | Test-ImageBackup | ForEach-Object IsWhole | Select-Object -Unique) | Should -Be $true
        $target = Join-Path $work 'of-object.img'
        ($images[0] | Restore-VolumeImage -Destination $target -Force).Destination | Should -Be $target
        Hash $target | Should -Be @($expected.Images | Where-Object Id -EQ $images[0].Id).Sha256
        $images[0] | Remove-ImageBackup -Confirm:$false
        @(Get-ImageBackup -IncludeInactive).Id | Should -Not -Contain $images[0].Id
        Disconnect-ImageRepository
    }

    It 'are rules, classes and a domain to be set' {
        $files = @{ RulePath = Join-Path $work 'kept.rules'; ClassPath = Join-Path $work 'kept.json' }
        Set-Content $files.RulePath ''
        $kept.Class | Set-ManagementClass -ClassPath $files.ClassPath -Confirm:$false
        $kept.Rule | Set-IncludeImage @files -Confirm:$false
        $kept.Domain | Set-ImageDomain @files -Confirm:$false
        $rule = Get-IncludeImage @files
        "$($rule.Volume) $($rule.ManagementClass) $($rule.Options)" | Should -Be "$($kept.Rule.Volume) FIXTURE $($kept.Rule.Options)"
        (Get-ManagementClass FIXTURE @files).VersionsExist | Should -Be 2
        @(Get-ImageDomain @files).Volume | Should -Be $kept.Domain.Volume
    }
}
