<#
.SYNOPSIS
Writes what the module is made of, as SPDX 2.3: the packages that the lock files pin, with their hashes. Run by build.ps1 -Task Pack.

.DESCRIPTION
The SDK writes none itself. The time in it is SOURCE_DATE_EPOCH, or 1980-01-01, so that the same source gives the same file.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)]
    [string] $Path,

    [Parameter(Mandatory)]
    [string] $Version
)

$ErrorActionPreference = 'Stop'
# Projects have no hash; what is used for building alone is not shipped.
$notShipped = 'PowerShellStandard.Library', 'NETStandard.Library', 'Microsoft.NETCore.Platforms'

# The licence that a restored package states as an expression; NOASSERTION where it states a file or an address.
function Get-DeclaredLicense([string] $Id, [string] $Number, [string[]] $PackageFolder) {
    foreach ($folder in $PackageFolder) {
        $nuspec = Join-Path $folder "$($Id.ToLowerInvariant())/$Number/$($Id.ToLowerInvariant()).nuspec"
        if ((Test-Path $nuspec) -and (Get-Content $nuspec -Raw) -match '<license type="expression">([^<]+)</license>') { return $Matches[1] }
    }
    'NOASSERTION'
}

$packages = [Collections.Generic.SortedDictionary[string, hashtable]]::new([StringComparer]::Ordinal)
$folders = foreach ($project in 'ImageBackup', 'ImageBackup.Engine') {
    $folder = Join-Path $PSScriptRoot "../$project"
    $lock = Get-Content (Join-Path $folder 'packages.lock.json') -Raw | ConvertFrom-Json -AsHashtable
    foreach ($framework in $lock.dependencies.Values) {
        foreach ($id in $framework.Keys) {
            $package = $framework[$id]
            if ($package.contentHash -and $id -notin $notShipped) { $packages["$id $($package.resolved)"] = @{ Id = $id; Number = $package.resolved; Hash = $package.contentHash } }
        }
    }
    # Where the restore put them.
    (Get-Content (Join-Path $folder 'obj/project.assets.json') -Raw | ConvertFrom-Json -AsHashtable).packageFolders.Keys
}

$root = "SPDXRef-Package-ImageBackup-$Version"
$entries = @([ordered]@{
        name = 'ImageBackup'; SPDXID = $root; versionInfo = $Version; downloadLocation = 'NOASSERTION'; filesAnalyzed = $false; licenseDeclared = 'MIT'
    })
$relationships = @([ordered]@{ spdxElementId = 'SPDXRef-DOCUMENT'; relationshipType = 'DESCRIBES'; relatedSpdxElement = $root })
foreach ($package in $packages.Values) {
    $id, $number = $package.Id, $package.Number
    $entries += [ordered]@{
        name             = $id
        SPDXID           = "SPDXRef-Package-$id-$number"
        versionInfo      = $number
        downloadLocation = "https://www.nuget.org/packages/$id/$number"
        filesAnalyzed    = $false
        licenseDeclared  = Get-DeclaredLicense $id $number ($folders | Select-Object -Unique)
        checksums        = @([ordered]@{ algorithm = 'SHA512'; checksumValue = [Convert]::ToHexString([Convert]::FromBase64String($package.Hash)).ToLowerInvariant() })
        # What scanners look advisories up by.
        externalRefs     = @([ordered]@{ referenceCategory = 'PACKAGE-MANAGER'; referenceType = 'purl'; referenceLocator = "pkg:nuget/$id@$number" })
    }
    $relationships += [ordered]@{ spdxElementId = $root; relationshipType = 'DEPENDS_ON'; relatedSpdxElement = "SPDXRef-Package-$id-$number" }
}
$time = if ($env:SOURCE_DATE_EPOCH) { [DateTimeOffset]::FromUnixTimeSeconds([long]$env:SOURCE_DATE_EPOCH) } else { [DateTimeOffset]::new(1980, 1, 1, 0, 0, 0, [timespan]::Zero) }
$text = [ordered]@{
    spdxVersion       = 'SPDX-2.3'
    dataLicense       = 'CC0-1.0'
    SPDXID            = 'SPDXRef-DOCUMENT'
    name              = "ImageBackup-$Version"
    documentNamespace = "https://spdx.org/spdxdocs/ImageBackup-$Version"
    creationInfo      = [ordered]@{ created = $time.ToString('yyyy-MM-ddTHH:mm:ssZ', [cultureinfo]::InvariantCulture); creators = @('Tool: build.ps1') }
    packages          = $entries
    relationships     = $relationships
} | ConvertTo-Json -Depth 6
[IO.File]::WriteAllText($Path, $text.Replace("`r`n", "`n") + "`n")
$Path
