<#
.SYNOPSIS
Runs the Pester suite against the built module, in the pwsh that runs this script.

.DESCRIPTION
Ends with the number of failures, at most 100. The process first loses what the user's session has set (environment variables,
home directory, language), as tests/Kits/TestEnvironment.cs does it for the compiled tests: the child processes inherit that.
#>
[CmdletBinding()]
param(
    # The module to test; by default the newest in output/.
    [string] $Manifest,

    # netstandard2.0: a copy of the module without its other build is tested, which is what PowerShell on an older .NET loads.
    [ValidateSet('net10.0', 'netstandard2.0')]
    [string] $Build = 'net10.0',

    # The folder of Pester 5 or later; by default the newest that is installed.
    [string] $PesterPath,

    # Only files whose name begins so: names, or one text with commas.
    [string[]] $Name = '*',

    # Each file by itself, one after another, and a line with its name at its end: who waits for this process knows which file it is at.
    [switch] $Each,

    # Windows: only what a real Windows proves (tests/Windows), which needs an elevated session.
    [ValidateSet('Windows')]
    [string] $Tag
)

$ErrorActionPreference = 'Stop'
$root = Split-Path (Split-Path $PSScriptRoot)
if (-not $Manifest) {
    $Manifest = Get-ChildItem (Join-Path $root 'output/ImageBackup/*/ImageBackup.psd1') |
        Sort-Object LastWriteTime | Select-Object -Last 1 -ExpandProperty FullName
}
if (-not $Manifest) { throw 'The module is not built: run build.ps1 first.' }

if ($PesterPath) {
    $pester = Join-Path $PesterPath 'Pester.psd1'
}
else {
    $env:PSModulePath = $env:PSModulePath, (Join-Path (Split-Path $PSHOME) 'Modules') -join [IO.Path]::PathSeparator
    $pester = Get-Module -ListAvailable Pester | Where-Object Version -GE '5.0' | Sort-Object Version | Select-Object -Last 1
    if (-not $pester) { throw 'Pester 5 or later is not installed: say where it is with -PesterPath.' }
}
Import-Module $pester -Force

# A machine and a home of their own. Windows needs a score of variables, and names all of them itself.
$machine = [IO.Directory]::CreateTempSubdirectory('imagebackup-pester-machine-').FullName
$kept = if ($IsWindows) { '^(?!RESTIC_|IMAGEBACKUP_(?!TEST_VOLUMES))' } else { '^(PATH|TMPDIR|TZ|USER|LOGNAME|PSModulePath|NO_COLOR|DOTNET_|COMPlus_|LD_|POWERSHELL_)' }
foreach ($variable in [Environment]::GetEnvironmentVariables().Keys) {
    if ($variable -notmatch $kept) { [Environment]::SetEnvironmentVariable($variable, $null) }
}
$env:IMAGEBACKUP_ROOT = $machine
$env:POWERSHELL_UPDATECHECK = 'Off'
if (-not $IsWindows) {
    $env:LC_ALL = 'C.UTF-8'
    $env:HOME = $machine
}
[cultureinfo]::DefaultThreadCurrentCulture = [cultureinfo]::CurrentCulture = [cultureinfo]::InvariantCulture
[cultureinfo]::DefaultThreadCurrentUICulture = [cultureinfo]::CurrentUICulture = [cultureinfo]::GetCultureInfo('en-US')

if ($Build -eq 'netstandard2.0') {
    $copy = Join-Path $machine "ImageBackup/$((Import-PowerShellDataFile $Manifest).ModuleVersion)"
    $null = New-Item -ItemType Directory $copy
    Get-ChildItem (Split-Path $Manifest) -Exclude 'net10.0' | Copy-Item -Destination $copy -Recurse
    $Manifest = Join-Path $copy 'ImageBackup.psd1'
}
$env:IMAGEBACKUP_MANIFEST = $Manifest

$configuration = New-PesterConfiguration
$folder = if ($Tag) { Join-Path $root "tests/$Tag" } else { $PSScriptRoot }
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
if ($Tag) { $configuration.Filter.Tag = $Tag }
# Cases of the other build, by name.
if ($Build -eq 'netstandard2.0') { $configuration.Filter.ExcludeTag = 'net10.0' }
$files = @($Name -split ',' | ForEach-Object { Get-ChildItem $folder -Filter "$_.Tests.ps1" } | ForEach-Object FullName)
$runs = [Collections.Generic.List[object]]::new()
if ($Each) { foreach ($file in $files) { $runs.Add(@($file)) } } else { $runs.Add($files) }
$total = 0
foreach ($run in $runs) {
    $configuration.Run.Path = $run
    $result = Invoke-Pester -Configuration $configuration
    foreach ($test in $result.Skipped) { 'Pester skipped: {0}{1}' -f $test.ExpandedPath, $(if ($test.ErrorRecord) { ': ' + $test.ErrorRecord[0] }) }
    # What could not be discovered counts too: no failed test must look like no failure.
    $failed = $result.FailedCount + $result.FailedContainersCount + $result.FailedBlocksCount
    'Pester suite: {0} passed, {1} failed, {2} skipped.' -f $result.PassedCount, $failed, $result.SkippedCount
    if ($Each) { 'Pester file: {0}: {1} failed.' -f ([IO.Path]::GetFileName($run[0]) -replace '\.Tests\.ps1$'), $failed }
    $total += $failed
}
Remove-Item $machine -Recurse -Force -ErrorAction Ignore
exit [math]::Min(100, $total)
