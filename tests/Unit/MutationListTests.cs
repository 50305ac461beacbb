using System.IO;
using System.Linq;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit;

/// <summary>The list of safeguards speaks of the source as it is; <c>build.ps1 -Task Mutate</c> takes them out one by one.</summary>
public sealed class MutationListTests
{
    [Fact]
    public void Every_safeguard_on_the_list_stands_in_the_source_and_its_test_is_there()
    {
        var mutations = Mutation.Load(Path.Combine(SourceTree.Root, "tests", "Mutations", "mutations.txt"));
        Assert.True(mutations.Count >= 10);
        foreach (Mutation mutation in mutations)
        {
            string text = File.ReadAllText(Path.Combine(SourceTree.Root, mutation.File));
            Assert.NotEqual(text, mutation.Apply(text));
            int dot = mutation.Test.LastIndexOf('.');
            System.Type? type = typeof(MutationListTests).Assembly.GetType(mutation.Test[..dot]);
            Assert.True(type is not null && (mutation.Test.EndsWith(".*", System.StringComparison.Ordinal) || type.GetMethods().Any(m => m.Name == mutation.Test[(dot + 1)..])), mutation.Test);
        }
    }
}
