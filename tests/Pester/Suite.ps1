# Dot-sourced in BeforeAll of every file: the module, a directory to work in (Pester's TestDrive is emptied after
# every block, and a repository lives on), and what the tests share. AfterAll calls Remove-Work.

Import-Module $env:IMAGEBACKUP_MANIFEST -Force

# What an earlier file left connected is gone from the disk: connections live as long as the process.
for ($left = 0; $left -lt 10; $left++) { try { Disconnect-ImageRepository -ErrorAction Stop } catch { break } }

# The list of repositories opened before is the user's: it is not for tests to fill.
$env:XDG_STATE_HOME = Join-Path ([IO.Path]::GetTempPath()) "imagebackup-pester-state-$PID"

foreach ($variable in 'RESTIC_REPOSITORY', 'RESTIC_PASSWORD', 'RESTIC_PASSWORD_FILE', 'RESTIC_PASSWORD_COMMAND') {
    [Environment]::SetEnvironmentVariable($variable, $null)
}

# The PowerShell that runs this, for child processes: & $pwsh[0] $pwsh[1..9] ... . One that is a .NET tool runs as `dotnet pwsh.dll`.
$pwsh = @([Environment]::ProcessPath)
if ([IO.Path]::GetFileNameWithoutExtension($pwsh[0]) -ne 'pwsh') { $pwsh += Join-Path $PSHOME 'pwsh.dll' }

$secretText = 'Pester-pass-5!'
$password = ConvertTo-SecureString $secretText -AsPlainText -Force

$work = [IO.Directory]::CreateTempSubdirectory('imagebackup-pester-').FullName
$null = New-PSDrive -Name Work -PSProvider FileSystem -Root $work -Scope Global

function Remove-Work {
    Remove-PSDrive Work -Scope Global
    # Windows deletes a file when the last one who has it open closes it: a job that has just ended, a scanner.
    for ($attempt = 0; (Test-Path $work) -and $attempt -lt 20; $attempt++) {
        try { [IO.Directory]::Delete($work, $true) } catch [IO.IOException], [UnauthorizedAccessException] { Start-Sleep -Milliseconds 250 }
    }
    Remove-Item $env:XDG_STATE_HOME -Recurse -Force -ErrorAction Ignore
}

function New-TestVolume([string] $Path, [int] $Seed = 1, [int] $SizeBytes = 2MB + 700) {
    $bytes = [byte[]]::new($SizeBytes)
    [Random]::new($Seed).NextBytes($bytes)
    [Array]::Clear($bytes, 1MB, 512KB)
    [IO.File]::WriteAllBytes($Path, $bytes)
}

# A small ext4 with files, as a volume in a file.
function New-FileVolume([string] $Path) {
    $packed = [IO.File]::OpenRead((Join-Path $PSScriptRoot '../Fixtures/FileSystems/files-ext4.img.gz'))
    $unpacked = [IO.Compression.GZipStream]::new($packed, [IO.Compression.CompressionMode]::Decompress)
    $file = [IO.File]::Create($Path)
    $unpacked.CopyTo($file)
    $file.Dispose()
    $unpacked.Dispose()
}

# The error ids without the command's name.
function ErrorId($errors) {
    @($errors | ForEach-Object { $_.FullyQualifiedErrorId.Split(',')[0] })
}

# Every file below a directory with its length and time: equal before and after where nothing was written.
function TreeState([string] $Path) {
    Get-ChildItem $Path -Recurse -File -Force | Sort-Object FullName |
        ForEach-Object { '{0} {1} {2:o}' -f $_.FullName, $_.Length, $_.LastWriteTimeUtc }
}
