using System.Collections.Generic;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>A statement of a rule file, and where it stands. <see cref="Line"/> counts from 1.</summary>
internal abstract record RuleStatement(string Path, int Line);

/// <summary><c>domain.image volume ...</c>: what is backed up when a command names no volume. Several add up.</summary>
internal sealed record DomainStatement(string Path, int Line, IReadOnlyList<VolumePattern> Volumes) : RuleStatement(Path, Line);

/// <summary>A client-wide option as its own statement: <c>imagetype static</c>. The last of several in a file counts.</summary>
internal sealed record ClientOptionStatement(string Path, int Line, string Name, ImageOptions Options) : RuleStatement(Path, Line);

/// <summary><c>inclexcl file</c>: the statements of another file, in the place of this one.</summary>
internal sealed record IncludedFileStatement(string Path, int Line, string File, RuleDocument Document) : RuleStatement(Path, Line);

/// <summary>A statement that is not ours, in an options file of TSM.</summary>
internal sealed record ForeignStatement(string Path, int Line, string Keyword) : RuleStatement(Path, Line);
