using System;
using System.Management.Automation.Provider;
using ImageBackup.Pipeline;

namespace ImageBackup.Drive;

/// <summary>Get-Content.</summary>
public sealed partial class ImageBackupProvider
{
    public object GetContentReaderDynamicParameters(string path) => new ContentParameters();

    /// <summary>Null after an error that was written.</summary>
    public IContentReader GetContentReader(string path)
    {
        IContentReader? reader = null;
        var parameters = DynamicParameters as ContentParameters;
        Attempt(path, place =>
        {
            if (parameters is { Raw.IsPresent: true, Delimiter: not null })
                throw new ImageBackupException(ErrorId.ParameterInvalid, "-Raw and -Delimiter were both given: name one of them.", path);
            reader = new ImageContentReader(path, place.Browsed.Tree.OpenContent(place.Names, parameters?.Stream, StopToken), parameters, StopToken);
        });
        return reader!;
    }
}
