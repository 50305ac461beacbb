# A repository on a REST server, from the prompt, in both builds of the module: rclone's server with a password.

BeforeDiscovery {
    $why = if (-not $IsLinux) { 'the server is a program of Linux' } elseif (-not (Get-Command rclone -CommandType Application -ErrorAction Ignore)) { 'rclone is not installed' }
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1
    $serverSecret = 'rig:p@ss/wort%'

    function Start-RestServer([string] $Folder) {
        $probe = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $probe.Start()
        $port = $probe.LocalEndpoint.Port
        $probe.Stop()
        $start = [Diagnostics.ProcessStartInfo]::new('rclone', "serve restic --addr 127.0.0.1:$port `"$Folder`"")
        $start.Environment['RCLONE_CONFIG'] = '/dev/null'
        $start.Environment['RCLONE_USER'] = 'rig'
        $start.Environment['RCLONE_PASS'] = $serverSecret
        # What it says is not kept: a full pipe would stop it. Nor does it keep this process's output open.
        $start.RedirectStandardError = $start.RedirectStandardOutput = $true
        $process = [Diagnostics.Process]::Start($start)
        $process.BeginErrorReadLine()
        $process.BeginOutputReadLine()
        for ($attempt = 0; $attempt -lt 600; $attempt++) {
            $client = [Net.Sockets.TcpClient]::new()
            try { $client.Connect('127.0.0.1', $port); break } catch { Start-Sleep -Milliseconds 100 } finally { $client.Dispose() }
        }
        [pscustomobject]@{ Port = $port; Process = $process }
    }
}

AfterAll {
    $env:RESTIC_REST_USERNAME = $env:RESTIC_REST_PASSWORD = $env:RESTIC_PASSWORD = $env:RESTIC_CACHE_DIR = $null
    Remove-Work
}

Describe 'A repository on a server' -Skip:([bool] $why) {
    BeforeAll {
        $folder = (New-Item -ItemType Directory (Join-Path $work 'served')).FullName
        $server = Start-RestServer $folder
        $env:RESTIC_CACHE_DIR = Join-Path $work 'cache'
        $env:RESTIC_REST_USERNAME = 'rig'
        $env:RESTIC_REST_PASSWORD = $serverSecret
        $url = "rest:http://127.0.0.1:$($server.Port)/repository/"
        $volume = Join-Path $work 'files.img'
        New-FileVolume $volume
        $connection = Initialize-ImageRepository $url -Password $password -Connections 3 -PackSize 4MB -LimitUpload 1GB -LimitDownload '00:00-24:00=1GB' | Connect-ImageRepository -Default
        $image = Backup-VolumeImage $volume
    }

    AfterAll {
        $server.Process.Kill()
        $server.Process.WaitForExit()
    }

    It 'takes images, and gives them back' {
        $connection.Location | Should -Be $url
        (Get-ImageBackup).Id | Should -Be $image.Id
        (Backup-VolumeImage $volume -Compression Max).NewChunkCount | Should -Be 0
        $target = Join-Path $work 'restored.img'
        $null = Restore-VolumeImage $image -Destination $target -Confirm:$false
        (Get-FileHash $target).Hash | Should -Be (Get-FileHash $volume).Hash
        (Test-ImageRepository -ReadData).IsHealthy | Should -BeTrue
        (Test-ImageBackup $image).IsWhole | Should -BeTrue
    }

    It 'shows the files in its images, on a drive too' {
        (Get-ImageItem $image /etc/fstab).Name | Should -Be 'fstab'
        $null = New-PSDrive far -PSProvider ImageBackup -Root $url -Password $password -Scope Global
        try {
            $top = (Get-ChildItem far:\ | Get-ChildItem | Get-ChildItem | Select-Object -First 1).PSPath
            Get-Content "$top\etc\fstab" -Raw | Should -Be ((Get-ImageItemContent $image /etc/fstab) -join "`n" -replace '(?<!\n)$', "`n")
        }
        finally { Remove-PSDrive far -Scope Global }
    }

    It 'removes what is not wanted any more, and tells before what that costs' {
        Get-ImageBackup -IncludeInactive | Where-Object Id -NE $image.Id | Remove-ImageBackup -Confirm:$false
        $plan = Optimize-ImageRepository -MaxUnused 0 -WhatIf
        $plan.IsPlan | Should -BeTrue
        $null = Optimize-ImageRepository -MaxUnused 0 -Confirm:$false
        (Test-ImageRepository).IsHealthy | Should -BeTrue
        Get-ChildItem (Join-Path $folder 'repository/locks') -ErrorAction Ignore | Should -BeNullOrEmpty
    }

    It 'says what is wrong: <What>' -ForEach @(
        @{ What = 'a wrong password of the server'; Url = 'rest:http://rig:wrong-SECRET@127.0.0.1:{0}/repository/'; Id = 'StorageLoginRefused' }
        @{ What = 'nothing there'; Url = 'rest:http://127.0.0.1:{0}/nothing/'; Id = 'RepositoryNotFound' }
        @{ What = 'no server'; Url = 'rest:http://127.0.0.1:1/x/'; Id = 'StorageUnreachable' }
        @{ What = 'not TLS'; Url = 'rest:https://127.0.0.1:{0}/repository/'; Id = 'StorageUntrusted', 'StorageUnreachable' }
    ) {
        $wrong = $null
        try { Connect-ImageRepository ($Url -f $server.Port) -Password $password } catch { $wrong = $_ }
        $wrong.FullyQualifiedErrorId.Split(',')[0] | Should -BeIn $Id
        $wrong | Format-List * -Force | Out-String | Should -Not -Match 'wrong-SECRET'
    }

    It 'keeps the server''s password to itself' {
        $all = @($connection, $image) + @(Get-ImageRepository) | ForEach-Object { "$_"; $_ | Format-List * -Force | Out-String; $_ | ConvertTo-Json -Depth 3 }
        "$all" | Should -Not -Match ([regex]::Escape($serverSecret))
    }
}
