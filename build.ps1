#!/usr/bin/env pwsh
<#
.SYNOPSIS
Builds, tests and packs ImageBackup.

.DESCRIPTION
Clean  removes everything that was built.
Build  puts the importable module at output/ImageBackup/<version>/.
Test   the README's test command: builds, then runs every suite.
Bench  runs the benchmark against restic, borg and partclone.
Fuzz   fuzzes every parser and file system reader, -Seconds each (default 600).
Soak   backups, prunes, checks and repairs of several processes on one repository with random kills, for -Seconds.
Mutate takes safeguards out one by one and expects the named tests to fail.
Help   brings en-US/*.md up to date with the cmdlets and makes the MAML help from them, with platyPS.
Pack   makes the module's archive, its package for Install-PSResource, its bill of materials (CycloneDX) and the self-contained
       Hosts for linux-x64 and win-x64 in output/. Archives of the same build are the same byte for byte.

Every task is one or two commands, which do the same without this script: dotnet build src, dotnet test src, dotnet pack src. The
pwsh of .config/dotnet-tools.json runs it on a machine without PowerShell:
    dotnet tool restore; dotnet pwsh build.ps1

.EXAMPLE
./build.ps1

.EXAMPLE
./build.ps1 -Task Clean, Build, Test
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Clean', 'Build', 'Test', 'Bench', 'Fuzz', 'Soak', 'Mutate', 'Help', 'Pack')]
    [string[]] $Task = 'Build',

    [ValidateSet('Release', 'Debug')]
    [string] $Configuration = 'Release',

    # Of Fuzz (for each target) and Soak.
    [ValidateRange(1, 1000000)]
    [int] $Seconds = 600
)

$ErrorActionPreference = 'Stop'
$output = Join-Path $PSScriptRoot 'output'

function Invoke-Dotnet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) $($args[1]) failed with exit code $LASTEXITCODE." }
}

function Clean {
    Get-ChildItem src, tests -Recurse -Directory -Include bin, obj | Where-Object { Test-Path (Join-Path $_.Parent '*.csproj') } |
        Remove-Item -Recurse -Force
    Remove-Item $output -Recurse -Force -ErrorAction Ignore
}

function Build { Invoke-Dotnet build src/ImageBackup -t:LayOutModule -c $Configuration }

function Test { Invoke-Dotnet run -c Release --project tests/Run }

function Bench { Invoke-Dotnet run -c Release --project tests/Bench }

function Fuzz { Invoke-Dotnet run -c Release --project tests/Fuzz -- run all --seconds $Seconds --start (Get-Random) }

function Soak {
    $env:IMAGEBACKUP_SOAK_SECONDS = $Seconds
    Invoke-Dotnet build src/ImageBackup.Host -c $Configuration
    Invoke-Dotnet test tests/Interop -c $Configuration --filter 'FullyQualifiedName~MixedTests' --logger 'console;verbosity=detailed'
}

function Mutate { Invoke-Dotnet run -c Release --project tests/Mutations }

function Help {
    Build
    $manifest = (Get-Item (Join-Path $output 'ImageBackup/*/ImageBackup.psd1')).FullName
    src/ImageBackup/Build-Help.ps1 -Folder en-US -Manifest $manifest -Update
    # The module gets the new help.
    Build
}

function Pack {
    # The package; it lays the module out.
    Invoke-Dotnet pack src/ImageBackup -c $Configuration -o $output
    $version = (Import-PowerShellDataFile ImageBackup.psd1).ModuleVersion
    src/ImageBackup/Compress-Folder.ps1 (Join-Path $output 'ImageBackup') (Join-Path $output "ImageBackup-$version.zip")
    $bom = "ImageBackup-$version.cdx.json"
    Push-Location src/ImageBackup
    try {
        # A manifest of its own: who only tests need not have this tool.
        Invoke-Dotnet tool restore
        Invoke-Dotnet tool run dotnet-CycloneDX '--' ImageBackup.csproj --disable-package-restore --no-serial-number --exclude-filter PowerShellStandard.Library -sn ImageBackup -sv $version -F Json -o $output -fn $bom
    }
    finally {
        Pop-Location
    }
    # The time in it would differ from build to build.
    $bom = Join-Path $output $bom
    [IO.File]::WriteAllText($bom, ([IO.File]::ReadAllText($bom) -replace '(?<="timestamp": ")[^"]*', '1980-01-01T00:00:00Z'))
    # One restore for both systems: a restore by publish -r would rewrite the lock files for its system alone.
    Invoke-Dotnet restore src/ImageBackup.Host -p:SelfContained=true -p:PublishReadyToRun=true
    foreach ($rid in 'linux-x64', 'win-x64') {
        $published = Join-Path $output "Host/$rid"
        Remove-Item $published -Recurse -Force -ErrorAction Ignore
        # The prompt's editor comes with the PowerShell that runs this, not with the package that the Host is made of.
        $editor = Join-Path $PSHOME 'Modules/PSReadLine'
        $options = @(if (Test-Path $editor) { "-p:PSReadLineFolder=$editor" })
        Invoke-Dotnet publish src/ImageBackup.Host -c $Configuration -r $rid --self-contained --no-restore -o $published @options
        src/ImageBackup/Compress-Folder.ps1 $published (Join-Path $output "ImageBackup.Host-$version-$rid.zip")
    }
}

Push-Location $PSScriptRoot
try {
    foreach ($name in $Task) { & $name }
}
finally {
    Pop-Location
}
