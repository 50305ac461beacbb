<#
.SYNOPSIS
Builds, tests and packs ImageBackup.

.DESCRIPTION
Clean  removes everything that was built.
Build  puts the importable module at output/ImageBackup/<version>/.
Test   the README's test command: builds, then runs the unit and interop tests, and the Pester suite where a PowerShell 7.6
       and Pester are.
Bench  runs the benchmark against restic, borg and partclone.
Fuzz   fuzzes every parser and file system reader, -Seconds each (default 600).
Soak   backups, prunes, checks and repairs of several processes on one repository with random kills, for -Seconds.
Mutate takes safeguards out one by one and expects the named tests to fail.
Help   makes the MAML help from en-US/*.md with platyPS.
Pack   makes the module's archive and the self-contained Hosts for linux-x64 and win-x64 in output/.

The work is msbuild's; a machine without any PowerShell builds the same module with
    dotnet build src/ImageBackup -t:LayOutModule -c Release
and then runs this script with the Host:
    dotnet run --project src/ImageBackup.Host -- -File build.ps1 -Task Test

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

# The language and .NET only: the Host has none of PowerShell's utility modules.
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$output = [System.IO.Path]::Combine($root, 'output')

function RepositoryPath([string] $relative) {
    [System.IO.Path]::Combine($root, $relative.Replace('/', [System.IO.Path]::DirectorySeparatorChar))
}

function RunDotnet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) $($args[1]) failed with exit code $LASTEXITCODE." }
}

function ModuleVersion {
    $manifest = [System.IO.File]::ReadAllText((RepositoryPath 'ImageBackup.psd1'))
    [System.Text.RegularExpressions.Regex]::Match($manifest, "(?m)^\s*ModuleVersion\s*=\s*'([^']+)'").Groups[1].Value
}

# The path of a real PowerShell, for what the Host cannot do; nothing where there is none.
function RealPowerShell {
    $name = if ([System.IO.Path]::DirectorySeparatorChar -eq '\') { 'pwsh.exe' } else { 'pwsh' }
    foreach ($directory in [System.Environment]::GetEnvironmentVariable('PATH').Split([System.IO.Path]::PathSeparator)) {
        if ($directory) {
            $path = [System.IO.Path]::Combine($directory, $name)
            if ([System.IO.File]::Exists($path)) { return $path }
        }
    }
}

function RemoveDirectory([string] $path) {
    if ([System.IO.Directory]::Exists($path)) { [System.IO.Directory]::Delete($path, $true) }
}

function Clean {
    RemoveDirectory $output
    foreach ($group in 'src', 'tests') {
        foreach ($project in [System.IO.Directory]::GetDirectories((RepositoryPath $group))) {
            # The Host that runs this script cannot delete itself on Windows.
            if ([System.AppContext]::BaseDirectory.StartsWith($project)) { continue }
            RemoveDirectory ([System.IO.Path]::Combine($project, 'bin'))
            RemoveDirectory ([System.IO.Path]::Combine($project, 'obj'))
        }
    }
}

function Build {
    RunDotnet build (RepositoryPath 'src/ImageBackup') '-t:LayOutModule' -c $Configuration
}

function Test {
    # The README's test command: it builds, lays the module out, and runs every suite.
    RunDotnet run -c Release --project (RepositoryPath 'tests/Run')
}

function Bench {
    RunDotnet run --project (RepositoryPath 'tests/Bench') -c Release
}

function Fuzz {
    RunDotnet run --project (RepositoryPath 'tests/Fuzz') -c Release -- run all --seconds $Seconds --start ([System.Environment]::TickCount -band 0xFFFFFFF)
}

function Soak {
    RunDotnet build (RepositoryPath 'src/ImageBackup.Host') -c $Configuration
    RunDotnet build (RepositoryPath 'src/ImageBackup') '-t:LayOutModule' -c $Configuration
    [System.Environment]::SetEnvironmentVariable('IMAGEBACKUP_SOAK_SECONDS', [string] $Seconds)
    RunDotnet test (RepositoryPath 'tests/Interop') -c $Configuration --filter 'FullyQualifiedName~MixedTests' --logger 'console;verbosity=detailed'
}

function Mutate {
    RunDotnet run --project (RepositoryPath 'tests/Mutations') -c Release
}

function Help {
    $folder = RepositoryPath 'en-US'
    if ([System.IO.Directory]::GetFiles($folder, '*.md').Length -eq 0) {
        'Help: there are no Markdown topics in en-US yet.'
        return
    }
    $pwsh = RealPowerShell
    if (-not $pwsh) { throw 'The help is built with platyPS in a real PowerShell, and there is no pwsh in PATH.' }
    $quoted = $folder.Replace("'", "''")
    & $pwsh -NoProfile -NonInteractive -Command "`$ErrorActionPreference = 'Stop'; Import-Module Microsoft.PowerShell.PlatyPS; `$null = Import-MarkdownCommandHelp -Path '$quoted/*.md' | Export-MamlCommandHelp -OutputFolder '$quoted' -Force"
    if ($LASTEXITCODE -ne 0) { throw "platyPS failed ($LASTEXITCODE)." }
}

function Compress([string] $directory, [string] $archive) {
    if ([System.IO.File]::Exists($archive)) { [System.IO.File]::Delete($archive) }
    [System.IO.Compression.ZipFile]::CreateFromDirectory($directory, $archive, 'Optimal', $false)
    $archive
}

function Pack {
    Build
    $version = ModuleVersion
    Compress ([System.IO.Path]::Combine($output, 'ImageBackup')) ([System.IO.Path]::Combine($output, "ImageBackup-$version.zip"))
    # One restore for both systems: a restore by publish -r would rewrite the lock files for its system alone.
    RunDotnet restore (RepositoryPath 'src/ImageBackup.Host') '-p:SelfContained=true' '-p:PublishReadyToRun=true'
    foreach ($rid in 'linux-x64', 'win-x64') {
        $published = [System.IO.Path]::Combine($output, 'Host', $rid)
        RemoveDirectory $published
        RunDotnet publish (RepositoryPath 'src/ImageBackup.Host') -c $Configuration -r $rid --self-contained --no-restore -o $published
        Compress $published ([System.IO.Path]::Combine($output, "ImageBackup.Host-$version-$rid.zip"))
    }
}

foreach ($name in $Task) {
    & $name
}
