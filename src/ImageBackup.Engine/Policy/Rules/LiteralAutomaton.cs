using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// Finds which of many texts occur in a name, in one pass over the name (Aho and Corasick, "Efficient string matching",
/// 1975). Every text carries numbers. Built once, then read by any thread.
/// </summary>
internal sealed class LiteralAutomaton
{
    // Transitions by state and character in one table; a state's fall-back is the longest other beginning it ends with.
    private readonly Dictionary<(int State, char Character), int> _next = new();
    private readonly List<int> _fallback = new() { 0 };
    private readonly List<int> _parent = new() { 0 };
    private readonly List<char> _character = new() { '\0' };
    private readonly List<List<int>?> _numbers = new() { null };

    // The nearest state down the fall-backs that ends a text; 0: none.
    private readonly List<int> _ending = new() { 0 };

    public void Add(string text, int number)
    {
        var state = 0;
        foreach (var c in text)
        {
            if (!_next.TryGetValue((state, c), out var next))
            {
                next = _fallback.Count;
                _next.Add((state, c), next);
                _fallback.Add(0);
                _parent.Add(state);
                _character.Add(c);
                _numbers.Add(null);
                _ending.Add(0);
            }

            state = next;
        }

        (_numbers[state] ??= new List<int>()).Add(number);
    }

    /// <summary>Called once, after the last <see cref="Add"/>.</summary>
    public void Complete()
    {
        // In the order of their depth, so that what a state falls back to is complete before it.
        var depths = new int[_parent.Count];
        var order = new int[_parent.Count];
        for (var state = 1; state < order.Length; state++)
        {
            depths[state] = depths[_parent[state]] + 1;
            order[state] = state;
        }

        Array.Sort(depths, order);
        foreach (var state in order)
        {
            if (state == 0)
                continue;
            var fallback = _parent[state] == 0 ? 0 : Step(_fallback[_parent[state]], _character[state]);
            _fallback[state] = fallback;
            _ending[state] = _numbers[fallback] is not null ? fallback : _ending[fallback];
        }
    }

    /// <summary>The numbers of every text that occurs in the name, a list a text; each text once.</summary>
    public List<List<int>> FindIn(string name)
    {
        var found = new List<List<int>>();
        var seen = new HashSet<int>();
        var state = 0;
        foreach (var c in name)
        {
            state = Step(state, c);

            // What a state ends, it always ends: once it was met, all further down was met too.
            for (var ending = _numbers[state] is not null ? state : _ending[state]; ending != 0 && seen.Add(ending); ending = _ending[ending])
                found.Add(_numbers[ending]!);
        }

        return found;
    }

    private int Step(int state, char c)
    {
        while (true)
        {
            if (_next.TryGetValue((state, c), out var next))
                return next;
            if (state == 0)
                return 0;
            state = _fallback[state];
        }
    }
}
