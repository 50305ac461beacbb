BeforeAll {
    . $PSScriptRoot/Suite.ps1

    # A module with assemblies of the names of our dependencies, of other versions and with other things in them. They are
    # made here: what counts is the name, the version and that nothing of ours is in them.
    $other = (New-Item -ItemType Directory (Join-Path $work 'Other')).FullName
    $names = 'ZstdSharp', 'BouncyCastle.Cryptography', 'ImageBackup.Engine'
    foreach ($name in $names) {
        $builder = [Reflection.Emit.PersistedAssemblyBuilder]::new([Reflection.AssemblyName]::new("$name, Version=0.0.7.0"), [object].Assembly)
        $type = $builder.DefineDynamicModule($name).DefineType("Other$($name.Replace('.', '')).Marker", 'Public, Abstract, Sealed')
        $type.DefineField('Text', [string], 'Public, Static, Literal').SetConstant("other $name")
        $null = $type.CreateType()
        $builder.Save((Join-Path $other "$name.dll"))
    }
    Set-Content (Join-Path $other 'Other.psm1') @"
foreach (`$name in '$($names -join "', '")') { Add-Type -LiteralPath ([IO.Path]::Combine(`$PSScriptRoot, "`$name.dll")) }
function Get-OtherMarker { [OtherZstdSharp.Marker]::Text; [OtherBouncyCastleCryptography.Marker]::Text; [OtherImageBackupEngine.Marker]::Text }
"@

    $volume = Join-Path $work 'volume.img'
    New-TestVolume $volume
    $passwordFile = (Export-ImageRepositoryPassword (Join-Path $work 'password') -Password $password).FullName

    # A whole round trip in a process of its own; says which assemblies of those names are loaded.
    $roundTrip = {
        param($modules, $directory, $volume, $passwordFile)
        $ErrorActionPreference = 'Stop'
        foreach ($module in $modules) { Import-Module $module }
        $repository = Initialize-ImageRepository $directory -PasswordFile $passwordFile
        $image = Backup-VolumeImage $volume -Repository $repository
        $result = Test-ImageBackup $image -Repository $repository
        "whole: $($result.IsWhole)"
        Get-OtherMarker
        [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -in 'ZstdSharp', 'BouncyCastle.Cryptography', 'ImageBackup.Engine' } |
            ForEach-Object { '{0} {1} {2}' -f $_.GetName().Name, $_.GetName().Version, [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($_).Name }
    }

    # The same module without its net10.0 build: what PowerShell on an older .NET loads.
    $standard = Join-Path $work 'standard/ImageBackup'
    $null = New-Item -ItemType Directory $standard
    Get-ChildItem (Split-Path $env:IMAGEBACKUP_MANIFEST) -Exclude 'net10.0' | Copy-Item -Destination $standard -Recurse
}

AfterAll { Remove-Work }

Describe 'Another module with other versions of our dependencies' -Tag 'net10.0' {
    It 'works beside the <Build> build, <Order>' -ForEach @(
        @{ Build = 'net10.0'; Order = 'loaded before it'; Reverse = $false }
        @{ Build = 'net10.0'; Order = 'loaded after it'; Reverse = $true }
        @{ Build = 'netstandard2.0'; Order = 'loaded before it'; Reverse = $false }
        @{ Build = 'netstandard2.0'; Order = 'loaded after it'; Reverse = $true }
    ) {
        $ours = if ($Build -eq 'net10.0') { $env:IMAGEBACKUP_MANIFEST } else { Join-Path $standard 'ImageBackup.psd1' }
        $modules = @((Join-Path $other 'Other.psm1'), $ours)
        if ($Reverse) { [array]::Reverse($modules) }
        $output = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command $roundTrip -args $modules, (Join-Path $work "repository-$Build-$Reverse"), $volume, $passwordFile
        $output | Should -Contain 'whole: True'
        $output | Should -Contain 'other ZstdSharp'
        $output | Should -Contain 'other BouncyCastle.Cryptography'
        $output | Should -Contain 'other ImageBackup.Engine'
        # Both versions are there, each in a context of its own.
        @($output | Where-Object { $_ -match '^ZstdSharp 0\.0\.7\.0 (?!ImageBackup)' }).Count | Should -Be 1
        @($output | Where-Object { $_ -match '^ZstdSharp (?!0\.0\.7)[\d.]+ ImageBackup' }).Count | Should -Be 1
    }
}
