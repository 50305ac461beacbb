@{
    RootModule           = 'ImageBackup.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '6f0d1b9e-5a0c-4c55-9a3c-0f6a4d2f8b71'
    Author               = 'The ImageBackup authors'
    CompanyName          = 'The ImageBackup authors'
    Copyright            = '(c) 2026 The ImageBackup authors. MIT License.'
    Description          = 'Backs up whole volumes as images into a deduplicating, encrypted repository in restic''s format, and restores and proves them, on Windows and Linux.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess     = @('ImageBackup.Format.ps1xml')
    CmdletsToExport      = @(
        'Backup-VolumeImage'
        'Connect-ImageRepository'
        'Disconnect-ImageRepository'
        'Get-ImageBackup'
        'Get-ImageDomain'
        'Get-ImageVolume'
        'Get-IncludeImage'
        'Get-ManagementClass'
        'Get-SnapshotProvider'
        'Initialize-ImageRepository'
        'Remove-IncludeImage'
        'Remove-ManagementClass'
        'Restore-VolumeImage'
        'Set-ExcludeImage'
        'Set-ImageDomain'
        'Set-IncludeImage'
        'Set-ManagementClass'
        'Set-SnapshotProvider'
        'Test-ImageBackup'
        'Test-ImageRepository'
        'Test-IncludeImage'
        'Test-SnapshotProvider'
        'Unlock-ImageRepository'
    )
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags         = @('Backup', 'Restore', 'Image', 'Volume', 'Snapshot', 'restic', 'Deduplication', 'Windows', 'Linux', 'PSEdition_Desktop', 'PSEdition_Core')
            ReleaseNotes = 'First version: repositories, volumes, backup, restore and proof.'
        }
    }
}
