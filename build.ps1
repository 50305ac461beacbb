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
Help   brings en-US/*.md up to date with the cmdlets and makes the MAML help from them, with platyPS in a real PowerShell.
Pack   makes the module's archive, its package for Install-PSResource, its bill of materials (SPDX) and the self-contained
       Hosts for linux-x64 and win-x64 in output/. Archives of the same build are the same byte for byte.

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
    $pwsh = RealPowerShell
    if (-not $pwsh) { throw 'The help is built with platyPS in a real PowerShell, and there is no pwsh in PATH.' }
    Build
    $manifest = [System.IO.Path]::Combine($output, 'ImageBackup', (ModuleVersion), 'ImageBackup.psd1')
    & $pwsh -NoProfile -NonInteractive -File (RepositoryPath 'src/ImageBackup/Build-Help.ps1') -Folder (RepositoryPath 'en-US') -Manifest $manifest -Update
    if ($LASTEXITCODE -ne 0) { throw "platyPS failed ($LASTEXITCODE)." }
    # The module gets the new help.
    Build
}

# The time that every entry of an archive carries: SOURCE_DATE_EPOCH, or the first that a zip archive can hold.
function ArchiveTime {
    $epoch = [System.Environment]::GetEnvironmentVariable('SOURCE_DATE_EPOCH')
    if ($epoch) { return [System.DateTimeOffset]::FromUnixTimeSeconds([long]$epoch) }
    [System.DateTimeOffset]::new(1980, 1, 1, 0, 0, 0, [System.TimeSpan]::Zero)
}

function AddEntry($archive, [string] $name, [byte[]] $content, [bool] $isProgram) {
    $entry = $archive.CreateEntry($name, 'Optimal')
    $entry.LastWriteTime = ArchiveTime
    # Unix modes in the upper half: 0755 and 0644 of a regular file.
    $entry.ExternalAttributes = if ($isProgram) { 0x81ED -shl 16 } else { 0x81A4 -shl 16 }
    $stream = $entry.Open()
    try { $stream.Write($content, 0, $content.Length) } finally { $stream.Dispose() }
}

# Names in order and one time for all: the same files give the same archive.
function Compress([string] $directory, [string] $archive, $first = @{}) {
    if ([System.IO.File]::Exists($archive)) { [System.IO.File]::Delete($archive) }
    $files = [System.IO.Directory]::GetFiles($directory, '*', 'AllDirectories')
    [System.Array]::Sort($files, [System.StringComparer]::Ordinal)
    $zip = [System.IO.Compression.ZipFile]::Open($archive, 'Create')
    try {
        $names = [string[]]@($first.Keys)
        [System.Array]::Sort($names, [System.StringComparer]::Ordinal)
        foreach ($name in $names) { AddEntry $zip $name ([System.Text.Encoding]::UTF8.GetBytes($first[$name])) $false }
        foreach ($file in $files) {
            $name = [System.IO.Path]::GetRelativePath($directory, $file).Replace('\', '/')
            AddEntry $zip $name ([System.IO.File]::ReadAllBytes($file)) ($name -eq 'ImageBackup.Host')
        }
    }
    finally {
        $zip.Dispose()
    }
    $archive
}

# The module as Publish-PSResource would package it: a NuGet package that Install-PSResource and Install-Module take.
function PackModule([string] $version) {
    $directory = [System.IO.Path]::Combine($output, 'ImageBackup', $version)
    $data = [System.Management.Automation.Language.Parser]::ParseFile((RepositoryPath 'ImageBackup.psd1'), [ref]$null, [ref]$null).Find(
        { $args[0] -is [System.Management.Automation.Language.HashtableAst] }, $false).SafeGetValue()
    $tags = @($data.PrivateData.PSData.Tags) + 'PSModule' + 'PSIncludes_Cmdlet' + 'PSIncludes_DscResource'
    foreach ($cmdlet in $data.CmdletsToExport) { $tags += "PSCmdlet_$cmdlet"; $tags += "PSCommand_$cmdlet" }
    foreach ($resource in $data.DscResourcesToExport) { $tags += "PSDscResource_$resource" }
    $escape = { [System.Security.SecurityElement]::Escape($args[0]) }
    $nuspec = @"
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>ImageBackup</id>
    <version>$version</version>
    <authors>$(& $escape $data.Author)</authors>
    <owners>$(& $escape $data.CompanyName)</owners>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <license type="expression">MIT</license>
    <description>$(& $escape $data.Description)</description>
    <releaseNotes>$(& $escape $data.PrivateData.PSData.ReleaseNotes)</releaseNotes>
    <copyright>$(& $escape $data.Copyright)</copyright>
    <tags>$(& $escape ($tags -join ' '))</tags>
  </metadata>
</package>
"@
    $parts = [ordered]@{ '_rels/.rels' = @'
<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/ImageBackup.nuspec" Id="R1" />
</Relationships>
'@
        'ImageBackup.nuspec'     = $nuspec
        '[Content_Types].xml'    = @'
<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="psd1" ContentType="application/octet" />
  <Default Extension="psm1" ContentType="application/octet" />
  <Default Extension="ps1" ContentType="application/octet" />
  <Default Extension="ps1xml" ContentType="application/octet" />
  <Default Extension="xml" ContentType="application/octet" />
  <Default Extension="json" ContentType="application/octet" />
  <Default Extension="txt" ContentType="application/octet" />
  <Default Extension="dll" ContentType="application/octet" />
  <Default Extension="pdb" ContentType="application/octet" />
  <Override PartName="/LICENSE" ContentType="application/octet" />
</Types>
'@
    }
    Compress $directory ([System.IO.Path]::Combine($output, "ImageBackup.$version.nupkg")) $parts
}

# The licence that a restored package states as an expression; NOASSERTION where it states a file or an address.
function DeclaredLicense([string] $id, [string] $number) {
    $packages = [System.Environment]::GetEnvironmentVariable('NUGET_PACKAGES')
    if (-not $packages) {
        $packages = [System.IO.Path]::Combine([System.Environment]::GetFolderPath([System.Environment+SpecialFolder]::UserProfile), '.nuget', 'packages')
    }
    $nuspec = [System.IO.Path]::Combine($packages, $id.ToLowerInvariant(), $number, "$($id.ToLowerInvariant()).nuspec")
    if (-not [System.IO.File]::Exists($nuspec)) { return 'NOASSERTION' }
    $license = [System.Text.RegularExpressions.Regex]::Match([System.IO.File]::ReadAllText($nuspec), '<license type="expression">([^<]+)</license>')
    if ($license.Success) { $license.Groups[1].Value } else { 'NOASSERTION' }
}

# What the module is made of, as SPDX 2.3: the packages that the lock files pin, with their hashes. The SDK writes none itself.
function WriteBillOfMaterials([string] $version) {
    $packages = [System.Collections.Generic.SortedDictionary[string, string]]::new([System.StringComparer]::Ordinal)
    foreach ($project in 'src/ImageBackup', 'src/ImageBackup.Engine') {
        $lock = [System.Text.Json.JsonDocument]::Parse([System.IO.File]::ReadAllText((RepositoryPath "$project/packages.lock.json")))
        foreach ($framework in $lock.RootElement.GetProperty('dependencies').EnumerateObject()) {
            foreach ($package in $framework.Value.EnumerateObject()) {
                $hash = [System.Text.Json.JsonElement]::new()
                # Projects have no hash; what is used for building alone is not shipped.
                if ($package.Name -in 'PowerShellStandard.Library', 'NETStandard.Library', 'Microsoft.NETCore.Platforms') { continue }
                if ($package.Value.TryGetProperty('contentHash', [ref]$hash)) {
                    $packages["$($package.Name) $($package.Value.GetProperty('resolved').GetString())"] = $hash.GetString()
                }
            }
        }
    }
    $path = [System.IO.Path]::Combine($output, "ImageBackup-$version.spdx.json")
    $stream = [System.IO.File]::Create($path)
    $options = [System.Text.Json.JsonWriterOptions]::new()
    $options.Indented = $true
    $json = [System.Text.Json.Utf8JsonWriter]::new($stream, $options)
    try {
        $json.WriteStartObject()
        $json.WriteString('spdxVersion', 'SPDX-2.3')
        $json.WriteString('dataLicense', 'CC0-1.0')
        $json.WriteString('SPDXID', 'SPDXRef-DOCUMENT')
        $json.WriteString('name', "ImageBackup-$version")
        $json.WriteString('documentNamespace', "https://spdx.org/spdxdocs/ImageBackup-$version")
        $json.WriteStartObject('creationInfo')
        $json.WriteString('created', (ArchiveTime).ToString('yyyy-MM-ddTHH:mm:ssZ'))
        $json.WriteStartArray('creators')
        $json.WriteStringValue('Tool: build.ps1')
        $json.WriteEndArray()
        $json.WriteEndObject()
        $json.WriteStartArray('packages')
        foreach ($name in @("ImageBackup $version") + $packages.Keys) {
            $id, $number = $name.Split(' ')
            $json.WriteStartObject()
            $json.WriteString('name', $id)
            $json.WriteString('SPDXID', "SPDXRef-Package-$id-$number")
            $json.WriteString('versionInfo', $number)
            $json.WriteString('downloadLocation', $(if ($id -eq 'ImageBackup') { 'NOASSERTION' } else { "https://www.nuget.org/packages/$id/$number" }))
            $json.WriteBoolean('filesAnalyzed', $false)
            $json.WriteString('licenseDeclared', $(if ($id -eq 'ImageBackup') { 'MIT' } else { DeclaredLicense $id $number }))
            if ($packages.ContainsKey($name)) {
                $json.WriteStartArray('checksums')
                $json.WriteStartObject()
                $json.WriteString('algorithm', 'SHA512')
                $json.WriteString('checksumValue', [System.Convert]::ToHexString([System.Convert]::FromBase64String($packages[$name])).ToLowerInvariant())
                $json.WriteEndObject()
                $json.WriteEndArray()
                # What scanners look advisories up by.
                $json.WriteStartArray('externalRefs')
                $json.WriteStartObject()
                $json.WriteString('referenceCategory', 'PACKAGE-MANAGER')
                $json.WriteString('referenceType', 'purl')
                $json.WriteString('referenceLocator', "pkg:nuget/$id@$number")
                $json.WriteEndObject()
                $json.WriteEndArray()
            }
            $json.WriteEndObject()
        }
        $json.WriteEndArray()
        $json.WriteStartArray('relationships')
        $json.WriteStartObject()
        $json.WriteString('spdxElementId', 'SPDXRef-DOCUMENT')
        $json.WriteString('relationshipType', 'DESCRIBES')
        $json.WriteString('relatedSpdxElement', "SPDXRef-Package-ImageBackup-$version")
        $json.WriteEndObject()
        foreach ($name in $packages.Keys) {
            $json.WriteStartObject()
            $json.WriteString('spdxElementId', "SPDXRef-Package-ImageBackup-$version")
            $json.WriteString('relationshipType', 'DEPENDS_ON')
            $json.WriteString('relatedSpdxElement', "SPDXRef-Package-$($name.Replace(' ', '-'))")
            $json.WriteEndObject()
        }
        $json.WriteEndArray()
        $json.WriteEndObject()
    }
    finally {
        $json.Dispose()
        $stream.Dispose()
    }
    $path
}

function Pack {
    Build
    $version = ModuleVersion
    Compress ([System.IO.Path]::Combine($output, 'ImageBackup')) ([System.IO.Path]::Combine($output, "ImageBackup-$version.zip"))
    PackModule $version
    WriteBillOfMaterials $version
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
