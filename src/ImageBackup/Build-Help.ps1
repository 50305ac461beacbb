<#
.SYNOPSIS
Makes en-US/ImageBackup.dll-Help.xml from the Markdown pages beside it, with platyPS. Run by build.ps1 -Task Help.

.DESCRIPTION
platyPS 1.0 reads the pages and writes the MAML. What it writes is then made fit for Get-Help: it leaves the Markdown fences of
examples in their text, marks ends of paragraphs with control characters, loses the paragraphs of descriptions, and links to
Markdown files.

With -Update the syntax and the metadata of every page are first brought up to date with the built module. A parameter that is
new to a page then has the text '{{ Fill ... Description }}', but for those that every page describes alike.
#>
[CmdletBinding()]
param(
    # The folder of the pages.
    [Parameter(Mandatory)]
    [string] $Folder,

    # The built module's manifest; needed for -Update.
    [string] $Manifest,

    [switch] $Update
)

$ErrorActionPreference = 'Stop'
$env:PSModulePath = $env:PSModulePath, (Join-Path (Split-Path $PSHOME) 'Modules') -join [IO.Path]::PathSeparator
Import-Module Microsoft.PowerShell.PlatyPS -MinimumVersion 1.0

$shared = @{
    Repository    = "The repository: its path, or the object that ``Connect-ImageRepository`` or ``Initialize-ImageRepository`` gives. Without it the`nsession's connected repository is used, and without one the path in the environment variable RESTIC_REPOSITORY."
    Password      = "The repository's password. Without it RESTIC_PASSWORD_COMMAND, RESTIC_PASSWORD_FILE and RESTIC_PASSWORD are looked at, in`nthis order. It is not needed if the repository is connected already."
    PasswordFile  = "A file that ``Export-ImageRepositoryPassword`` wrote. On Linux it must be its user's alone; on Windows only the user or computer that`nit was written for can read it."
    ThrottleLimit = 'The number of worker threads. By default there is one for each processor.'
    Confirm       = 'Prompts you for confirmation before running the cmdlet.'
    WhatIf        = 'Runs the command in a mode that only reports what would happen without performing the actions.'
}

function SaveText([string] $Path, [string] $Text) {
    [IO.File]::WriteAllText($Path, $Text.Replace("`r`n", "`n").TrimEnd("`n") + "`n", [Text.UTF8Encoding]::new($false))
}

# The paragraphs of a Markdown text; wrapped lines become one, lists and code keep theirs.
function SplitParagraph([string] $Text) {
    foreach ($paragraph in $Text.Trim() -split "\n\s*\n") {
        if ($paragraph -match '(?m)^\s*([-*|`]|\d+\.)\s' -or $paragraph.StartsWith('    ')) { $paragraph } else { $paragraph -replace "\s*\n\s*", ' ' }
    }
}

function SetParagraph([Xml.XmlElement] $Parent, [string[]] $Paragraphs) {
    $maml = 'http://schemas.microsoft.com/maml/2004/10'
    foreach ($old in @($Parent.ChildNodes)) { $null = $Parent.RemoveChild($old) }
    foreach ($paragraph in $Paragraphs) {
        $para = $Parent.OwnerDocument.CreateElement('maml', 'para', $maml)
        $para.InnerText = $paragraph
        $null = $Parent.AppendChild($para)
    }
}

$pages = @(Get-ChildItem (Join-Path $Folder '*-*.md'))
if ($Update) {
    Import-Module (Resolve-Path -LiteralPath $Manifest).Path -Force
    # platyPS adds what Get-Help says to what the page says: with the module's own help beside it, every text would stand twice.
    Get-ChildItem (Split-Path $Manifest) -Recurse -Filter '*-Help.xml' | Remove-Item
    $null = Update-MarkdownCommandHelp -Path $pages.FullName -NoBackup
    foreach ($page in $pages) {
        $text = [IO.File]::ReadAllText($page.FullName).Replace("`r`n", "`n")
        foreach ($name in $shared.Keys) { $text = $text.Replace("{{ Fill $name Description }}", $shared[$name]) }
        $text = $text -replace "(Prompts you for confirmation before running the cmdlet\.\n)(\n*\1)+", '$1'
        $text = $text -replace "(Runs the command in a mode that only reports what would happen without performing the actions\.\n)(\n*\1)+", '$1'
        $text = $text.Replace("### System.Object`n`n{{ Fill in the Description }}`n`n", '')
        # platyPS drops the common parameters of a syntax that it wraps.
        $text = [regex]::Replace($text, '(?s)(\n## SYNTAX\n.*?)(?=\n## )', {
            param($section)
            [regex]::Replace($section.Groups[1].Value, '(?s)```\n(.*?)\n```', {
                param($syntax)
                $line = $syntax.Groups[1].Value
                if ($line -like '*<CommonParameters>*') { $syntax.Value } else { "``````\n$line\n [<CommonParameters>]\n``````".Replace('\n', "`n") }
            })
        })
        $text = $text -replace '(?m)^ms\.date: .*$', 'ms.date: 11/22/2026'
        SaveText $page.FullName ($text -replace "\n{3,}", "`n`n")
    }
}

$built = Join-Path ([IO.Path]::GetTempPath()) "imagebackup-help-$([guid]::NewGuid())"
try {
    $null = Import-MarkdownCommandHelp -Path $pages.FullName | Export-MamlCommandHelp -OutputFolder $built -Force
    $xml = [xml]::new()
    $xml.Load((Get-ChildItem $built -Recurse -Filter '*-Help.xml').FullName)
}
finally {
    Remove-Item $built -Recurse -Force -ErrorAction Ignore
}

$names = [Xml.XmlNamespaceManager]::new($xml.NameTable)
$names.AddNamespace('command', 'http://schemas.microsoft.com/maml/dev/command/2004/10')
$names.AddNamespace('maml', 'http://schemas.microsoft.com/maml/2004/10')
$names.AddNamespace('dev', 'http://schemas.microsoft.com/maml/dev/2004/10')

foreach ($command in $xml.SelectNodes('//command:command', $names)) {
    $page = [IO.File]::ReadAllText((Join-Path $Folder "$($command.SelectSingleNode('command:details/command:name', $names).InnerText).md")).Replace("`r`n", "`n")
    SetParagraph $command.SelectSingleNode('maml:description', $names) (SplitParagraph ([regex]::Match($page, '(?s)\n## DESCRIPTION\n(.*?)\n## ').Groups[1].Value))

    foreach ($example in $command.SelectNodes('.//command:example', $names)) {
        $introduction = $example.SelectSingleNode('maml:introduction', $names)
        $text = ($introduction.SelectNodes('maml:para', $names) | ForEach-Object InnerText | Where-Object { $_ -ne "$([char]0x80)" }) -join "`n`n"
        $fence = [regex]::Match($text, '(?s)```powershell[^\n]*\n(.*?)\n```')
        $example.SelectSingleNode('dev:code', $names).InnerText = $fence.Groups[1].Value
        SetParagraph $example.SelectSingleNode('dev:remarks', $names) (SplitParagraph $text.Remove($fence.Index, $fence.Length))
        SetParagraph $introduction @()
        $title = $example.SelectSingleNode('maml:title', $names)
        $title.InnerText = $title.InnerText.Trim('-', ' ')
    }
    foreach ($para in $command.SelectNodes('command:parameters//maml:para | command:inputTypes//maml:para | command:returnValues//maml:para | maml:alertSet//maml:para', $names)) {
        $para.InnerText = (SplitParagraph $para.InnerText) -join "`n`n"
    }
    foreach ($link in $command.SelectNodes('.//maml:navigationLink', $names)) {
        $uri = $link.SelectSingleNode('maml:uri', $names)
        if ($uri.InnerText -like '*.md' -or $uri.InnerText -like '*.txt') { $uri.InnerText = '' }
        if ($link.SelectSingleNode('maml:linkText', $names).InnerText -eq 'Online Version') { $null = $link.ParentNode.RemoveChild($link) }
    }
}

$settings = [Xml.XmlWriterSettings]::new()
$settings.Indent = $true
$settings.IndentChars = '  '
$settings.NewLineChars = "`n"
$settings.Encoding = [Text.UTF8Encoding]::new($false)
$stream = [IO.MemoryStream]::new()
$writer = [Xml.XmlWriter]::Create($stream, $settings)
$xml.Save($writer)
$writer.Dispose()
SaveText (Join-Path $Folder 'ImageBackup.dll-Help.xml') ([Text.Encoding]::UTF8.GetString($stream.ToArray()))
"Help: $($pages.Count) pages."
