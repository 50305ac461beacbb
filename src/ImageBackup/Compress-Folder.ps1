<#
.SYNOPSIS
Makes a zip archive of a folder: the same files give the same archive, byte for byte. Run by build.ps1 -Task Pack.

.DESCRIPTION
Names are in order, and every entry carries one time: SOURCE_DATE_EPOCH, or the first that a zip archive can hold.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory, Position = 0)]
    [string] $Folder,

    [Parameter(Mandatory, Position = 1)]
    [string] $Archive
)

$ErrorActionPreference = 'Stop'
$time = if ($env:SOURCE_DATE_EPOCH) { [DateTimeOffset]::FromUnixTimeSeconds([long]$env:SOURCE_DATE_EPOCH) } else { [DateTimeOffset]::new(1980, 1, 1, 0, 0, 0, [timespan]::Zero) }
Remove-Item $Archive -ErrorAction Ignore
$files = [IO.Directory]::GetFiles($Folder, '*', 'AllDirectories')
[array]::Sort($files, [StringComparer]::Ordinal)
$zip = [IO.Compression.ZipFile]::Open($Archive, 'Create')
try {
    foreach ($file in $files) {
        $entry = $zip.CreateEntry([IO.Path]::GetRelativePath($Folder, $file).Replace('\', '/'), 'Optimal')
        $entry.LastWriteTime = $time
        # Unix modes in the upper half: 0755 and 0644 of a regular file.
        $entry.ExternalAttributes = if ($entry.FullName -eq 'ImageBackup.Host') { 0x81ED -shl 16 } else { 0x81A4 -shl 16 }
        $content = [IO.File]::ReadAllBytes($file)
        $stream = $entry.Open()
        try { $stream.Write($content, 0, $content.Length) } finally { $stream.Dispose() }
    }
}
finally {
    $zip.Dispose()
}
$Archive
