# Names, nulls and objects: what the command line and the pipeline make of names, of nothing, of numbers and of objects that
# have been through a file.

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $location = Join-Path $work 'repository'
    $null = Initialize-ImageRepository $location -Password $password | Connect-ImageRepository
    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume 1
    $rules = Join-Path $work 'empty.rules'
    Set-Content $rules ''
    $classes = Join-Path $work 'none.json'
    Set-Content $classes '{ "version": 1, "classes": [] }'

    # Objects as they are after a journey.
    $journeys = @{
        Pipeline = { param($o) $o }
        Csv      = { param($o) $o | ConvertTo-Csv | ConvertFrom-Csv }
        Json     = { param($o) ConvertTo-Json -Depth 5 -InputObject @($o) | ConvertFrom-Json }
        CliXml   = { param($o) $f = Join-Path $work 'o.xml'; $o | Export-Clixml $f; Import-Clixml $f }
    }
}

AfterAll {
    Disconnect-ImageRepository
    Remove-Work
}

Describe 'Every parameter that takes the pipeline' {
    # One that is added is to be considered: what else has a property of that name, and what does a null do?
    It 'is one of those that have been considered' {
        $found = foreach ($command in Get-Command -Module ImageBackup -CommandType Cmdlet | Sort-Object Name) {
            foreach ($parameter in $command.Parameters.Values | Sort-Object Name) {
                $attributes = @($parameter.Attributes | Where-Object { $_ -is [Management.Automation.ParameterAttribute] })
                $how = @(
                    if ($attributes.ValueFromPipeline -contains $true) { 'value' }
                    if ($attributes.ValueFromPipelineByPropertyName -contains $true) { 'property' }
                    if ($parameter.Name -notin 'Confirm', 'WhatIf' -and $parameter.Name -notin [Management.Automation.Cmdlet]::CommonParameters) { $parameter.Aliases | ForEach-Object { "alias $_" } }
                ) -join ' '
                if ($how) { '{0} -{1}: {2}' -f $command.Name, $parameter.Name, $how }
            }
        }
        $considered = @'
Add-ImageRepositoryKey -Repository: alias Path
Backup-VolumeImage -ChunkSize: property
Backup-VolumeImage -ClassPath: property
Backup-VolumeImage -ComputerName: property
Backup-VolumeImage -ImageType: alias Type
Backup-VolumeImage -ManagementClass: alias Class
Backup-VolumeImage -RulePath: property
Backup-VolumeImage -Tag: property
Backup-VolumeImage -Volume: value property alias Path alias Name
Compare-ImageBackup -ReferenceImage: value alias Image alias ImageBackup alias Id
Connect-ImageRepository -Repository: value alias Path
Copy-ImageBackup -ImageBackup: value property alias Id
Disconnect-ImageRepository -Repository: value
Export-ImageRepositoryPassword -Password: value
Find-ImageItem -Image: value property alias ImageBackup alias Id
Get-ImageBackup -Volume: value property alias Path alias Name
Get-ImageBackupExitCode -ErrorRecord: value
Get-ImageDomain -ClassPath: property
Get-ImageDomain -RulePath: property
Get-ImageItem -Image: value property alias ImageBackup alias Id
Get-ImageItem -LiteralPath: property alias FullName
Get-ImageItemContent -Image: value property alias ImageBackup alias Id
Get-ImageItemContent -LiteralPath: property alias FullName
Get-ImageRepository -Repository: value alias Path alias Name
Get-ImageRepositoryKey -Repository: alias Path
Get-ImageVolume -ClassPath: property
Get-ImageVolume -RulePath: property
Get-ImageVolume -Volume: value property alias Path alias Name
Get-IncludeImage -ClassPath: property
Get-IncludeImage -RulePath: property
Get-IncludeImage -Volume: value
Get-ManagementClass -ClassPath: property
Get-ManagementClass -Name: value property alias ManagementClass alias Class
Get-ManagementClass -RulePath: property
Get-SnapshotProvider -Name: value property
Initialize-ImageRepository -Repository: alias Path
Optimize-ImageRepository -Repository: alias Path
Remove-ImageBackup -ImageBackup: value property alias Id
Remove-ImageRepositoryKey -Id: value property
Remove-IncludeImage -ClassPath: property
Remove-IncludeImage -Enforced: property
Remove-IncludeImage -RulePath: property
Remove-IncludeImage -Volume: value property
Remove-ManagementClass -ClassPath: property
Remove-ManagementClass -Enforced: property
Remove-ManagementClass -Name: value property
Remove-ManagementClass -RulePath: property
Repair-ImageRepository -Repository: alias Path
Repair-ImageVolume -Volume: value property alias Path alias Name
Restore-ImageItem -Destination: alias Target
Restore-ImageItem -Image: value property alias ImageBackup alias Id
Restore-ImageItem -LiteralPath: property alias FullName
Restore-VolumeImage -Destination: property alias Target
Restore-VolumeImage -ImageBackup: value property alias Id
Set-ExcludeImage -ClassPath: property
Set-ExcludeImage -Enforced: property
Set-ExcludeImage -RulePath: property
Set-ExcludeImage -Volume: value property
Set-ImageBackup -ImageBackup: value property alias Id
Set-ImageDomain -ClassPath: property
Set-ImageDomain -Enforced: property
Set-ImageDomain -RulePath: property
Set-ImageDomain -Volume: value
Set-ImageRepositoryPassword -Repository: alias Path
Set-IncludeImage -ClassPath: property
Set-IncludeImage -Enforced: property
Set-IncludeImage -ImageType: alias Type
Set-IncludeImage -ManagementClass: alias Class
Set-IncludeImage -RulePath: property
Set-IncludeImage -Volume: value property
Set-ManagementClass -ChangingRetries: property
Set-ManagementClass -ChunkSize: property
Set-ManagementClass -ClassPath: property
Set-ManagementClass -Compression: property
Set-ManagementClass -Default: property alias IsDefault
Set-ManagementClass -Description: property
Set-ManagementClass -Enforced: property
Set-ManagementClass -Frequency: property
Set-ManagementClass -GapSize: property
Set-ManagementClass -ImageType: property
Set-ManagementClass -KeepDaily: property
Set-ManagementClass -KeepLast: property
Set-ManagementClass -KeepMonthly: property
Set-ManagementClass -KeepTags: property
Set-ManagementClass -KeepWeekly: property
Set-ManagementClass -KeepWithin: property
Set-ManagementClass -KeepYearly: property
Set-ManagementClass -Name: value property
Set-ManagementClass -RetainExtra: property
Set-ManagementClass -RetainOnly: property
Set-ManagementClass -RulePath: property
Set-ManagementClass -Serialization: property
Set-ManagementClass -SnapshotBackupType: property
Set-ManagementClass -VersionsDeleted: property
Set-ManagementClass -VersionsExist: property
Set-SnapshotProvider -CacheSize: alias CacheSizePercent
Set-SnapshotProvider -InputObject: value
Test-ImageBackup -ImageBackup: value property alias Id
Test-ImageRepository -Repository: alias Path
Test-IncludeImage -ClassPath: property
Test-IncludeImage -RulePath: property
Test-IncludeImage -Volume: value property alias Path alias Name
Test-SnapshotProvider -Volume: value property
Unlock-ImageRepository -Repository: alias Path
'@ -split '\r?\n'
        Compare-Object $considered $found | ForEach-Object { "$($_.SideIndicator) $($_.InputObject)" } | Should -BeNullOrEmpty
    }
}

Describe 'A name is what it is' {
    BeforeAll {
        $odd = @{}
        foreach ($name in 'br[ack]et.img', 'star*.img', 'quest?ion.img', 'back`tick.img', 'blank .img ', 'double "quote".img', '[a-z].img') {
            if ($IsWindows -and $name -match '[*?"]| $') { continue }
            $odd[$name] = Join-Path $work $name
            New-TestVolume $odd[$name] ($odd.Count + 10)
        }
    }

    It 'is backed up, found, restored and compared: <_>' -ForEach 'br[ack]et.img', 'star*.img', 'quest?ion.img', 'back`tick.img', 'blank .img ', 'double "quote".img', '[a-z].img' {
        if (-not $odd.ContainsKey($_)) { Set-ItResult -Skipped -Because 'Windows has no such name'; return }
        $path = $odd[$_]
        $image = Backup-VolumeImage $path -RulePath $rules
        $image.Volume | Should -BeExactly $path
        @(Get-ImageVolume $path).Name | Should -BeExactly $path
        @(Get-ImageBackup $path).Volume | Should -BeExactly $path
        @(Get-ImageVolume $path | Get-ImageBackup).Volume | Should -BeExactly $path
        @([pscustomobject]@{ Volume = $path } | Get-ImageBackup).Volume | Should -BeExactly $path
        @($image | Get-ImageVolume).Name | Should -BeExactly $path
        $out = Join-Path $work "out-$([guid]::NewGuid())"
        (Restore-VolumeImage -Volume $path -Destination $out -Force).ImageId | Should -Be $image.Id
        (Get-FileHash -LiteralPath $out).Hash | Should -Be (Get-FileHash -LiteralPath $path).Hash
    }

    It 'is relative to the location too: <_>' -ForEach 'br[ack]et.img', 'star*.img', 'back`tick.img', 'blank .img ' {
        if (-not $odd.ContainsKey($_)) { Set-ItResult -Skipped -Because 'Windows has no such name'; return }
        Push-Location $work
        try { (Get-ImageVolume $_).Name | Should -BeExactly $odd[$_] } finally { Pop-Location }
    }

    It 'with a backslash, on Linux' -Skip:$IsWindows {
        New-TestVolume "$work/back\slash.img" 30
        Push-Location $work
        try { (Get-ImageVolume 'back\slash.img').Name | Should -BeExactly "$work/back\slash.img" } finally { Pop-Location }
    }

    It 'with wildcards matches several if none has it' {
        if ($IsWindows) { Set-ItResult -Skipped -Because 'Windows has no such name'; return }
        @(Get-ImageBackup (Join-Path $work 'b*.img')).Count | Should -BeGreaterThan 1
        @(Get-ImageBackup (Join-Path $work 'star*.img')).Volume | Should -BeExactly (Join-Path $work 'star*.img')
    }

    It 'that does not exist is an error, and no pattern, with brackets or as \\?\Volume{...}\' {
        Get-ImageVolume (Join-Path $work 'no[thing].img') -ErrorVariable failure -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ErrorId $failure | Should -Be 'VolumeNotFound'
        Get-ImageVolume '\\?\Volume{01234567-0000-0000-0000-000000000000}\' -ErrorVariable failure -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ErrorId $failure | Should -Be 'VolumeNotFound'
    }
}

Describe 'Nothing' {
    BeforeAll {
        $before = @(Get-ImageBackup -IncludeInactive).Count
    }

    It 'is not a volume: <Name>' -ForEach @(
        @{ Name = '-Volume $undefined'; Run = { Backup-VolumeImage -Volume $undefined } }
        @{ Name = 'an empty list'; Run = { Backup-VolumeImage @() } }
        @{ Name = '$null from the pipeline'; Run = { $null | Backup-VolumeImage } }
        @{ Name = 'an empty pipeline'; Run = { @() | Backup-VolumeImage } }
        @{ Name = 'a filter that lets nothing through'; Run = { Get-Item $volume | Where-Object Length -EQ 7 | Backup-VolumeImage } }
        @{ Name = 'in a job, -Volume $undefined'; Run = { Backup-VolumeImage -Volume $undefined -AsJob } }
        @{ Name = 'in a job, an empty pipeline'; Run = { @() | Backup-VolumeImage -AsJob } }
        @{ Name = 'Get-ImageVolume $undefined'; Run = { Get-ImageVolume $undefined } }
        @{ Name = 'Get-ImageBackup $undefined'; Run = { Get-ImageBackup -Volume $undefined } }
        @{ Name = 'Test-SnapshotProvider of an empty pipeline'; Run = { @() | Test-SnapshotProvider } }
        @{ Name = 'Set-ImageDomain of an empty pipeline'; Run = { @() | Set-ImageDomain -RulePath $rules } }
    ) {
        $ErrorActionPreference = 'Continue'
        $out = & $Run 2>&1
        $ids = ErrorId @($out | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $ids | Should -Be 'NoVolume'
        @($out | Where-Object { $_ -isnot [Management.Automation.ErrorRecord] }) | Should -BeNullOrEmpty
        @(Get-ImageBackup -IncludeInactive).Count | Should -Be $before
    }

    It 'ends a script with an exit code that is not 0' {
        $script = "Import-Module '$env:IMAGEBACKUP_MANIFEST'; `$p = ConvertTo-SecureString '$secretText' -AsPlainText -Force; Backup-VolumeImage -Volume `$nothing -Repository '$location' -Password `$p -ErrorAction Stop"
        & (Get-Process -Id $PID).Path @(if ((Get-Process -Id $PID).ProcessName -eq 'dotnet') { Join-Path $PSHOME 'pwsh.dll' }) -NoProfile -NonInteractive -Command $script *> $null
        $LASTEXITCODE | Should -Not -Be 0
    }

    It 'among volumes is an error for itself, and the others are backed up' {
        $images = Backup-VolumeImage $volume, $undefined -RulePath $rules -ErrorVariable failures -ErrorAction SilentlyContinue
        $images.Volume | Should -Be $volume
        ErrorId $failures | Should -Be 'ParameterInvalid', 'SomeVolumesFailed'
    }

    It 'is what is left where rules exclude all of the pipeline' {
        $excluding = Join-Path $work 'excluding.rules'
        Set-Content $excluding 'exclude.image *'
        Get-Item $volume | Backup-VolumeImage -RulePath $excluding -ErrorVariable failures -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ErrorId $failures | Should -Be 'NoVolume'
        $failures[0].Exception.Message | Should -Match ([regex]::Escape($volume))
    }

    It 'restores and proves nothing, and says so' {
        @() | Test-ImageBackup -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'ImageNotFound'
        Get-ImageBackup -Tag none-such | Restore-VolumeImage -Force -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'ImageNotFound'
    }

    It 'is not a destination, a time or an id' {
        $image = Backup-VolumeImage $volume -RulePath $rules
        $hash = (Get-FileHash $volume).Hash
        { Restore-VolumeImage $image -Destination $undefined -Force } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        { Restore-VolumeImage -Volume $volume -PointInTime $undefined -Force } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        { Get-ImageBackup -Id ' ' } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { $null | Remove-ImageBackup -Confirm:$false -ErrorAction Stop } | Should -Throw
        (Get-FileHash $volume).Hash | Should -Be $hash
        @(Get-ImageBackup -Id $image.Id).Count | Should -Be 1
    }

    It 'of -Volume @() empties the domain, a pipeline of nothing does not' {
        $domain = Join-Path $work 'domain.rules'
        Set-Content $domain ''
        Set-ImageDomain /dev/a, /dev/b -RulePath $domain
        @() | Set-ImageDomain -RulePath $domain -ErrorAction SilentlyContinue
        @(Get-ImageDomain -RulePath $domain).Volume | Should -Be '/dev/a', '/dev/b'
        Set-ImageDomain -Volume @() -RulePath $domain
        Get-ImageDomain -RulePath $domain | Should -BeNullOrEmpty
    }
}

Describe 'An object' {
    It 'with a property Destination is restored there and not over its volume' {
        $image = Backup-VolumeImage $volume -RulePath $rules
        $to = Join-Path $work 'planned.img'
        $before = (Get-Item $volume).LastWriteTimeUtc
        $plan = [pscustomobject]@{ Id = $image.Id; Destination = $to } | ConvertTo-Csv | ConvertFrom-Csv
        ($plan | Restore-VolumeImage -Force).Destination | Should -Be $to
        (Get-FileHash $to).Hash | Should -Be (Get-FileHash $volume).Hash
        (Get-Item $volume).LastWriteTimeUtc | Should -Be $before
        # A blank cell does not mean the volume itself.
        [pscustomobject]@{ Id = $image.Id; Destination = '' } | Restore-VolumeImage -Force -ErrorVariable failures -ErrorAction SilentlyContinue
        @($failures).Count | Should -BeGreaterThan 0
        (Get-Item $volume).LastWriteTimeUtc | Should -Be $before
    }

    It 'of a class goes back to the file that it is of' {
        $own = Join-Path $work 'own.json'
        Set-ManagementClass GOLD -RetainExtra 5 -ClassPath $own
        Get-ManagementClass GOLD -ClassPath $own | Set-ManagementClass -RetainExtra 7
        (Get-ManagementClass GOLD -ClassPath $own).RetainExtra | Should -Be '7'
        Get-ManagementClass GOLD -ClassPath $own | Remove-ManagementClass
        (Get-ManagementClass -ClassPath $own).Name | Should -Be 'STANDARD'
    }
}

Describe 'What is printed' {
    BeforeAll {
        $large = Join-Path $work 'large.img'
        New-TestVolume $large 2 (12MB)
        $images = @(Backup-VolumeImage $volume, $large -RulePath $rules -WarningAction SilentlyContinue)
    }

    It 'of an image can be typed after a dot, selected, filtered and sorted by' {
        $image = $images[0]
        $image.Time | Should -Be $image.BackupTime
        $image.Size | Should -Be $image.SizeBytes
        $image.Stored | Should -Be $image.StoredBytes
        $image.Computer | Should -Be $image.ComputerName
        $image.Type | Should -BeExactly 'Static'
        $image.State | Should -BeExactly 'active'
        $image.Age | Should -BeOfType TimeSpan
        @($images | Where-Object State -EQ 'active').Count | Should -Be 2
        # As numbers: as texts 12 MiB would come before 2 MiB.
        ($images | Sort-Object Size).Size | Should -Be (2MB + 700), 12MB
        @($images | Where-Object Size -GT 9MB).Volume | Should -Be $large
        ($image | Select-Object Type, Time).Time | Should -Be $image.BackupTime
        @($images | Where-Object Age -LT '1:00:00').Count | Should -Be 2
    }

    It 'is not said twice by Format-List *, CSV and JSON' {
        $images[0] | Format-List * | Out-String -Width 500 | Should -Not -Match '(?m)^(Size|Time|Type|RestedBy|LeftOut) '
        @($images[0] | ConvertTo-Csv)[0] | Should -Not -Match '"(Size|Time|Type|RestedBy)"'
        ($images[0] | ConvertTo-Json -Depth 5 | ConvertFrom-Json).PSObject.Properties.Name | Should -Not -Contain 'Size'
    }

    It 'is not a dump of a record or the name of a type' {
        $all = @($images[0]; Get-ImageVolume $volume; Get-ManagementClass; $images[0] | Test-ImageBackup; Test-ImageRepository; Get-ImageRepositoryKey; Test-IncludeImage $volume -RulePath $rules; Get-SnapshotProvider)
        foreach ($one in $all) {
            "$one" | Should -Not -Match '\{| = |ImageBackup\.' -Because $one.GetType().Name
            $one | Format-List * | Out-String -Width 4000 | Should -Not -Match '`\d\[|<>z__|\w \{ \w+ = ' -Because $one.GetType().Name
            $one | ConvertTo-Csv | Out-String | Should -Not -Match '`\d\[|<>z__|\w \{ \w+ = ' -Because $one.GetType().Name
        }
    }

    It 'of an image in a text is an id: "$image"' {
        "$($images[1])" | Should -BeExactly $images[1].ShortId
        (Test-ImageBackup "$($images[1])").ImageId | Should -Be $images[1].Id
        (Get-ImageBackup -Id "$($images[1])").Id | Should -Be $images[1].Id
        "$(Get-ImageVolume $volume)" | Should -BeExactly $volume
        $key = @(Get-ImageRepositoryKey)[0]
        "$key" | Should -BeExactly $key.ShortId
        "$(Get-ManagementClass STANDARD)" | Should -BeExactly 'STANDARD'
    }

    It 'of a time is the same in every culture' {
        $wanted = $images[0].BackupTime.ToString('yyyy-MM-dd HH:mm', [cultureinfo]::InvariantCulture)
        $was = [cultureinfo]::CurrentCulture
        try {
            foreach ($culture in 'ar-SA', 'th-TH', 'fa-IR', 'de-DE') {
                [cultureinfo]::CurrentCulture = $culture
                $images[0] | Out-String -Width 200 | Should -Match ([regex]::Escape($wanted)) -Because $culture
                $images[0] | Format-List | Out-String -Width 200 | Should -Match ([regex]::Escape($wanted)) -Because $culture
                Get-ImageRepositoryKey | Format-List | Out-String | Should -Match "Created +: $($wanted.Substring(0, 4))-" -Because $culture
            }
        }
        finally { [cultureinfo]::CurrentCulture = $was }
    }

    It 'of an image that was deserialized is what it was' {
        $file = Join-Path $work 'printed.xml'
        $images | Export-Clixml $file
        $back = Import-Clixml $file
        $back | Format-Table | Out-String -Width 200 | Should -Be ($images | Format-Table | Out-String -Width 200)
        $back.Type | Should -Be $images.Type
        ($back | Sort-Object Size -Descending)[0].Volume | Should -Be $large
        # Of a fuzzy one the type was shown as a number. Files of 0.1.0 do not have the printed properties.
        $fuzzy = Backup-VolumeImage $volume -RulePath $rules -ImageType Dynamic -WarningAction SilentlyContinue
        $fuzzy.Type | Should -BeExactly 'Dynamic, fuzzy'
        $fuzzy | Export-Clixml $file
        foreach ($text in (Get-Content $file -Raw), ((Get-Content $file -Raw) -replace '<(\w+) N="(Type|State|Size|Time|Age)">[^<]*</\1>')) {
            Set-Content $file $text
            $back = Import-Clixml $file
            $back.Type | Should -BeExactly 'Dynamic, fuzzy'
            $back.State | Should -BeExactly 'active'
            $back | Format-Table | Out-String -Width 200 | Should -Match 'Dynamic, fuzzy'
            $back | Format-List | Out-String -Width 200 | Should -Match 'Type +: Dynamic, fuzzy'
        }
    }
}

Describe 'A script block makes of each object of the pipeline' {
    It 'the destination' {
        $image = Backup-VolumeImage $volume -RulePath $rules
        $result = $image | Restore-VolumeImage -Destination { Join-Path $work "computed-$($_.ShortId).img" } -Force
        $result.Destination | Should -Be (Join-Path $work "computed-$($image.ShortId).img")
        $job = $image | Restore-VolumeImage -Destination { Join-Path $work "in-job-$($_.ShortId).img" } -Force -AsJob
        ($job | Wait-Job | Receive-Job).Destination | Should -Be (Join-Path $work "in-job-$($image.ShortId).img")
    }

    It 'tags, the computer and the size of chunks<Name>' -ForEach @(@{ Name = ''; InJob = $false }, @{ Name = ', in a job'; InJob = $true }) {
        $other = Join-Path $work 'other.img'
        New-TestVolume $other 4
        $images = Get-Item $volume, $other | Backup-VolumeImage -RulePath $rules -Tag { $_.BaseName, 'computed' } -ComputerName { "host-$($_.BaseName)" } -ChunkSize { if ($_.BaseName -eq 'other') { 64KB } else { $null } } -AsJob:$InJob
        if ($InJob) { $images = $images | Wait-Job | Receive-Job }
        $images = @($images | Sort-Object Volume)
        $images.Volume | Should -Be $other, $volume
        $images[0].Tags | Should -Contain 'other'
        $images[0].Tags | Should -Not -Contain 'volume'
        $images[1].Tags | Should -Contain 'volume'
        $images.ComputerName | Should -Be 'host-other', 'host-volume'
        $images[0].ChunkSizeBytes | Should -Be 64KB
        $images[1].ChunkSizeBytes | Should -Not -Be 64KB
    }

    It 'or a row of a list has them' {
        $rows = "Volume,Tag,ComputerName,ChunkSize`n$volume,of-csv,csv-host,64KB`n$volume,,,"
        $images = @($rows | ConvertFrom-Csv | Backup-VolumeImage -RulePath $rules)
        $images[0].Tags | Should -Contain 'of-csv'
        $images[0].ComputerName | Should -Be 'csv-host'
        $images[0].ChunkSizeBytes | Should -Be 64KB
        $images[1].Tags | Should -Not -Contain 'of-csv'
        $images[1].ComputerName | Should -Not -Be 'csv-host'
    }

    It 'and what cannot be used is an error of that object alone' {
        $other = Join-Path $work 'other.img'
        New-TestVolume $other 4
        $images = @(Get-Item $volume, $other | Backup-VolumeImage -RulePath $rules -Tag { if ($_.BaseName -eq 'other') { 'a,b' } else { $null } } -ErrorVariable failures -ErrorAction SilentlyContinue)
        $images.Volume | Should -Be $volume
        ErrorId $failures | Should -Be 'ParameterInvalid', 'SomeVolumesFailed'
        { Backup-VolumeImage $volume -RulePath $rules -Tag $undefined -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
        { Backup-VolumeImage $volume -RulePath $rules -ComputerName '' -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterInvalid,*'
    }
}

Describe 'A literal name that matches nothing' {
    It 'is not one if it is the beginning of an id' {
        $image = Backup-VolumeImage $volume -RulePath $rules
        $null = Backup-VolumeImage $volume -RulePath $rules
        (Get-ImageBackup "$image").Id | Should -Be $image.Id
        (Get-ImageBackup $image.Id.ToUpperInvariant()).Id | Should -Be $image.Id
        # A volume of that name goes before.
        Push-Location $work
        try {
            New-TestVolume (Join-Path $work 'abcd1234') 77
            $own = Backup-VolumeImage abcd1234 -RulePath $rules
            (Get-ImageBackup abcd1234).Id | Should -Be $own.Id
        }
        finally { Pop-Location }
    }

    It 'is an error, and a pattern is not: <Name>' -ForEach @(
        @{ Name = 'an image''s volume'; Id = 'ImageNotFound'; Literal = { Get-ImageBackup /no/such/volume }; Pattern = { Get-ImageBackup '/no/such/*' } }
        @{ Name = 'an image''s computer'; Id = 'ImageNotFound'; Literal = { Get-ImageBackup -ComputerName nosuchhost }; Pattern = { Get-ImageBackup '/no/such/*' -ComputerName nosuchhost } }
        @{ Name = 'an image''s id'; Id = 'ImageNotFound'; Literal = { Get-ImageBackup -Id ffffffff }; Pattern = $null }
        @{ Name = 'a volume'; Id = 'VolumeNotFound'; Literal = { Get-ImageVolume /no/such/volume }; Pattern = { Get-ImageVolume '/no/such/*' } }
        @{ Name = 'a rule'; Id = 'RuleNotFound'; Literal = { Get-IncludeImage /no/such/volume -RulePath $rules }; Pattern = { Get-IncludeImage '/no/such/*' -RulePath $rules } }
        @{ Name = 'a class'; Id = 'ManagementClassNotFound'; Literal = { Get-ManagementClass NOSUCH -ClassPath $classes }; Pattern = { Get-ManagementClass 'NOSUCH*' -ClassPath $classes } }
        @{ Name = 'a provider'; Id = 'SnapshotProviderNotFound'; Literal = { Get-SnapshotProvider NOSUCH }; Pattern = $null }
        @{ Name = 'a key'; Id = 'KeyNotFound'; Literal = { Remove-ImageRepositoryKey ffffffff -Confirm:$false }; Pattern = $null }
    ) {
        $ErrorActionPreference = 'Continue'
        $out = @(& $Literal 2>&1)
        ErrorId $out | Should -Be $Id
        if ($Pattern) { @(& $Pattern 2>&1) | Should -BeNullOrEmpty }
    }
}

Describe 'Volumes, images and results that come back are what they were' {
    BeforeAll {
        $source = Join-Path $work 'comes-back.img'
        New-TestVolume $source 7
        $image = Backup-VolumeImage $source -RulePath $rules
    }

    It 'through <_>' -ForEach 'Pipeline', 'Csv', 'Json', 'CliXml' {
        $travelled = & $journeys[$_] (Get-ImageVolume $source)
        ($travelled | Get-ImageVolume).Name | Should -Be $source
        ($travelled | Get-ImageBackup).Volume | Should -Be $source
        ($travelled | Test-IncludeImage -RulePath $rules).Volume | Should -Be $source
        ($travelled | Backup-VolumeImage -RulePath $rules).Volume | Should -Be $source
        $list = Join-Path $work "volume$_.rules"
        Set-Content $list ''
        $travelled | Set-IncludeImage -RulePath $list
        (Get-IncludeImage -RulePath $list).Volume | Should -Be $source

        $image = Get-ImageBackup $source
        $travelled = & $journeys[$_] $image
        ($travelled | Test-ImageBackup).ImageId | Should -Be $image.Id
        ($travelled | Get-ImageVolume).Name | Should -Be $source
        ($travelled | Get-ImageBackup).Id | Should -Be $image.Id
        $out = Join-Path $work "comes-back-$_.out"
        ($travelled | Restore-VolumeImage -Destination $out -Force).ImageId | Should -Be $image.Id
        (Get-FileHash $out).Hash | Should -Be (Get-FileHash $source).Hash

        $proof = & $journeys[$_] ($image | Test-ImageBackup)
        ($proof | Test-ImageBackup).ImageId | Should -Be $image.Id
        ($proof | Get-ImageVolume).Name | Should -Be $source
        $tested = & $journeys[$_] (Test-IncludeImage $source -RulePath $rules)
        ($tested | Backup-VolumeImage -RulePath $rules).Volume | Should -Be $source

        $extra = Backup-VolumeImage $source -RulePath $rules
        & $journeys[$_] $extra | Remove-ImageBackup -Confirm:$false
        { Get-ImageBackup -Id $extra.Id -ErrorAction Stop } | Should -Throw

        Add-ImageRepositoryKey -NewPassword (ConvertTo-SecureString "of $_ 5!" -AsPlainText -Force)
        $key = @(Get-ImageRepositoryKey | Where-Object { -not $_.IsCurrent })[0]
        & $journeys[$_] $key | Remove-ImageRepositoryKey -Confirm:$false
        @(Get-ImageRepositoryKey).Id | Should -Not -Contain $key.Id
    }
}

Describe 'An id that PowerShell takes for a number' {
    It 'is taken as it was typed: <_>' -ForEach '01234567', '9e11', '1234567d', '1e999', '12345678901234567890', '0000007' {
        foreach ($form in "Test-ImageBackup $_", "Test-ImageBackup -ImageBackup $_", "Test-ImageBackup @($_)", "$_ | Test-ImageBackup", "Get-ImageBackup -Id $_", "Get-ImageBackup -Id ffffffff, $_", "`$a = 1; Remove-ImageBackup abcdef, $_ -Confirm:`$false") {
            $failures = $null
            $null = Invoke-Expression "$form -ErrorVariable failures -ErrorAction SilentlyContinue" 2>&1
            "$form : $($failures -join ' | ')" | Should -Match "begins with '$_'"
        }
    }

    It 'out of a variable is refused where its text is lost' {
        $number = 9e11
        Test-ImageBackup $number -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures[0].Exception.Message | Should -Match 'quotation marks'
        $short = 0123
        Test-ImageBackup $short -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures[0].Exception.Message | Should -Match 'quotation marks'
        $long = 12345678
        Test-ImageBackup $long -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures[0].Exception.Message | Should -Match "begins with '12345678'"
    }
}

Describe 'Rules that come back are what they were' {
    BeforeAll {
        function RandomRules([int] $Seed) {
            $random = [Random]::new($Seed)
            $pick = { param($list) $list[$random.Next($list.Count)] }
            $lines = foreach ($n in 1..(2 + $random.Next(6))) {
                $pattern = & $pick @('/dev/sd*', "/mnt/a b$n", "LABEL=x$n", '/dev/[ab]', "/srv/$n ", '/dev/?d1', 'UUID=1234-ABCD', "/dev/vg/lv$n", 'D:')
                if ($pattern -match '\s') { $pattern = "`"$pattern`"" }
                if ($random.Next(3) -eq 0) { "exclude.image $pattern"; continue }
                $options = @(
                    if ($random.Next(2)) { & $pick 'STANDARD', 'GOLD' }
                    if ($random.Next(2)) { 'imagetype=' + (& $pick 'static', 'dynamic', 'snapshot') }
                    if ($random.Next(2)) { 'imagegapsize=' + (& $pick '0', '32k', '1m', '7') }
                    if ($random.Next(3) -eq 0) { 'snapshotproviderimage=' + (& $pick 'NONE', 'LINUX_LVM') }
                    if ($random.Next(3) -eq 0) { 'snapshotcachesize=' + (1 + $random.Next(100)) }
                    if ($random.Next(3) -eq 0) { 'snapshotcachelocation="/dev/my cache"' }
                    if ($random.Next(3) -eq 0) { 'snapshotfsidlewait=' + (& $pick '0', '5', '500ms', '999s') }
                    if ($random.Next(3) -eq 0) { 'snapshotfsidleretries=' + $random.Next(10) }
                    if ($random.Next(3) -eq 0) { 'presnapshotcmd=' + (& $pick '""', '"sync --all"') }
                    if ($random.Next(3) -eq 0) { 'postsnapshotcmd=' + (& $pick '""', '"echo ''done''"') }
                    if ($random.Next(3) -eq 0) { 'serialization=' + (& $pick 'static', 'shrstatic', 'shrdynamic', 'dynamic') }
                    if ($random.Next(3) -eq 0) { 'changingretries=' + $random.Next(100) }
                )
                "include.image $pattern $options"
            }
            $lines
        }
        function Shown($rules) { @($rules | ForEach-Object { '{0} <{1}> {2} {3}' -f $_.Kind, $_.Volume, $_.ManagementClass, $_.Options }) }
        # Of two rules with one pattern the one that is evaluated first decides; the other is never reached.
        function Reached($rules) { $seen = @{}; @($rules | Where-Object { -not $seen.ContainsKey($_.Volume) } | ForEach-Object { $seen[$_.Volume] = 1; $_ }) }
        $gold = Join-Path $work 'gold.json'
        Set-ManagementClass GOLD -ClassPath $gold
    }

    It 'through <_>, into their own list and into another' -ForEach 'Pipeline', 'Csv', 'Json', 'CliXml' {
        foreach ($seed in 1..25) {
            $list = Join-Path $work "list$seed$_.rules"
            Set-Content $list (RandomRules $seed)
            $all = @(Get-IncludeImage -RulePath $list)
            $wanted = Shown (Reached $all)
            $journey = @(& $journeys[$_] $all)
            $other = Join-Path $work "other$seed$_.rules"
            Set-Content $other ''
            $journey | Set-IncludeImage -RulePath $other -ClassPath $gold -ErrorAction Stop
            Shown (Get-IncludeImage -RulePath $other) | Should -Be $wanted -Because "seed $seed, another list"
            $journey | Set-IncludeImage -ClassPath $gold -ErrorAction Stop
            Shown (Get-IncludeImage -RulePath $list) | Should -Be $wanted -Because "seed $seed, its own list"
            Reached $journey | Where-Object Kind -In 'Exclude', 1 | Set-ExcludeImage -RulePath $other -ErrorAction Stop
            Shown (Get-IncludeImage -RulePath $other) | Should -Be $wanted -Because "seed $seed, excluding rules alone"
        }
    }

    It 'take what the command line names besides' {
        $list = Join-Path $work 'besides.rules'
        Set-Content $list 'include.image /dev/a imagetype=static imagegapsize=64k'
        Get-IncludeImage -RulePath $list | Set-IncludeImage -ImageType Dynamic
        (Get-IncludeImage -RulePath $list).Options | Should -Be 'imagetype=dynamic imagegapsize=64k'
    }

    It 'say which value of a row cannot be one' {
        [pscustomobject]@{ Volume = '/dev/a'; ImageType = 'Sideways' } | Set-IncludeImage -RulePath $rules -ErrorVariable failures -ErrorAction SilentlyContinue
        ErrorId $failures | Should -Be 'ParameterInvalid'
        $failures[0].Exception.Message | Should -Match 'Sideways'
    }

    It 'are found by Get-IncludeImage again' {
        $list = Join-Path $work 'again.rules'
        Set-Content $list 'include.image /dev/[ab]*', 'exclude.image "/x y"'
        @(Get-IncludeImage -RulePath $list | Get-IncludeImage).Volume | Should -Be '/x y', '/dev/[ab]*'
    }
}

Describe 'Classes, domain and snapshot defaults that come back are what they were' {
    It 'classes through <_>' -ForEach 'Pipeline', 'Csv', 'Json', 'CliXml' {
        foreach ($seed in 1..15) {
            $random = [Random]::new($seed)
            $own = Join-Path $work "classes$seed$_.json"
            foreach ($n in 1..(1 + $random.Next(4))) {
                $set = @{ Name = "C$n"; VersionsExist = 1 + $random.Next(9); ClassPath = $own }
                if ($random.Next(2)) { $set.RetainExtra = 'NoLimit' }
                if ($random.Next(2)) { $set.Description = "of $n, `"quoted`"" }
                if ($random.Next(2)) { $set.Frequency = $random.Next(30) }
                if ($random.Next(2)) { $set.Serialization = 'ShrDynamic' }
                if ($random.Next(2)) { $set.ChangingRetries = $random.Next(9) }
                if ($random.Next(2)) { $set.ImageType = 'Snapshot' }
                if ($random.Next(2)) { $set.GapSize = '1m' }
                if ($random.Next(3) -eq 0) { $set.Default = $true }
                Set-ManagementClass @set
            }
            $properties = @((Get-ManagementClass -ClassPath $own)[0].PSObject.Properties.Name | Where-Object { $_ -notin 'ClassPath', 'Source' })
            $wanted = Get-ManagementClass -ClassPath $own | Select-Object $properties | ConvertTo-Json
            $journey = @(& $journeys[$_] @(Get-ManagementClass -ClassPath $own))
            $text = Get-Content $own -Raw
            $journey | Set-ManagementClass -ErrorAction Stop
            Get-Content $own -Raw | Should -Be $text -Because "seed $seed, their own file"
            $other = Join-Path $work "classes-other$seed$_.json"
            $journey | Set-ManagementClass -ClassPath $other -ErrorAction Stop
            Get-ManagementClass -ClassPath $other | Select-Object $properties | ConvertTo-Json | Should -Be $wanted -Because "seed $seed, another file"
        }
    }

    It 'the domain through <_>, each list its own' -ForEach 'Pipeline', 'Csv', 'Json', 'CliXml' {
        $one = Join-Path $work "one$_.rules"; $two = Join-Path $work "two$_.rules"
        Set-Content $one, $two ''
        Set-ImageDomain '/dev/b', 'D:', '/mnt/a b', '/dev/[x]*' -RulePath $one
        Set-ImageDomain '/dev/z' -RulePath $two
        $before = (Get-Content $one), (Get-Content $two)
        $journey = @(& $journeys[$_] @((Get-ImageDomain -RulePath $one), (Get-ImageDomain -RulePath $two) | ForEach-Object { $_ }))
        $journey | Set-ImageDomain -ErrorAction Stop
        (Get-Content $one), (Get-Content $two) | Should -Be $before
    }

    It 'snapshot defaults through <_>' -ForEach 'Pipeline', 'Csv', 'Json', 'CliXml' {
        $own = Join-Path $work "snapshots$_.json"; $other = Join-Path $work "snapshots-other$_.json"
        Set-SnapshotProvider -Path $own -Name NONE -CacheSize 33 -IdleWait 500ms -IdleRetries 7 -CreateCommand 'make it' -RemoveCommand 'drop it' -ExcludeWriter 'A writer', 'B' -CommandTimeoutSeconds 77
        $properties = 'CacheSizePercent', 'CacheLocation', 'IdleWait', 'IdleRetries', 'SnapshotTimeout', 'CommandTimeout', 'WriterRetries', 'CreateCommand', 'RemoveCommand', 'DefaultProvider', 'ExcludeWriter', 'IncludeWriter', 'IsDefault'
        $before = Get-Content $own -Raw
        $wanted = Get-SnapshotProvider -Path $own | Select-Object $properties | ConvertTo-Json
        $journey = @(& $journeys[$_] @(Get-SnapshotProvider -Path $own))
        $journey | Set-SnapshotProvider -Path $own -ErrorAction Stop
        Get-Content $own -Raw | Should -Be $before
        $journey | Set-SnapshotProvider -Path $other -ErrorAction Stop
        Get-SnapshotProvider -Path $other | Select-Object $properties | ConvertTo-Json | Should -Be $wanted
    }
}
