# Disks that a test makes for itself on Windows: files in a directory of the test's, attached as VHDX by diskpart. No command here
# names a disk by its number, and a file that is there already is never touched, so no disk of the machine can be hit.

$ErrorActionPreference = 'Stop'

# Runs diskpart with these lines; the reason why it failed is in the error.
function Invoke-DiskPart([string[]] $Line) {
    $script = [IO.Path]::GetTempFileName()
    try {
        [IO.File]::WriteAllLines($script, $Line)
        $output = diskpart.exe /s $script
        if ($LASTEXITCODE -ne 0) { throw "diskpart ended with ${LASTEXITCODE}: $($output -join ' ')" }
    }
    finally {
        Remove-Item $script
    }
}

# Wine has no disks to attach; there the volumes that tests/Wine made for this run take their place.
function Test-Wine { [bool] (Test-Path 'HKCU:\Software\Wine') }

# Null, or why no disk can be made here.
function Get-TestDiskObstacle {
    if (-not $IsWindows -and $PSVersionTable.PSEdition -eq 'Core') { return 'this is not Windows' }
    if (Test-Wine) {
        if ($env:IMAGEBACKUP_TEST_VOLUMES) { return $null }
        return 'under Wine volumes are made by tests/Wine only'
    }
    $identity = [Security.Principal.WindowsPrincipal]::new([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { return 'the session is not elevated' }
    if (-not (Get-Command diskpart.exe -CommandType Application -ErrorAction Ignore)) { return 'diskpart is missing' }
    return $null
}

# A drive letter that nothing uses, from Z: down.
function Get-FreeLetter {
    $used = [IO.DriveInfo]::GetDrives() | ForEach-Object { $_.Name[0] }
    $free = [char[]] (90..68) | Where-Object { $used -notcontains $_ } | Select-Object -First 1
    if (-not $free) { throw 'No drive letter is free.' }
    $free
}

<#
.SYNOPSIS
Makes a disk of one formatted volume.
.OUTPUTS
An object with Letter ('T:'), Root ('T:\') and Path (the VHDX; nothing under Wine).
#>
function New-TestDisk {
    param(
        # Where its file goes.
        [Parameter(Mandatory)] [string] $Directory,
        # Its label and its file's name.
        [Parameter(Mandatory)] [ValidatePattern('^[A-Z0-9]{1,11}$')] [string] $Label,
        [ValidateSet('ntfs', 'refs')] [string] $FileSystem = 'ntfs',
        [ValidateRange(64, 65536)] [int] $SizeMB = 256
    )
    if ($obstacle = Get-TestDiskObstacle) { throw "No test disk can be made: $obstacle." }
    if (Test-Wine) {
        if ($FileSystem -ne 'ntfs') { throw "Wine has no $FileSystem." }
        $letters = $env:IMAGEBACKUP_TEST_VOLUMES.Split(',')
        $script:next = ([int] $script:next) % $letters.Count
        $letter = $letters[$script:next++]
        Get-ChildItem -LiteralPath "$letter\" -Force | Remove-Item -Recurse -Force
        return [pscustomobject] @{ Letter = $letter; Root = "$letter\"; Path = $null }
    }
    $path = Join-Path (Resolve-Path -LiteralPath $Directory).ProviderPath "$Label.vhdx"
    if (Test-Path -LiteralPath $path) { throw "'$path' is there already." }
    $letter = Get-FreeLetter
    Invoke-DiskPart "create vdisk file=""$path"" maximum=$SizeMB type=expandable"
    try {
        Invoke-DiskPart @(
            "select vdisk file=""$path"""
            'attach vdisk'
            'convert gpt'
            'create partition primary'
            "format fs=$FileSystem label=$Label quick"
            "assign letter=$letter"
        )
    }
    catch {
        Remove-TestDisk ([pscustomobject] @{ Letter = "${letter}:"; Root = "${letter}:\"; Path = $path })
        throw
    }
    [pscustomobject] @{ Letter = "${letter}:"; Root = "${letter}:\"; Path = $path }
}

# Detaches a disk and removes its file. What New-TestDisk did not make is left alone.
function Remove-TestDisk([Parameter(ValueFromPipeline)] $Disk) {
    process {
        if (-not $Disk -or -not $Disk.Path -or -not (Test-Path -LiteralPath $Disk.Path)) { return }
        try { Invoke-DiskPart "select vdisk file=""$($Disk.Path)""", 'detach vdisk' }
        finally { Remove-Item -LiteralPath $Disk.Path -ErrorAction Continue }
    }
}

# Files of several sizes, small ones that live in their file records among them, and gaps that deleted ones left.
function Add-TestFile([string] $Root, [int] $Seed = 1) {
    $random = [Random]::new($Seed)
    foreach ($i in 0..59) {
        $folder = Join-Path $Root "folder$($i % 5)"
        if (-not (Test-Path -LiteralPath $folder)) { $null = New-Item -ItemType Directory $folder }
        $length = $random.Next(400000)
        if ($i % 3 -eq 0) { $length %= 400 }
        $bytes = [byte[]]::new($length)
        $random.NextBytes($bytes)
        [IO.File]::WriteAllBytes((Join-Path $folder "file$i.bin"), $bytes)
    }
    foreach ($i in 0, 4, 8, 12, 16, 20) { Remove-Item -LiteralPath (Join-Path $Root "folder$($i % 5)/file$i.bin") }
}

# Every file below a directory with its hash, in one order; but for what Windows keeps there for itself.
function Get-TestFileHash([string] $Root) {
    Get-ChildItem -LiteralPath $Root -Recurse -File | Where-Object FullName -NotMatch 'System Volume Information|\$RECYCLE' |
        ForEach-Object { '{0} {1}' -f $_.FullName.Substring($Root.Length), (Get-FileHash -LiteralPath $_.FullName).Hash } | Sort-Object
}

Export-ModuleMember Get-TestDiskObstacle, New-TestDisk, Remove-TestDisk, Add-TestFile, Get-TestFileHash, Test-Wine
