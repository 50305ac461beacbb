using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup;

/// <summary>
/// Which device (or file) stood behind a name at one moment: what the system can be asked again of the opened handle. A name is
/// given to another device at any time; this tells whether it was, between the look and the opening.
/// </summary>
/// <remarks>Holds for this boot only. The identity of a volume, on any computer and at any time, is <see cref="VolumeIdentity"/>.</remarks>
internal sealed class DeviceInstance
{
    private readonly IReadOnlyList<(string Fact, string Value)> _facts;

    private DeviceInstance(IReadOnlyList<(string Fact, string Value)> facts) => _facts = facts;

    /// <param name="facts">The question and the answer; null: no answer.</param>
    internal static DeviceInstance Of(params (string Fact, string? Value)[] facts) =>
        new([.. facts.Where(fact => !string.IsNullOrEmpty(fact.Value)).Select(fact => (fact.Fact, fact.Value!))]);

    /// <summary>The first fact that both know and that differs, as a clause; null: none does.</summary>
    public string? DifferenceFrom(DeviceInstance opened)
    {
        if (opened is null)
            throw new ArgumentNullException(nameof(opened));
        foreach ((string fact, string value) in _facts)
        {
            string? other = opened._facts.FirstOrDefault(candidate => candidate.Fact == fact).Value;
            if (other is not null && other != value)
                return $"its {fact} was {value} and is {other}";
        }
        return null;
    }

    public override string ToString() => string.Join(", ", _facts.Select(fact => $"{fact.Fact} {fact.Value}"));
}
