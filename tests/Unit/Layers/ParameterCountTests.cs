using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageBackup.Vss;
using Xunit;

namespace ImageBackup.Tests.Unit.Layers;

/// <summary>More parameters than six are an object that has no name yet.</summary>
public sealed class ParameterCountTests
{
    private const int Most = 6;

    /// <summary>The state of a cipher's or a hash's inner loop: an object of it would not stay in the processor's registers.</summary>
    private static readonly string[] s_innerLoops =
    [
        "Poly1305.Finish", "Poly1305.Step",
        "Sha256MultiBuffer.Round",
        "Poly1305Vectorized.Add", "Poly1305Vectorized.Join", "Poly1305Vectorized.Multiply",
    ];

    [Fact]
    public void No_method_has_more_than_six_parameters()
    {
        List<string> found = [.. Ours().SelectMany(Declared).Where(HasTooMany).Select(Name)];
        Assert.Equal([], found.Except(s_innerLoops).Order(StringComparer.Ordinal));
        // The list says nothing of methods that are gone.
        Assert.Equal([], s_innerLoops.Except(found));
    }

    [Fact]
    public void A_method_with_seven_is_found()
    {
        Assert.Equal(["Methods.Seven", "Methods..ctor"], Declared(typeof(Methods)).Where(HasTooMany).Select(Name));
        Assert.DoesNotContain(Declared(typeof(Facts)), HasTooMany);
    }

    private static IEnumerable<Type> Ours() => new[] { typeof(ErrorId).Assembly, typeof(ImageBackup.Commands.GetImageBackupCommand).Assembly, typeof(VssSnapshotProvider).Assembly }
        .SelectMany(assembly => assembly.GetTypes())
        .Where(type => type.GetCustomAttribute<CompilerGeneratedAttribute>() is null && type.Namespace?.StartsWith("ImageBackup", StringComparison.Ordinal) == true);

    private static IEnumerable<MethodBase> Declared(Type type)
    {
        const BindingFlags all = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        return ((IEnumerable<MethodBase>)type.GetMethods(all)).Concat(type.GetConstructors(all));
    }

    private static bool HasTooMany(MethodBase method) => method.GetParameters().Length > Most && !IsForeign(method) && !IsOfPlainData(method) && !IsCompilers(method);

    /// <summary>Windows and VSS decided on it.</summary>
    private static bool IsForeign(MethodBase method) =>
        method.Attributes.HasFlag(MethodAttributes.PinvokeImpl) || method.GetCustomAttribute<LibraryImportAttribute>() is not null
        || method.DeclaringType!.GetCustomAttribute<GuidAttribute>() is not null;

    /// <summary>A record's parameters are its members.</summary>
    private static bool IsOfPlainData(MethodBase method) =>
        method.DeclaringType!.GetMethod("PrintMembers", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public) is not null
        && method.Name is ".ctor" or "Deconstruct";

    private static bool IsCompilers(MethodBase method) => method.Name.Contains('|', StringComparison.Ordinal) && method.Name.Contains("__PInvoke", StringComparison.Ordinal);

    private static string Name(MethodBase method) => $"{method.DeclaringType!.Name}.{method.Name}";

    private sealed record Facts(int A, int B, int C, int D, int E, int F, int G);

    private sealed class Methods
    {
        public Methods(int a, int b, int c, int d, int e, int f, int g) => Seven(a, b, c, d, e, f, g);

        public static int Seven(int a, int b, int c, int d, int e, int f, int g) => Six(a, b, c, d, e, f) + g;

        public static int Six(int a, int b, int c, int d, int e, int f) => a + b + c + d + e + f;
    }
}
