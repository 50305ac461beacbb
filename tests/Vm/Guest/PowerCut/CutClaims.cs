using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>What had been promised when the power went: the marks before that point.</summary>
internal sealed class CutClaims
{
    private readonly Dictionary<string, string> _images = [];
    private readonly HashSet<string> _passwords = [];

    /// <summary>The repository was reported to be there.</summary>
    public bool IsCreated { get; private set; }

    /// <summary>Images that were reported and whose removal had not begun, with the volume's state.</summary>
    public IReadOnlyDictionary<string, string> Images => _images;

    /// <summary>Images whose removal was reported.</summary>
    public List<string> Removed { get; } = [];

    /// <summary>Passwords that open, and whose removal had not begun.</summary>
    public IReadOnlyCollection<string> Passwords => _passwords;

    /// <summary>Passwords whose removal was reported.</summary>
    public List<string> RemovedPasswords { get; } = [];

    /// <summary>From without; until the repair was reported it is not promised that all is whole without one.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>The last mark.</summary>
    public string Phase { get; private set; } = "nothing";

    public static CutClaims At(IReadOnlyList<LoggedWrite> log, int count)
    {
        var claims = new CutClaims();
        foreach (LoggedWrite entry in log.Take(count).Where(e => e.Mark is not null))
            claims.Take(entry.Mark!.Split(':'));
        return claims;
    }

    private void Take(string[] mark)
    {
        Phase = mark[0];
        switch (mark)
        {
            case ["created"]:
                IsCreated = true;
                _passwords.Add(CutWork.First);
                break;
            case ["image", var id, var state]:
                _images[id] = state;
                break;
            case ["removing", var id]:
                _images.Remove(id);
                break;
            case ["removed", var id]:
                Removed.Add(id);
                break;
            case ["key", var password]:
                _passwords.Add(password);
                break;
            case ["unkeying", var password]:
                _passwords.Remove(password);
                break;
            case ["unkeyed", var password]:
                RemovedPasswords.Add(password);
                break;
            case ["damaging"]:
                IsDamaged = true;
                break;
            case ["repaired"]:
                IsDamaged = false;
                break;
        }
    }
}
