namespace Parametrize.CSharp.State;

/// <summary>Files that are complete or not there.</summary>
internal static class WholeFile
{
    /// <summary>Writes a file beside the one at the path, and puts it in its place when it is complete.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var link = new FileInfo(path);
        var target = link.LinkTarget is null
            ? link.FullName
            : link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        var temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                // Else the new name could outlive a power failure and the data not.
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
            throw;
        }
    }

    /// <summary>A file that is gone when it is closed.</summary>
    public static FileStream Temporary() =>
        new(
            Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.tmp"),
            new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                Options = FileOptions.DeleteOnClose,
            }
        );
}
