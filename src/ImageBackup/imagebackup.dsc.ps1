<#
.SYNOPSIS
Gives the module's DSC resources to DSC 3: one operation on one resource, JSON in and JSON out.

.DESCRIPTION
The *.dsc.resource.json beside it tell DSC how to run it. The desired state comes by standard input; the actual state goes to
standard output, with _inDesiredState for the operation Test. An error goes to standard error and the exit code is 1.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory, Position = 0)]
    [ValidateSet('ImageRule', 'ImageClass', 'ImageRepository')]
    [string] $Resource,

    [Parameter(Mandatory, Position = 1)]
    [ValidateSet('Get', 'Test', 'Set')]
    [string] $Operation
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
try {
    Import-Module (Join-Path $PSScriptRoot 'ImageBackup.psd1')
    $dsc = Import-Module (Join-Path $PSScriptRoot 'ImageBackup.Dsc.psm1') -PassThru
    $desired = & $dsc { param($name) New-Object $name } $Resource
    $settings = [Console]::In.ReadToEnd() | ConvertFrom-Json
    foreach ($property in $settings.PSObject.Properties) {
        # DSC 3 speaks of _exist where PowerShell DSC speaks of Ensure.
        if ($property.Name -eq '_exist') { $desired.Ensure = if ($property.Value) { 'Present' } else { 'Absent' } }
        elseif ($property.Name -notlike '_*') { $desired.($property.Name) = $property.Value }
    }

    $wasInState = if ($Operation -eq 'Test') { $desired.Test() }
    if ($Operation -eq 'Set') { $desired.Set() }
    $state = $desired.Get()

    $output = [ordered]@{}
    foreach ($property in $state.PSObject.Properties) {
        if ($property.Name -eq 'Ensure' -and $Resource -ne 'ImageRepository') { $output['_exist'] = $property.Value -eq 'Present' }
        elseif (-not [string]::IsNullOrEmpty($property.Value)) { $output[$property.Name] = $property.Value }
    }
    if ($Operation -eq 'Test') { $output['_inDesiredState'] = $wasInState }
    [Console]::Out.WriteLine(($output | ConvertTo-Json -Compress))
    exit 0
}
catch {
    [Console]::Error.WriteLine((@{ error = "$_" } | ConvertTo-Json -Compress))
    exit 1
}
