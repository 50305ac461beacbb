# DSC resources for the rules, the classes and a repository: thin classes over the module's cmdlets. PowerShell DSC takes
# them from here; imagebackup.dsc.ps1 and the *.dsc.resource.json beside it give them to DSC 3.

# The cmdlets come from the module that this file is nested in; alone (using module), it imports that module itself.
$manifest = [System.IO.Path]::Combine($PSScriptRoot, 'ImageBackup.psd1')

function ImportCmdlet {
    if (-not (Microsoft.PowerShell.Core\Get-Command -Name Set-IncludeImage -ErrorAction Ignore)) {
        Microsoft.PowerShell.Core\Import-Module -Name $script:manifest -Global
    }
}

# What Set-IncludeImage and Set-ManagementClass take, by name.
$ruleOptions = 'ImageType', 'GapSize', 'ChunkSize', 'Compression', 'SnapshotBackupType', 'SnapshotProvider', 'SnapshotCacheSize', 'SnapshotCacheLocation', 'IdleWait', 'IdleRetries', 'PreSnapshotCommand',
    'PostSnapshotCommand', 'Serialization', 'ChangingRetries'
$classValues = 'Description', 'VersionsExist', 'VersionsDeleted', 'RetainExtra', 'RetainOnly', 'KeepLast', 'KeepDaily', 'KeepWeekly', 'KeepMonthly',
    'KeepYearly', 'KeepWithin', 'KeepTags', 'Frequency', 'Serialization', 'ChangingRetries', 'ImageType', 'GapSize', 'ChunkSize', 'Compression', 'SnapshotBackupType'

# Whether what is wanted is what is there; what is not wanted in any way is. A list is equal if its elements are.
function TestWanted($wanted, $actual, [string[]] $names) {
    foreach ($name in $names) {
        if (-not [string]::IsNullOrEmpty($wanted.$name) -and ($wanted.$name -join ';') -ne ($actual.$name -join ';')) { return $false }
    }
    $true
}

# The options of a rule as Set-IncludeImage takes them.
function SelectOption($rule) {
    $options = @{}
    foreach ($name in $script:ruleOptions) {
        $value = $rule.$name
        if ($value -is [timespan]) {
            $value = if ($value.Milliseconds) { "$($value.TotalMilliseconds)ms" } else { "$($value.TotalSeconds)" }
        }
        $options[$name] = "$value"
    }
    $options
}

# What a command makes of values in a file of its own: 64 becomes 64k, and so it is compared. The file is gone afterwards.
function MeasureWanted([scriptblock] $Command) {
    $file = [System.IO.Path]::Combine([System.IO.Path]::GetTempPath(), "imagebackup-dsc-$([guid]::NewGuid())")
    try { & $Command $file }
    finally { [System.IO.File]::Delete($file) }
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

    # A power of two from 64k to 4m.
    [DscProperty()]
    [string] $ChunkSize

    # Off, Fastest, Auto, Better or Max.
    [DscProperty()]
    [string] $Compression

    # Copy or Full.
    [DscProperty()]
    [string] $SnapshotBackupType

    [DscProperty()]
    [string] $SnapshotProvider

    # Percent of the volume.
    [DscProperty()]
    [string] $SnapshotCacheSize

    [DscProperty()]
    [string] $SnapshotCacheLocation

    # Seconds, or with ms milliseconds.
    [DscProperty()]
    [string] $IdleWait

    [DscProperty()]
    [string] $IdleRetries

    [DscProperty()]
    [string] $PreSnapshotCommand

    [DscProperty()]
    [string] $PostSnapshotCommand

    [DscProperty()]
    [string] $Serialization

    [DscProperty()]
    [string] $ChangingRetries

    # The place in the order of evaluation, from 1; of this and the next two at most one.
    [DscProperty()]
    [string] $Index

    # Evaluated directly before the rule of this pattern.
    [DscProperty()]
    [string] $Before

    # Evaluated directly after the rule of this pattern.
    [DscProperty()]
    [string] $After

    # Where the class is looked up; by default the machine's classes.
    [DscProperty()]
    [string] $ClassPath

    # The rules of the list itself, in the order of evaluation: neither the repository's nor those of files that it includes.
    hidden [object[]] List() {
        ImportCmdlet
        $where = SelectNamed $this @('RulePath', 'ClassPath')
        # A list that is not there yet holds no rule.
        if ($this.RulePath -and -not [System.IO.File]::Exists($this.RulePath)) { return @() }
        $rules = @(Get-IncludeImage @where -ErrorAction Stop | Where-Object Enforced -EQ $false)
        $own = @($rules | Where-Object { $this.IsSame($_.Volume) }) + $rules | Select-Object -First 1
        return @($rules | Where-Object { $_.RulePath -eq $own.RulePath })
    }

    # Windows' names are compared without case, and a separator at the end means nothing.
    hidden [bool] IsSame([string] $pattern) {
        $one, $other = $pattern, $this.Volume | ForEach-Object { if ($_.Length -gt 1) { $_.TrimEnd('/', '\') } else { $_ } }
        if ([System.IO.Path]::DirectorySeparatorChar -eq '\') { return $one -ieq $other }
        return $one -ceq $other
    }

    hidden [int] Place([object[]] $rules, [string] $pattern) {
        for ($i = 0; $i -lt $rules.Count; $i++) {
            if ($rules[$i].Volume -ceq $pattern) { return $i }
        }
        return -1
    }

    hidden [hashtable] Wanted() {
        $options = SelectNamed $this $script:ruleOptions
        if ($options.Count -eq 0) { return @{} }
        return MeasureWanted {
            param($file)
            SelectOption (Set-IncludeImage -Volume $this.Volume -RulePath $file @options -PassThru -Confirm:$false -ErrorAction Stop)
        }
    }

    [ImageRule] Get() {
        $state = [ImageRule]::new()
        $state.Volume = $this.Volume
        $state.RulePath = $this.RulePath
        $state.ClassPath = $this.ClassPath
        $rules = $this.List()
        $rule = $rules | Where-Object { $this.IsSame($_.Volume) } | Select-Object -First 1
        $state.Ensure = if ($null -eq $rule) { 'Absent' } else { 'Present' }
        if ($null -ne $rule) {
            $state.Kind = "$($rule.Kind)"
            $state.ManagementClass = $rule.ManagementClass
            $options = SelectOption $rule
            foreach ($name in $script:ruleOptions) { $state.$name = $options[$name] }
            # Set takes one position: the one that was asked for, if it holds, else the number.
            $place = $this.Place($rules, $rule.Volume)
            if ($this.Before -and $place -eq $this.Place($rules, $this.Before) - 1) { $state.Before = $this.Before }
            elseif ($this.After -and $place -gt 0 -and $rules[$place - 1].Volume -ceq $this.After) { $state.After = $this.After }
            # A number beyond the end means the last.
            elseif ($this.Index -and [int]$this.Index -gt $rules.Count -and $place -eq $rules.Count - 1) { $state.Index = $this.Index }
            else { $state.Index = "$($place + 1)" }
        }
        return $state
    }

    [bool] Test() {
        $state = $this.Get()
        if ($state.Ensure -ne $this.Ensure) { return $false }
        if ($this.Ensure -eq 'Absent') { return $true }
        if (-not (TestWanted $this $state @('Kind', 'ManagementClass', 'Index', 'Before', 'After'))) { return $false }
        return $this.Kind -eq 'Exclude' -or (TestWanted $this.Wanted() $state $script:ruleOptions)
    }

    [void] Set() {
        ImportCmdlet
        # Nothing is written if all is as it should be.
        if ($this.Test()) { return }
        $where = SelectNamed $this @('RulePath', 'ClassPath')
        if ($this.Ensure -eq 'Absent') {
            $rule = $this.List() | Where-Object { $this.IsSame($_.Volume) } | Select-Object -First 1
            if ($null -ne $rule) { Remove-IncludeImage -Volume $rule.Volume @where -Confirm:$false -ErrorAction Stop }
            return
        }
        $position = SelectNamed $this @('Index', 'Before', 'After')
        if ($this.Kind -eq 'Exclude') {
            Set-ExcludeImage -Volume $this.Volume @where @position -Confirm:$false -ErrorAction Stop
        }
        else {
            $options = SelectNamed $this (@('ManagementClass') + $script:ruleOptions)
            Set-IncludeImage -Volume $this.Volume @where @options @position -Confirm:$false -ErrorAction Stop
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

    # restic's rules: numbers, or NoLimit; 0: not used.
    [DscProperty()]
    [string] $KeepLast

    [DscProperty()]
    [string] $KeepDaily

    [DscProperty()]
    [string] $KeepWeekly

    [DscProperty()]
    [string] $KeepMonthly

    [DscProperty()]
    [string] $KeepYearly

    # Such as 1y6m14d12h.
    [DscProperty()]
    [string] $KeepWithin

    [DscProperty()]
    [string[]] $KeepTags

    # Days.
    [DscProperty()]
    [string] $Frequency

    [DscProperty()]
    [string] $Serialization

    [DscProperty()]
    [string] $ChangingRetries

    [DscProperty()]
    [string] $ImageType

    [DscProperty()]
    [string] $GapSize

    # A power of two from 64k to 4m.
    [DscProperty()]
    [string] $ChunkSize

    # Off, Fastest, Auto, Better or Max.
    [DscProperty()]
    [string] $Compression

    # Copy or Full.
    [DscProperty()]
    [string] $SnapshotBackupType

    # True: what applies if no rule names a class. False says nothing.
    [DscProperty()]
    [bool] $Default

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
            foreach ($name in $script:classValues) {
                $state.$name = if ($name -eq 'KeepTags') { [string[]]@($class.KeepTags) } else { "$($class.$name)" }
            }
            $state.Default = $class.IsDefault
        }
        return $state
    }

    [bool] Test() {
        $state = $this.Get()
        if ($state.Ensure -ne $this.Ensure) { return $false }
        if ($this.Ensure -eq 'Absent') { return $true }
        if ($this.Default -and -not $state.Default) { return $false }
        $values = SelectNamed $this $script:classValues
        if ($values.Count -eq 0) { return $true }
        $wanted = MeasureWanted {
            param($file)
            Set-ManagementClass -Name $this.Name -ClassPath $file @values -PassThru -Confirm:$false -ErrorAction Stop
        }
        # A rule that is taken out by 0 is not there.
        foreach ($name in $values.Keys) {
            if (($wanted.$name -join ';') -ne ($state.$name -join ';')) { return $false }
        }
        return $true
    }

    [void] Set() {
        ImportCmdlet
        $where = SelectNamed $this @('ClassPath')
        if ($this.Ensure -eq 'Absent') {
            if ($null -ne $this.Find()) { Remove-ManagementClass -Name $this.Name @where -Confirm:$false -ErrorAction Stop }
            return
        }
        # Nothing is written if all is as it should be.
        if ($this.Test()) { return }
        $values = SelectNamed $this $script:classValues
        if ($this.Default) { $values.Default = $true }
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
