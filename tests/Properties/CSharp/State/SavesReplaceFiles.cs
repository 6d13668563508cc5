using System.Runtime.Versioning;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>A saved file stands where the older one stood, with its mode, and nothing else is touched.</summary>
public sealed class SavesReplaceFiles : IDisposable
{
    private const string Suffix = ".parametrize.tmp";
    private readonly string _folder = Directory.CreateTempSubdirectory("parametrize").FullName;

    private string Path => In("model.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Saving in a process that ends half way.</summary>
    /// <summary>The scenario of a process that is killed while it saves.</summary>
    internal const string Dying = "saving and dying";

    internal static void SaveAndDie()
    {
        var folder = Environment.GetEnvironmentVariable(nameof(SavesReplaceFiles))!;
        var tensors = new Writing(
            ["a", "b"],
            key => key == "a" ? ones(1000) : throw Killed(System.IO.Path.Combine(folder, "dying"))
        );
        Safetensors.Save(System.IO.Path.Combine(folder, "model.safetensors"), tensors);
    }

    [UnixTheory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead)]
    [InlineData((UnixFileMode)0b110_110_110)]
    [InlineData((UnixFileMode)0b111_101_101)]
    [UnsupportedOSPlatform("windows")]
    public void The_mode_stays_behind_nodes_too(UnixFileMode mode)
    {
        var node = In("latest");
        File.WriteAllText(Path, "older");
        File.CreateSymbolicLink(node, Path);
        File.SetUnixFileMode(Path, mode);
        foreach (var name in new[] { Path, node })
        {
            Safetensors.Save(name, One(2));
            Assert.Equal(mode, File.GetUnixFileMode(Path));
            Assert.Equal([node, Path], Directory.GetFiles(_folder).Order());
        }
        Assert.NotNull(new FileInfo(node).LinkTarget);
    }

    [UnixFact]
    [UnsupportedOSPlatform("windows")]
    public void Devices_and_pipes_are_not_replaced()
    {
        var pipe = In("pipe");
        System.Diagnostics.Process.Start("mkfifo", pipe).WaitForExit();
        foreach (var name in (string[])["/dev/null", pipe])
            Assert.Contains(
                "device or a pipe",
                Assert.Throws<IOException>(() => Safetensors.Save(name, One(2))).Message
            );
        Assert.Equal([pipe], Directory.GetFiles(_folder));
        Assert.Equal(0, new FileInfo("/dev/null").Length);
    }

    [UnixFact]
    [UnsupportedOSPlatform("windows")]
    public void What_may_be_read_by_few_is_never_to_be_read_by_many()
    {
        File.WriteAllText(Path, "older");
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Safetensors.Save(
            Path,
            new Writing(
                ["a"],
                _ =>
                {
                    var written = Assert.Single(Directory.GetFiles(_folder), file => file != Path);
                    Assert.Equal(File.GetUnixFileMode(Path), File.GetUnixFileMode(written));
                    return ones(2);
                }
            )
        );
        File.Delete(Path);
        File.WriteAllText(In("plain"), "");
        Safetensors.Save(Path, One(1));
        Assert.Equal(File.GetUnixFileMode(In("plain")), File.GetUnixFileMode(Path));
    }

    [UnixFact]
    [UnsupportedOSPlatform("windows")]
    public void A_read_only_file_is_refused_before_anything_changes()
    {
        File.WriteAllText(Path, "older");
        File.CreateSymbolicLink(In("latest"), Path);
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        foreach (var name in new[] { Path, In("latest") })
        {
            var untouched = new Writing(["a"], _ => throw new InvalidOperationException("Nothing is read."));
            var error = Assert.Throws<UnauthorizedAccessException>(() => Safetensors.Save(name, untouched));
            Assert.Contains(Path, error.Message);
            Assert.Equal("older", File.ReadAllText(Path));
            Assert.Equal([In("latest"), Path], Directory.GetFiles(_folder).Order());
        }
    }

    [UnixFact]
    public void What_a_process_left_that_was_killed_goes_with_a_save_after_a_minute()
    {
        Safetensors.Save(Path, One(3));
        Environment.SetEnvironmentVariable(nameof(SavesReplaceFiles), _folder);
        ChildProcess.Run(Dying, TimeSpan.FromMinutes(2));
        Assert.True(File.Exists(In("dying")));
        Safetensors.Save(Path, One(3));
        var left = Assert.Single(Directory.GetFiles(_folder), file => file.EndsWith(Suffix, StringComparison.Ordinal));
        Assert.Equal(3, Safetensors.Load(Path)["a"].numel());

        Age(left);
        Safetensors.Save(Path, One(4));
        Assert.Equal([In("dying"), Path], Directory.GetFiles(_folder).Order());
        Assert.Equal(4, Safetensors.Load(Path)["a"].numel());
    }

    [Fact]
    public void Files_of_others_stay_whatever_they_are_called()
    {
        string[] names =
        [
            "model.safetensors.tmp",
            "model.safetensors.parametrize.tmp",
            $"model.safetensors.{Guid.NewGuid():N}.tmp",
            ".parametrize.tmp",
            $".{Guid.NewGuid():N}.tmp",
            $"{Guid.NewGuid():N}.parametrize.tmp",
            $".{Guid.NewGuid():N}.parametrize.tmp.old",
            ".notes.parametrize.tmp",
        ];
        foreach (var name in names)
        {
            File.WriteAllText(In(name), name);
            Age(In(name));
        }
        Directory.CreateDirectory(In($".{Guid.NewGuid():N}{Suffix}"));
        Safetensors.Save(Path, One(2));
        Assert.Equal(names.Append("model.safetensors").Order(), Directory.GetFiles(_folder).Select(NameOf).Order());
        Assert.All(names, name => Assert.Equal(name, File.ReadAllText(In(name))));
        Assert.Single(Directory.GetDirectories(_folder));
    }

    [Fact]
    public void Saving_while_another_saves_disturbs_neither()
    {
        Safetensors.Save(
            Path,
            new Writing(
                ["a"],
                _ =>
                {
                    Safetensors.Save(Path, One(5));
                    Assert.Equal(5, Safetensors.Load(Path)["a"].numel());
                    return ones(2);
                }
            )
        );
        Assert.Equal(2, Safetensors.Load(Path)["a"].numel());
        Assert.Equal([Path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void Of_many_that_save_at_once_one_whole_file_is_left_and_readers_see_whole_ones()
    {
        Safetensors.Save(Path, One(1));
        Parallel.For(
            0,
            4,
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            writer =>
            {
                for (var time = 0; time < 50; time++)
                {
                    using var scope = NewDisposeScope();
                    var count = 1 + 1000 * writer + time;
                    Safetensors.Save(Path, new Dictionary<string, Tensor> { ["a"] = full(count, (float)count) });
                    var read = Safetensors.Load(Path)["a"];
                    Assert.True(read.eq(read.numel() == 1 ? 1 : (float)read.numel()).all().item<bool>());
                }
            }
        );
        Assert.Equal([Path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_name_as_long_as_the_system_takes_is_written()
    {
        var name = In(new string('n', 255));
        Safetensors.Save(name, One(2));
        Safetensors.Save(name, One(3));
        Assert.Equal(3, Safetensors.Load(name)["a"].numel());
    }

    /// <summary>Readers take headers of a hundred million bytes.</summary>
    [Fact]
    public void Names_and_metadata_that_nobody_would_read_are_refused_and_the_older_file_stays()
    {
        Safetensors.Save(Path, One(2));
        var older = File.ReadAllBytes(Path);
        var metadata = new Dictionary<string, string> { ["note"] = new string('x', 100_000_000) };
        Assert.Equal(
            "The names and metadata take 100000088 bytes, but readers accept 100000000. Save several files.",
            Assert.Throws<ArgumentException>(() => Safetensors.Save(Path, One(1), metadata)).Message
        );
        Assert.Equal(older, File.ReadAllBytes(Path));
        Assert.Equal([Path], Directory.GetFiles(_folder));
    }

    /// <summary>A lock keeps others from writing into the file, not from putting another one in its place.</summary>
    [UnixFact]
    public void A_file_that_another_keeps_locked_is_replaced_and_stays_for_that_one()
    {
        File.WriteAllText(Path, "older");
        using var locked = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.None);
        Assert.Throws<IOException>(() => File.ReadAllText(Path));
        Safetensors.Save(Path, One(3));
        Assert.Equal(3, Safetensors.Load(Path)["a"].numel());
        Assert.Equal([Path], Directory.GetFiles(_folder));
        using var reader = new StreamReader(locked);
        Assert.Equal("older", reader.ReadToEnd());
    }

    private string In(string name) => System.IO.Path.Combine(_folder, name);

    private static void Age(string path) => File.SetLastWriteTimeUtc(path, DateTime.UtcNow - TimeSpan.FromMinutes(2));

    private static string NameOf(string path) => System.IO.Path.GetFileName(path);

    private static Dictionary<string, Tensor> One(int count) => new() { ["a"] = ones(count) };

    private static InvalidOperationException Killed(string note)
    {
        File.WriteAllText(note, "");
        System.Diagnostics.Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
        return new();
    }
}
