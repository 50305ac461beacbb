@{
    ExcludeRules = @(
        # dotnet's own words are positional.
        'PSAvoidUsingPositionalParameters'
        # It does not see that a function of the script uses a parameter of the script.
        'PSReviewUnusedParameter'
        # These two look for folders of a layout that is not this module's: tests/Pester/Dsc.Tests.ps1 and the help have them.
        'PSDSCDscExamplesPresent'
        'PSDSCDscTestsPresent'
    )
}
