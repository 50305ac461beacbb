# DSC resources for the rules, the classes and a repository: thin classes over the module's cmdlets. PowerShell DSC takes
# them from here; imagebackup.dsc.ps1 and the *.dsc.resource.json beside it give them to DSC 3.

# The cmdlets come from the module that this file is nested in; alone (using module), it imports that module itself.
$manifest = [System.IO.Path]::Combine($PSScriptRoot, 'ImageBackup.psd1')

function ImportCmdlet {
    if (-not (Microsoft.PowerShell.Core\Get-Command -Name Set-IncludeImage -ErrorAction Ignore)) {
        Microsoft.PowerShell.Core\Import-Module -Name $script:manifest -Global
    }
}

# Whether what is wanted is what is there; what is not wanted in any way is.
function TestWanted($wanted, $actual, [string[]] $names) {
    foreach ($name in $names) {
        if (-not [string]::IsNullOrEmpty($wanted.$name) -and "$($wanted.$name)" -ne "$($actual.$name)") { return $false }
    }
    $true
}

# The parameters that a resource names, for a cmdlet.
function SelectNamed($resource, [string[]] $names) {
    $named = @{}
    foreach ($name in $names) {
        if (-not [string]::IsNullOrEmpty($resource.$name)) { $named[$name] = $resource.$name }
    }
    $named
}

# One rule of the list: that a pattern is included, with these options, or excluded, or has no rule.
[DscResource()]
class ImageRule {
    # The pattern, as it stands in the list.
    [DscProperty(Key)]
    [string] $Volume

    # The list; by default the machine's.
    [DscProperty()]
    [string] $RulePath

    [DscProperty()]
    [ValidateSet('Present', 'Absent')]
    [string] $Ensure = 'Present'

    [DscProperty()]
    [ValidateSet('Include', 'Exclude')]
    [string] $Kind = 'Include'

    [DscProperty()]
    [string] $ManagementClass

    [DscProperty()]
    [string] $ImageType

    [DscProperty()]
    [string] $GapSize

    # Where the class is looked up; by default the machine's classes.
    [DscProperty()]
    [string] $ClassPath

    hidden [object] Find() {
        ImportCmdlet
        $where = SelectNamed $this @('RulePath', 'ClassPath')
        # A list that is not there yet holds no rule.
        if ($this.RulePath -and -not [System.IO.File]::Exists($this.RulePath)) { return $null }
        foreach ($rule in Get-IncludeImage @where -ErrorAction Stop) {
            if (-not $rule.Enforced -and $rule.Volume -eq $this.Volume) { return $rule }
        }
        return $null
    }

    [ImageRule] Get() {
        $state = [ImageRule]::new()
        $state.Volume = $this.Volume
        $state.RulePath = $this.RulePath
        $state.ClassPath = $this.ClassPath
        $rule = $this.Find()
        $state.Ensure = if ($null -eq $rule) { 'Absent' } else { 'Present' }
        if ($null -ne $rule) {
            $state.Kind = "$($rule.Kind)"
            $state.ManagementClass = $rule.ManagementClass
            $state.ImageType = "$($rule.ImageType)"
            $state.GapSize = $rule.GapSize
        }
        return $state
    }

    [bool] Test() {
        $state = $this.Get()
        if ($state.Ensure -ne $this.Ensure) { return $false }
        return $this.Ensure -eq 'Absent' -or (TestWanted $this $state @('Kind', 'ManagementClass', 'ImageType', 'GapSize'))
    }

    [void] Set() {
        ImportCmdlet
        $where = SelectNamed $this @('RulePath', 'ClassPath')
        if ($this.Ensure -eq 'Absent') {
            if ($null -ne $this.Find()) { Remove-IncludeImage -Volume $this.Volume @where -Confirm:$false -ErrorAction Stop }
        }
        elseif ($this.Kind -eq 'Exclude') {
            Set-ExcludeImage -Volume $this.Volume @where -Confirm:$false -ErrorAction Stop
        }
        else {
            $options = SelectNamed $this @('ManagementClass', 'ImageType', 'GapSize')
            Set-IncludeImage -Volume $this.Volume @where @options -Confirm:$false -ErrorAction Stop
        }
    }
}

# One management class.
[DscResource()]
class ImageClass {
    [DscProperty(Key)]
    [string] $Name

    # The file of classes; by default the machine's.
    [DscProperty()]
    [string] $ClassPath

    [DscProperty()]
    [ValidateSet('Present', 'Absent')]
    [string] $Ensure = 'Present'

    [DscProperty()]
    [string] $Description

    # Numbers, or NoLimit.
    [DscProperty()]
    [string] $VersionsExist

    [DscProperty()]
    [string] $VersionsDeleted

    [DscProperty()]
    [string] $RetainExtra

    [DscProperty()]
    [string] $RetainOnly

    [DscProperty()]
    [string] $ImageType

    [DscProperty()]
    [string] $GapSize

    hidden [object] Find() {
        ImportCmdlet
        $where = SelectNamed $this @('ClassPath')
        # A file that is not there yet holds no class.
        if ($this.ClassPath -and -not [System.IO.File]::Exists($this.ClassPath)) { return $null }
        foreach ($class in Get-ManagementClass @where -ErrorAction Stop) {
            if (-not $class.Enforced -and $class.Name -eq $this.Name -and $class.ClassPath) { return $class }
        }
        return $null
    }

    [ImageClass] Get() {
        $state = [ImageClass]::new()
        $state.Name = $this.Name
        $state.ClassPath = $this.ClassPath
        $class = $this.Find()
        $state.Ensure = if ($null -eq $class) { 'Absent' } else { 'Present' }
        if ($null -ne $class) {
            foreach ($name in 'Description', 'VersionsExist', 'VersionsDeleted', 'RetainExtra', 'RetainOnly', 'ImageType', 'GapSize') {
                $state.$name = "$($class.$name)"
            }
        }
        return $state
    }

    [bool] Test() {
        $state = $this.Get()
        if ($state.Ensure -ne $this.Ensure) { return $false }
        return $this.Ensure -eq 'Absent' -or (TestWanted $this $state @(
                'Description', 'VersionsExist', 'VersionsDeleted', 'RetainExtra', 'RetainOnly', 'ImageType', 'GapSize'))
    }

    [void] Set() {
        ImportCmdlet
        $where = SelectNamed $this @('ClassPath')
        if ($this.Ensure -eq 'Absent') {
            if ($null -ne $this.Find()) { Remove-ManagementClass -Name $this.Name @where -Confirm:$false -ErrorAction Stop }
            return
        }
        $values = SelectNamed $this @('Description', 'VersionsExist', 'VersionsDeleted', 'RetainExtra', 'RetainOnly', 'ImageType', 'GapSize')
        Set-ManagementClass -Name $this.Name @where @values -Confirm:$false -ErrorAction Stop
    }
}

# That a repository is there and that the machine's password file opens it. A repository is never removed by this.
[DscResource()]
class ImageRepository {
    [DscProperty(Key)]
    [string] $Path

    # A file of Export-ImageRepositoryPassword's that the account which applies the configuration can read.
    [DscProperty(Mandatory)]
    [string] $PasswordFile

    # Present: created where it is not there. Reachable: it must be there.
    [DscProperty()]
    [ValidateSet('Present', 'Reachable')]
    [string] $Ensure = 'Present'

    [DscProperty(NotConfigurable)]
    [string] $Id

    [DscProperty(NotConfigurable)]
    [bool] $Exists

    [ImageRepository] Get() {
        ImportCmdlet
        $state = [ImageRepository]::new()
        $state.Path = $this.Path
        $state.PasswordFile = $this.PasswordFile
        $state.Ensure = $this.Ensure
        try {
            $connection = Connect-ImageRepository -Repository $this.Path -PasswordFile $this.PasswordFile -ErrorAction Stop
            $state.Id = $connection.Id
            $state.Exists = $true
            Disconnect-ImageRepository -Repository $connection
        }
        catch {
            # No repository is a state; a wrong password or a locked door is a failure.
            if ($_.FullyQualifiedErrorId -notlike 'RepositoryNotFound*') { throw }
        }
        return $state
    }

    [bool] Test() {
        return $this.Get().Exists
    }

    [void] Set() {
        if ($this.Test()) { return }
        if ($this.Ensure -eq 'Reachable') { throw "There is no repository at '$($this.Path)'." }
        Disconnect-ImageRepository -Repository (
            Initialize-ImageRepository -Repository $this.Path -PasswordFile $this.PasswordFile -Confirm:$false -ErrorAction Stop)
    }
}

# Only the classes are for others.
Microsoft.PowerShell.Core\Export-ModuleMember -Function @()
