# Loads the build of the cmdlets that fits the running PowerShell. A manifest cannot do this: its restricted
# language does not see the .NET version. Only commands of Microsoft.PowerShell.Core are used, so that the module
# also imports where the engine runs without its utility modules (the Host, rescue media).

$net10 = [System.IO.Path]::Combine($PSScriptRoot, 'net10.0')

if ($PSVersionTable.PSEdition -eq 'Desktop') {
    $netstandard = [System.IO.Path]::Combine($PSScriptRoot, 'netstandard2.0')
    # Windows PowerShell: the assembly itself resolves its dependencies (ModuleAssemblyResolver).
    $assembly = [System.Reflection.Assembly]::LoadFrom([System.IO.Path]::Combine($netstandard, 'ImageBackup.dll'))
}
elseif ([System.Environment]::Version.Major -ge 10 -and [System.IO.Directory]::Exists($net10)) {
    # A loader of another version of this module may be there already: one default context holds one of them. Each expression of a
    # script is compiled when it first runs, so there are few.
    if ($null -eq ('ImageBackup.Loader.ModuleLoader' -as [type])) {
        $null = [System.Reflection.Assembly]::LoadFrom([System.IO.Path]::Combine($net10, 'ImageBackup.Loader.dll'))
    }
    $assembly = [ImageBackup.Loader.ModuleLoader]::Load($net10)
}
else {
    $netstandard = [System.IO.Path]::Combine($PSScriptRoot, 'netstandard2.0')
    # PowerShell 7 on an older .NET. The host's own versions of the framework's assemblies serve where they are new
    # enough; the rest lies in a context of ours, filled beforehand because a script cannot answer its events.
    $contextName = "ImageBackup $netstandard"
    $context = $null
    foreach ($candidate in [System.Runtime.Loader.AssemblyLoadContext]::All) {
        if ($candidate.Name -eq $contextName) { $context = $candidate }
    }
    if ($null -eq $context) {
        $context = [System.Runtime.Loader.AssemblyLoadContext]::new($contextName)
        foreach ($file in [System.IO.Directory]::GetFiles($netstandard, '*.dll')) {
            $name = [System.Reflection.AssemblyName]::GetAssemblyName($file)
            # A storage's SDK comes when a repository there is opened (StorageDriver).
            if ($name.Name -match '^(ImageBackup\.Storage\.|AWSSDK\.|Azure\.|Apache\.Arrow$|Microsoft\.(Extensions|Identity|IdentityModel)\.|System\.(ClientModel|IO\.Hashing|Memory\.Data)$)') { continue }
            $isPresent = $false
            if ($name.Name -match '^(System|Microsoft)\.') {
                try { $isPresent = $null -ne [System.Reflection.Assembly]::Load($name) } catch { $isPresent = $false }
            }
            if (-not $isPresent) { $null = $context.LoadFromAssemblyPath($file) }
        }
    }
    $assembly = $null
    foreach ($candidate in $context.Assemblies) {
        if ($candidate.GetName().Name -eq 'ImageBackup') { $assembly = $candidate }
    }
}

# PowerShell keeps a module that was imported from an assembly when the module around it goes, and then gives the
# next import its record without its cmdlets (PowerShell issue 20710): so it goes with us.
$inner = Microsoft.PowerShell.Core\Import-Module -Assembly $assembly -PassThru
$ExecutionContext.SessionState.Module.OnRemove = {
    Microsoft.PowerShell.Core\Remove-Module -ModuleInfo $inner -Force -ErrorAction Ignore
}
