<#
.SYNOPSIS
Runs the Pester suite against the built module, in the pwsh that runs this script.

.DESCRIPTION
Says what it skips and ends with 0 where Pester is not there; otherwise with the number of failures, at most 100.
Pester is looked for among the modules and beside PowerShell's own directory.
#>
[CmdletBinding()]
param(
    # The module to test; by default the newest in output/.
    [string] $Manifest,

    # Only files whose name matches.
    [string] $Name = '*'
)

$ErrorActionPreference = 'Stop'
$root = Split-Path (Split-Path $PSScriptRoot)
if (-not $Manifest) {
    $Manifest = Get-ChildItem (Join-Path $root 'output/ImageBackup/*/ImageBackup.psd1') |
        Sort-Object LastWriteTime | Select-Object -Last 1 -ExpandProperty FullName
}
if (-not $Manifest) { throw 'The module is not built: run build.ps1 first.' }

$env:PSModulePath = $env:PSModulePath, (Join-Path (Split-Path $PSHOME) 'Modules') -join [IO.Path]::PathSeparator
$pester = Get-Module -ListAvailable Pester | Where-Object Version -GE '5.0' | Sort-Object Version | Select-Object -Last 1
if (-not $pester) {
    'Pester suite: skipped, Pester 5 or later is not installed.'
    exit 0
}
Import-Module $pester -Force

$env:IMAGEBACKUP_MANIFEST = $Manifest
$configuration = New-PesterConfiguration
$configuration.Run.Path = @(Get-ChildItem $PSScriptRoot -Filter "$Name.Tests.ps1" | ForEach-Object FullName)
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
$result = Invoke-Pester -Configuration $configuration
'Pester suite: {0} passed, {1} failed, {2} skipped.' -f $result.PassedCount, $result.FailedCount, $result.SkippedCount
# A file that cannot be discovered counts too: no failed test must look like no failure.
exit [math]::Min(100, $result.FailedCount + $result.FailedContainersCount + $result.FailedBlocksCount)
