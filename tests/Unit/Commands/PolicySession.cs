using System;
using System.IO;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>A session whose commands use a rule list and classes of their own, never the machine's.</summary>
internal sealed class PolicySession : IDisposable
{
    public PolicySession(RepositoryFixture fixture, bool connect = false)
    {
        string name = Guid.NewGuid().ToString("N");
        RulePath = fixture.PathOf(name + ".rules");
        ClassPath = fixture.PathOf(name + ".json");
        File.WriteAllText(RulePath, "");
        File.WriteAllText(ClassPath, "{\"version\":1,\"classes\":[]}");
        Shell = fixture.NewSession();
        Shell.Set("rules", RulePath);
        Shell.Set("classes", ClassPath);
        Shell.Run("$global:PSDefaultParameterValues = @{ '*:RulePath' = $rules; '*:ClassPath' = $classes }").WithoutErrors();
        if (connect)
            Shell.Run("$null = Connect-ImageRepository $repository -Password $password").WithoutErrors();
    }

    public ShellSession Shell { get; }
    public string RulePath { get; }
    public string ClassPath { get; }

    public string Rules
    {
        get => File.ReadAllText(RulePath);
        set => File.WriteAllText(RulePath, value);
    }

    public ShellResult Run(string script, params (string Name, object? Value)[] variables) => Shell.Run(script, variables);

    public void Dispose() => Shell.Dispose();
}
