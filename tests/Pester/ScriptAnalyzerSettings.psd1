@{
    ExcludeRules = @(
        # dotnet's own words are positional.
        'PSAvoidUsingPositionalParameters'
        # These two look for folders of a layout that is not this module's: tests/Pester/Dsc.Tests.ps1 and the help have them.
        'PSDSCDscExamplesPresent'
        'PSDSCDscTestsPresent'
    )
}
