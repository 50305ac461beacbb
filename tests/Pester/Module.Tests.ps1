BeforeAll { . $PSScriptRoot/Suite.ps1 }
AfterAll { Remove-Work }

Describe 'The module' {
    It 'has a manifest that PowerShell accepts' -Tag 'net10.0' {
        $info = Test-ModuleManifest $env:IMAGEBACKUP_MANIFEST
        $info.Name | Should -Be 'ImageBackup'
        $info.CompatiblePSEditions | Should -Be 'Desktop', 'Core'
        @($info.ExportedAliases.Keys | Sort-Object) | Should -Be @((Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST).AliasesToExport | Sort-Object)
        $info.ExportedFunctions.Count | Should -Be 0
    }

    It 'exports what the manifest lists, with approved verbs and singular nouns' {
        $listed = (Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST).CmdletsToExport
        $commands = Get-Command -Module ImageBackup -CommandType Cmdlet
        $commands.Name | Sort-Object | Should -Be ($listed | Sort-Object)
        $approved = (Get-Verb).Verb
        foreach ($command in $commands) {
            $command.Verb | Should -BeIn $approved
            # A class is one thing.
            $command.Noun | Should -Not -Match '[^s]s$'
        }
    }

    It 'keeps its dependencies out of the default load context' {
        $assembly = (Get-Command Backup-VolumeImage).ImplementingType.Assembly
        [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($assembly).Name | Should -BeLike 'ImageBackup*'
        [Runtime.Loader.AssemblyLoadContext]::Default.Assemblies.ForEach({ $_.GetName().Name }) |
            Should -Not -Contain 'ImageBackup.Engine'
    }

    It 'is imported again with -Force, and after it was removed' {
        $script = {
            param($manifest)
            Import-Module $manifest
            Import-Module $manifest -Force
            (Get-Command -Module ImageBackup -CommandType Cmdlet).Count
            (Get-Command -Module ImageBackup -CommandType Alias).Count
            Remove-Module ImageBackup
            (Get-Command -Module ImageBackup -CommandType Cmdlet).Count
            (Get-Command -Module ImageBackup -CommandType Alias).Count
            Import-Module $manifest
            (Get-Command -Module ImageBackup -CommandType Cmdlet).Count
            (Get-Command -Module ImageBackup -CommandType Alias).Count
            (Get-Command Get-ImageVolume).Source
        }
        $exported = Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST
        $counts = $exported.CmdletsToExport.Count, $exported.AliasesToExport.Count
        $counts[1] | Should -BeGreaterThan 0
        $shell = [powershell]::Create().AddScript($script).AddArgument($env:IMAGEBACKUP_MANIFEST)
        $shell.Invoke() | Should -Be @($counts; 0, 0; $counts; 'ImageBackup')
        $shell.HadErrors | Should -BeFalse
        $shell.Dispose()
    }

    It 'is imported with little work: only the assemblies that it needs at once, and few methods to compile' -Tag 'net10.0' {
        # Counts are the same on each machine; the time is in tests/Bench.
        $told = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command {
            param($manifest)
            $loaded = [AppDomain]::CurrentDomain.GetAssemblies().ForEach{ $_.GetName().Name }
            $methods = [Runtime.JitInfo]::GetCompiledMethodCount()
            Import-Module $manifest
            [pscustomobject]@{
                Methods = [Runtime.JitInfo]::GetCompiledMethodCount() - $methods
                Loaded = [AppDomain]::CurrentDomain.GetAssemblies().ForEach{ $_.GetName().Name } -notmatch '^(System\.|Microsoft\.|PowerShell Class Assembly)' | Where-Object { $_ -notin $loaded }
            }
        } -args $env:IMAGEBACKUP_MANIFEST
        $told.Loaded | Sort-Object | Should -Be @('ImageBackup'; 'ImageBackup.Engine'; 'ImageBackup.Loader'; if ($IsWindows) { 'ImageBackup.Vss' })
        # 1,979 to 2,007 in November 2026, most of them PowerShell's own for a manifest, types and views.
        $told.Methods | Should -BeGreaterThan 0
        $told.Methods | Should -BeLessThan 2500
    }

    It 'compresses by the C library that lies in it' -Tag 'net10.0' {
        $volume = Join-Path $work 'native.img'
        New-TestVolume $volume
        $repository = Initialize-ImageRepository (Join-Path $work 'native-repository') -Password $password
        $null = Backup-VolumeImage $volume -Repository $repository
        $loaded = [Diagnostics.Process]::GetCurrentProcess().Modules.FileName -match 'libzstd\.(so|dll)$'
        $loaded | Should -BeLike (Join-Path (Split-Path $env:IMAGEBACKUP_MANIFEST) 'net10.0/runtimes/*-*/native/*').Replace('/', [IO.Path]::DirectorySeparatorChar)
    }

    It 'runs the machine code that lies in it for this system' -Tag 'net10.0' -Skip:(-not (Test-Path (Join-Path (Split-Path $env:IMAGEBACKUP_MANIFEST) "net10.0/$($IsWindows ? 'win' : 'linux')-$([Runtime.InteropServices.RuntimeInformation]::ProcessArchitecture)".ToLowerInvariant()))) {
        $folder = Join-Path (Split-Path $env:IMAGEBACKUP_MANIFEST) 'net10.0'
        # Whether the process must compile methods of the engine before they can run: 0 or 1 for each. The first pass of the loop compiles what the script needs.
        $count = {
            param($manifest)
            Import-Module $manifest
            $module = (Get-Command Get-ImageBackup).ImplementingType.Assembly
            $engine = [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($module).LoadFromAssemblyName('ImageBackup.Engine')
            $methods = $engine.GetType('ImageBackup.Engine.Storage.StorageLocation', $true).GetMethods('Static, Instance, Public, NonPublic, DeclaredOnly')
            $compiled = foreach ($method in @([object].GetMethod('ToString')) + $methods) {
                $before = [Runtime.JitInfo]::GetCompiledMethodCount($true)
                [Runtime.CompilerServices.RuntimeHelpers]::PrepareMethod($method.MethodHandle)
                [Runtime.JitInfo]::GetCompiledMethodCount($true) - $before
            }
            $engine.Location
            $compiled | Select-Object -Skip 1
        }
        $location, $compiled = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command $count -args $env:IMAGEBACKUP_MANIFEST
        Split-Path (Split-Path $location) | Should -Be $folder
        $compiled.Count | Should -BeGreaterThan 5
        $compiled | Should -Be (@(0) * $compiled.Count)

        $portable = Join-Path $work 'portable/ImageBackup'
        $null = New-Item -ItemType Directory (Split-Path $portable)
        Copy-Item (Split-Path $env:IMAGEBACKUP_MANIFEST) $portable -Recurse
        Get-ChildItem (Join-Path $portable 'net10.0') -Directory -Filter '*-*' | Remove-Item -Recurse
        $location, $compiled = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command $count -args (Join-Path $portable 'ImageBackup.psd1')
        Split-Path $location | Should -Be (Join-Path $portable 'net10.0')
        $compiled | Should -Be (@(1) * $compiled.Count)
    }

    It 'runs its netstandard2.0 build where the other is absent' -Tag 'net10.0' {
        $copy = Join-Path $work 'netstandard/ImageBackup'
        $null = New-Item -ItemType Directory $copy
        Get-ChildItem (Split-Path $env:IMAGEBACKUP_MANIFEST) -Exclude 'net10.0' | Copy-Item -Destination $copy -Recurse
        $volume = Join-Path $work 'netstandard.img'
        New-TestVolume $volume
        $output = & $pwsh[0] $pwsh[1..9] -NoProfile -NonInteractive -Command {
            param($manifest, $directory, $volume)
            $ErrorActionPreference = 'Stop'
            $env:RESTIC_PASSWORD = 'x7'
            Import-Module $manifest
            $repository = Initialize-ImageRepository "$directory/ns-repository"
            $image = Backup-VolumeImage $volume -Repository $repository -InformationAction Ignore
            $null = Restore-VolumeImage $image "$directory/ns-out.img" -Repository $repository -Confirm:$false
            (Get-Command Backup-VolumeImage).ImplementingType.Assembly.Location
        } -args (Join-Path $copy 'ImageBackup.psd1'), $work, $volume
        $output | Should -BeLike '*netstandard2.0*'
        (Get-FileHash (Join-Path $work 'ns-out.img')).Hash | Should -Be (Get-FileHash $volume).Hash
    }

    It 'takes passwords as SecureString only' {
        foreach ($command in Get-Command -Module ImageBackup -CommandType Cmdlet) {
            foreach ($parameter in $command.Parameters.Values | Where-Object Name -Match 'password$|secret') {
                $parameter.ParameterType | Should -Be ([securestring])
            }
        }
    }

    It 'knows -WhatIf for <_>' -ForEach 'Initialize-ImageRepository', 'Backup-VolumeImage', 'Restore-VolumeImage', 'Unlock-ImageRepository' {
        (Get-Command $_).Parameters.Keys | Should -Contain 'WhatIf'
    }
}

Describe 'The module''s files' {
    BeforeAll {
        $folder = Split-Path $env:IMAGEBACKUP_MANIFEST
        $data = Import-PowerShellDataFile $env:IMAGEBACKUP_MANIFEST
    }

    It 'are not listed in the manifest: PowerShell would look for each at every import' {
        $data.Keys | Should -Not -Contain 'FileList'
    }

    It 'lie in a folder named by the version' {
        Split-Path $folder -Leaf | Should -Be $data.ModuleVersion
        Split-Path (Split-Path $folder) -Leaf | Should -Be 'ImageBackup'
    }

    It 'have what a gallery asks for' {
        $data.PrivateData.PSData.Tags | Should -Contain 'PSEdition_Desktop'
        $data.PrivateData.PSData.Tags | Should -Contain 'PSEdition_Core'
        $data.PrivateData.PSData.LicenseUri | Should -Match '^https://'
        $data.PrivateData.PSData.ReleaseNotes | Should -Not -BeNullOrEmpty
        $data.PrivateData.PSData.Tags | Where-Object { $_ -match '\s' } | Should -BeNullOrEmpty
        $data.Description | Should -Not -BeNullOrEmpty
        $data.DscResourcesToExport | Should -Be 'ImageClass', 'ImageRepository', 'ImageRule'
    }

    It 'have machine code of the very assemblies that lie beside it' -Tag 'net10.0' {
        $id = {
            param($file)
            $stream = [IO.File]::OpenRead($file)
            try {
                $reader = [Reflection.Metadata.PEReaderExtensions]::GetMetadataReader(($image = [Reflection.PortableExecutable.PEReader]::new($stream)))
                $reader.GetGuid($reader.GetModuleDefinition().Mvid)
            }
            finally { $image.Dispose() }
        }
        # None at all is a module that was laid out so (CompileAheadFor).
        foreach ($system in Get-ChildItem (Join-Path $folder 'net10.0') -Directory -Filter '*-*') {
            (Get-ChildItem $system -Filter '*.dll').Name | Sort-Object | Should -Be 'ImageBackup.dll', 'ImageBackup.Engine.dll', 'ZstdNet.dll'
            foreach ($ahead in Get-ChildItem $system -Filter '*.dll') {
                & $id $ahead.FullName | Should -Be (& $id (Join-Path $folder 'net10.0' $ahead.Name)) -Because $ahead.FullName
            }
        }
    }

    It 'have symbols for every assembly of ours' {
        foreach ($assembly in Get-ChildItem $folder -Recurse -Filter 'ImageBackup*.dll') {
            [IO.Path]::ChangeExtension($assembly.FullName, '.pdb') | Should -Exist
        }
    }

    It 'hold no path of the machine that built them' {
        $root = Split-Path (Split-Path $PSScriptRoot)
        foreach ($assembly in Get-ChildItem $folder -Recurse -Filter 'ImageBackup*.dll') {
            [Text.Encoding]::Latin1.GetString([IO.File]::ReadAllBytes($assembly.FullName)).Contains($root) | Should -BeFalse -Because $assembly.FullName
        }
    }
}
