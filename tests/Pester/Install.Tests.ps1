BeforeDiscovery {
    $whyNot = if ($IsWindows) { 'the package is made by dotnet pack, on Linux' }
    elseif (-not (Get-Module -ListAvailable Microsoft.PowerShell.PSResourceGet)) { 'PSResourceGet is not in this PowerShell' }
    elseif (-not (Get-Command dotnet -ErrorAction Ignore)) { 'there is no .NET SDK' }
}

BeforeAll {
    . $PSScriptRoot/Suite.ps1

    # A user with a home of its own, who knows nothing of the module: each call is a new PowerShell.
    $userHome = Join-Path $work 'home'
    $null = New-Item -ItemType Directory $userHome
    function Invoke-AsUser([scriptblock] $Script, [object[]] $Arguments, [string] $ModulePath) {
        $before = $env:HOME, $env:PSModulePath
        $env:HOME = $userHome
        $env:PSModulePath = if ($ModulePath) { $ModulePath }
        try {
            & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command {
                param($text, $arguments)
                $ErrorActionPreference = 'Stop'
                $ProgressPreference = 'SilentlyContinue'
                $arguments = [object[]]$arguments
                & ([scriptblock]::Create($text)) @arguments
            } -args "$Script", $Arguments
        }
        finally { $env:HOME, $env:PSModulePath = $before }
    }

    # A backup and a restore by the module that this user has; gives the module's version and place.
    $useModule = {
        param($volume, $repository, $target)
        Import-Module ImageBackup
        $password = ConvertTo-SecureString 'a user' -AsPlainText -Force
        if (-not (Test-Path $repository)) { $null = Initialize-ImageRepository $repository -Password $password }
        $image = Backup-VolumeImage $volume -InformationAction Ignore -Repository $repository -Password $password -WarningAction Ignore
        $null = Restore-VolumeImage $image $target -Repository $repository -Password $password -Confirm:$false
        if ((Get-FileHash $volume).Hash -ne (Get-FileHash $target).Hash) { throw 'The restored volume differs.' }
        if ((Get-Help Backup-VolumeImage).Synopsis -notlike '*.') { throw 'The module has no help.' }
        $module = Get-Module ImageBackup
        "$($module.Version) $($module.ModuleBase)"
    }

    $root = Split-Path (Split-Path $PSScriptRoot)
    $feed = (New-Item -ItemType Directory (Join-Path $work 'feed')).FullName
    $volume = Join-Path $work 'disk.img'
    New-TestVolume $volume
    $version = (Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST).ModuleVersion
    $nextVersion = '{0}.{1}.0' -f ([version]$version).Major, (([version]$version).Minor + 1)
}
AfterAll { Remove-Work }

Describe 'The package' -Tag 'net10.0' -Skip:([bool]$whyNot) {
    It 'is made by dotnet pack, as build.ps1 -Task Pack does' {
        # The user's home is where its packages are; a module that other tests use is not laid out anew. What is compiled ahead is what they
        # use, too: a package is for more systems, which takes half a minute of processor time.
        $ahead = (Get-ChildItem (Join-Path (Split-Path $env:IMAGEBACKUP_MANIFEST) 'net10.0') -Directory -Filter '*-*').Name -join '%3B'
        $laidOut = Join-Path $work 'laid-out/'
        $before = $env:HOME
        $env:HOME = [Environment]::GetEnvironmentVariable('NUGET_PACKAGES') ? $before : (getent passwd ([Environment]::UserName)).Split(':')[5]
        try { $output = dotnet pack (Join-Path $root 'src/ImageBackup') -c Release --no-build -o $feed "-p:ModuleOutputDirectory=$laidOut" "-p:CompileAheadFor=$($ahead ? $ahead : 'none')" -nologo -v quiet 2>&1 }
        finally { $env:HOME = $before }
        $LASTEXITCODE | Should -Be 0 -Because ($output -join "`n")
        (Get-ChildItem $feed).Name | Should -Be "ImageBackup.$version.nupkg"
    }

    It 'is found with what the manifest says of it' {
        $found = Invoke-AsUser {
            param($feed)
            Register-PSResourceRepository local $feed -Trusted
            Find-PSResource ImageBackup -Repository local | Select-Object Name, Version, Tags, LicenseUri, ReleaseNotes, Author, Description
        } $feed
        $data = Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST
        "$($found.Name) $($found.Version)" | Should -Be "ImageBackup $version"
        $found.Description | Should -Be $data.Description
        $found.Author | Should -Be $data.Author
        "$($found.LicenseUri)" | Should -BeLike 'https://*mit*'
        $found.ReleaseNotes | Should -Be $data.PrivateData.PSData.ReleaseNotes
        foreach ($tag in $data.PrivateData.PSData.Tags) { $found.Tags | Should -Contain $tag }
    }

    It 'is installed, and a new PowerShell backs up by it' {
        Invoke-AsUser { Install-PSResource ImageBackup -Repository local } | Should -BeNullOrEmpty
        Invoke-AsUser $useModule $volume, (Join-Path $work 'repository'), (Join-Path $work 'restored-1.img') |
            Should -Be "$version $userHome/.local/share/powershell/Modules/ImageBackup/$version"
    }

    It 'is made by Compress-PSResource too; Update-PSResource takes the higher version' {
        $next = Join-Path $work 'next/ImageBackup'
        $null = New-Item -ItemType Directory (Split-Path $next)
        Copy-Item (Split-Path $env:IMAGEBACKUP_MANIFEST) $next -Recurse
        $manifest = Join-Path $next 'ImageBackup.psd1'
        $text = [IO.File]::ReadAllText($manifest)
        $text | Should -Match "ModuleVersion\s*=\s*'$([regex]::Escape($version))'"
        [IO.File]::WriteAllText($manifest, ($text -replace "(ModuleVersion\s*=\s*)'[^']*'", "`$1'$nextVersion'"))
        Invoke-AsUser {
            param($module, $feed)
            Compress-PSResource -Path $module -DestinationPath $feed
            Update-PSResource ImageBackup -Repository local
            (Get-InstalledPSResource ImageBackup).Version.ForEach({ "$_" }) | Sort-Object
        } $next, $feed | Should -Be $version, $nextVersion
        # The repository of the version before goes on.
        Invoke-AsUser $useModule $volume, (Join-Path $work 'repository'), (Join-Path $work 'restored-2.img') |
            Should -Be "$nextVersion $userHome/.local/share/powershell/Modules/ImageBackup/$nextVersion"
    }

    It 'is uninstalled without a trace' {
        Invoke-AsUser {
            Uninstall-PSResource ImageBackup -Version '*'
            Get-Module -ListAvailable ImageBackup
            Get-InstalledPSResource ImageBackup -ErrorAction Ignore
        } | Should -BeNullOrEmpty
        Get-ChildItem "$userHome/.local/share/powershell/Modules" -Filter 'ImageBackup*' | Should -BeNullOrEmpty
    }

    It 'is saved to a folder, and used from there' {
        $saved = (New-Item -ItemType Directory (Join-Path $work 'saved')).FullName
        Invoke-AsUser { param($path, $version) Save-PSResource ImageBackup -Repository local -Version $version -Path $path } $saved, $version | Should -BeNullOrEmpty
        Invoke-AsUser $useModule $volume, (Join-Path $work 'repository'), (Join-Path $work 'restored-3.img') -ModulePath $saved |
            Should -Be "$version $saved/ImageBackup/$version"
    }
}
