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
    TypesToProcess       = @('ImageBackup.Types.ps1xml')
    FormatsToProcess     = @('ImageBackup.Format.ps1xml')
    NestedModules        = @('ImageBackup.Dsc.psm1')
    DscResourcesToExport = @('ImageClass', 'ImageRepository', 'ImageRule')
    CmdletsToExport      = @(
        'Add-ImageRepositoryKey'
        'Backup-VolumeImage'
        'Compare-ImageBackup'
        'Connect-ImageRepository'
        'Copy-ImageBackup'
        'Disconnect-ImageRepository'
        'Export-ImageRepositoryPassword'
        'Find-ImageItem'
        'Get-ImageBackup'
        'Get-ImageBackupExitCode'
        'Get-ImageDomain'
        'Get-ImageItem'
        'Get-ImageItemContent'
        'Get-ImageRepository'
        'Get-ImageRepositoryKey'
        'Get-ImageVolume'
        'Get-IncludeImage'
        'Get-ManagementClass'
        'Get-SnapshotProvider'
        'Initialize-ImageRepository'
        'Optimize-ImageRepository'
        'Remove-ImageBackup'
        'Remove-ImageRepositoryKey'
        'Remove-IncludeImage'
        'Remove-ManagementClass'
        'Repair-ImageRepository'
        'Repair-ImageVolume'
        'Restore-ImageItem'
        'Restore-VolumeImage'
        'Set-ExcludeImage'
        'Set-ImageBackup'
        'Set-ImageDomain'
        'Set-ImageRepositoryPassword'
        'Set-IncludeImage'
        'Set-ManagementClass'
        'Set-SnapshotProvider'
        'Test-ImageBackup'
        'Test-ImageBackupHost'
        'Test-ImageRepository'
        'Test-IncludeImage'
        'Test-SnapshotProvider'
        'Unlock-ImageRepository'
    )
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @(
        'Backup-ImageVolume'
        'Get-VolumeImage'
        'Remove-VolumeImage'
        'Restore-ImageBackup'
        'Set-VolumeImage'
        'Test-VolumeImage'
    )
    PrivateData          = @{
        PSData = @{
            Tags         = @('Backup', 'Restore', 'Image', 'Volume', 'Snapshot', 'restic', 'Deduplication', 'Windows', 'Linux', 'PSEdition_Desktop', 'PSEdition_Core')
            LicenseUri   = 'https://opensource.org/license/mit'
            ReleaseNotes = 'First version: repositories, volumes, backup, restore and proof. See README.md.'
        }
    }
}
