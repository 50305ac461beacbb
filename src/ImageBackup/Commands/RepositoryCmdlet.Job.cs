using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Storage;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>The part of -AsJob that commands share.</summary>
public abstract partial class RepositoryCmdlet
{
    /// <summary>Parameters that are answered here and mean nothing to the command in the job.</summary>
    private static readonly string[] s_answered = ["AsJob", "Repository", "Path", "Password", "PasswordFile", "WhatIf", "Confirm"];

    /// <summary>What the user gave, without what the job's command gets otherwise.</summary>
    /// <param name="without">Names that the caller gives in another way.</param>
    private protected Dictionary<string, object?> ParametersForJob(ImageRepository repository, params string[] without)
    {
        var parameters = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        foreach (KeyValuePair<string, object> bound in MyInvocation.BoundParameters)
        {
            if (!s_answered.Contains(bound.Key) && !without.Contains(bound.Key))
                parameters.Add(bound.Key, bound.Value);
        }
        // Open already: the job needs no password. The questions were asked here.
        parameters["Repository"] = new RepositoryConnection(repository);
        parameters["Confirm"] = false;
        return parameters;
    }

    /// <summary>Starts the job, puts it among the session's, and gives it out. It closes what this command opened.</summary>
    private protected void StartJob(IReadOnlyList<JobStep> steps)
    {
        var opened = _opened.Values.ToList();
        _opened.Clear();
        var job = new ImageBackupJob(StorageRegistry.WithoutPasswords(MyInvocation.Line.Trim()), steps, () => opened.ForEach(c => c.Dispose()));
        JobRepository.Add(job);
        job.Start();
        WriteObject(job);
    }
}
