using System.Runtime.Versioning;

namespace Parametrize.CSharp.State;

/// <summary>Writes files so that they are either complete or not there.</summary>
internal static class WholeFile
{
    private const string Suffix = ".parametrize.tmp";
    private const UnixFileMode Writing = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Writes a file beside the one at the path, and puts it in its place when it is complete.</summary>
    /// <exception cref="IOException">The file cannot be written; an older one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The older file may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var target = TargetOf(path);
        if (target.Directory is { Exists: false } folder)
            throw new DirectoryNotFoundException(
                $"{target.FullName} cannot be written: there is no folder {folder.FullName}."
            );
        RequireReplaceable(target);
        DeleteLeftOver(target.DirectoryName!);
        using var stream = CreateBeside(target);
        try
        {
            write(stream);
            KeepMode(target, stream);
            // Otherwise a power failure could keep the new name, but lose the data.
            stream.Flush(flushToDisk: true);
            // On other systems the lock shows other processes, until the end, that the file is in use.
            if (OperatingSystem.IsWindows())
                stream.Dispose();
            File.Move(stream.Name, target.FullName, overwrite: true);
        }
        catch
        {
            stream.Dispose();
            File.Delete(stream.Name);
            throw;
        }
    }

    /// <summary>A temporary file that is deleted when it is closed.</summary>
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

    /// <summary>The file to which a link leads. The link itself stays.</summary>
    private static FileInfo TargetOf(string path)
    {
        var link = new FileInfo(path);
        return link.LinkTarget is null ? link : (FileInfo)link.ResolveLinkTarget(returnFinalTarget: true)!;
    }

    /// <summary>
    /// Throws when the file may not be replaced. Renaming needs the permission of the folder only, so it would replace a
    /// read-only file, too.
    /// </summary>
    private static void RequireReplaceable(FileInfo target)
    {
        if (Directory.Exists(target.FullName))
            throw new IOException($"{target.FullName} is a folder.");
        if (target.Exists && !IsRegular(target))
            throw new IOException(
                $"{target.FullName} is a device or a pipe, which a file would replace. Save to a file."
            );
        if (!OperatingSystem.IsWindows() && target.Exists && !MayBeWritten(target))
            throw new UnauthorizedAccessException($"{target.FullName} is read-only.");
    }

    /// <summary>Below /dev only /dev/shm has regular files. A pipe cannot seek.</summary>
    private static bool IsRegular(FileInfo target)
    {
        if (target.FullName.StartsWith("/dev/", StringComparison.Ordinal))
            return target.FullName.StartsWith("/dev/shm/", StringComparison.Ordinal);
        try
        {
            // For reading and writing: opening a pipe for one of the two waits for its other end.
            using var opened = target.Open(FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return opened.CanSeek;
        }
        catch (Exception error) when (error is UnauthorizedAccessException or IOException)
        {
            return true; // Whether it may be replaced is asked next.
        }
    }

    [UnsupportedOSPlatform("windows")]
    private static bool MayBeWritten(FileInfo target)
    {
        // Root may open it although it is read-only.
        if ((target.UnixFileMode & Writing) == 0)
            return false;
        try
        {
            target.Open(FileMode.Open, FileAccess.Write, FileShare.ReadWrite).Dispose();
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            // The older file is locked by a process that reads it, and that goes on reading it.
        }
        return true;
    }

    private static FileStream CreateBeside(FileInfo target)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            // Outside Windows this is a lock: readers may share it, but a process that deletes leftover files does not get it.
            Share = FileShare.Read,
        };
        // Only this user can read the new file until it gets the mode of the older one.
        if (!OperatingSystem.IsWindows() && target.Exists)
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(Path.Combine(target.DirectoryName!, $".{Guid.NewGuid():N}{Suffix}"), options);
    }

    private static void KeepMode(FileInfo target, FileStream stream)
    {
        if (!OperatingSystem.IsWindows() && target.Exists)
            File.SetUnixFileMode(stream.SafeFileHandle, target.UnixFileMode);
    }

    /// <summary>
    /// Deletes files of processes that ended while they wrote: files with names of this library that are a minute old and that no
    /// process has locked. On Windows a file that is going to be moved has no lock, so all stay.
    /// </summary>
    private static void DeleteLeftOver(string folder)
    {
        if (OperatingSystem.IsWindows() || !Directory.Exists(folder))
            return;
        // A younger one may be about to be locked, or to get its final name: then nobody else may lock it.
        var latest = DateTime.UtcNow - TimeSpan.FromMinutes(1);
        foreach (var path in Directory.EnumerateFiles(folder, $"*{Suffix}").Where(IsOurs))
            try
            {
                if (File.GetLastWriteTimeUtc(path) > latest)
                    continue;
                using var _ = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Another process writes it, has tidied up first, or belongs to another user.
            }
    }

    private static bool IsOurs(string path) =>
        Path.GetFileName(path) is ['.', .. var name]
        && name.EndsWith(Suffix, StringComparison.Ordinal)
        && Guid.TryParseExact(name[..^Suffix.Length], "N", out _);
}
