using Parametrize.CSharp.State;

namespace Parametrize.CSharp;

/// <summary>
/// Reads and writes safetensors, the file format of Python users for weights: a header of names, element types and
/// shapes, and the data in one piece.
/// </summary>
/// <remarks>
/// Element types: float64, float32, float16, bfloat16, complex64, int64, int32, int16, int8, uint8 and bool. The format has no
/// other element type of TorchSharp. A file may have tensors in element types that TorchSharp lacks: they are not read, and
/// <see cref="LoadedTensors.Unread"/> lists them.
/// </remarks>
public static class Safetensors
{
    /// <summary>
    /// Writes the tensors to a file. An existing file stays as it is until the new one is complete, and the new one gets its
    /// mode. Equal contents give equal bytes, whatever the order of the dictionary.
    /// </summary>
    /// <param name="path">The file. Its folder must exist.</param>
    /// <param name="tensors">By name; on any device, contiguous or not, with or without gradients.</param>
    /// <param name="metadata">What to say about them. Default: nothing.</param>
    /// <exception cref="ArgumentException">A tensor or a name that the format cannot hold; nothing is written.</exception>
    /// <exception cref="IOException">The file cannot be written; an older one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">
    /// An older file is read-only, or the folder is; everything is as it was.
    /// </exception>
    public static void Save(
        string path,
        IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var layout = SafetensorsLayout.Of(tensors, metadata);
        WholeFile.Write(path, stream => Write(stream, layout, tensors));
    }

    /// <summary>Writes the tensors to a stream, from its present position, and leaves it open.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="tensors">By name; on any device, contiguous or not, with or without gradients.</param>
    /// <param name="metadata">What to say about them. Default: nothing.</param>
    /// <exception cref="ArgumentException">A tensor or a name that the format cannot hold; nothing is written.</exception>
    public static void Save(
        Stream stream,
        IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        ArgumentNullException.ThrowIfNull(stream);
        Write(stream, SafetensorsLayout.Of(tensors, metadata), tensors);
    }

    /// <summary>
    /// Writes the state of a model, with the code of each parametrization, which
    /// <see cref="parametrize.load_parametrized_state_dict"/> compares. Tensors that were assigned to fields are taken in first,
    /// as by a call.
    /// </summary>
    /// <inheritdoc cref="Save(string, IReadOnlyDictionary{string, Tensor}, IReadOnlyDictionary{string, string})"/>
    /// <param name="metadata">
    /// Further texts, by name; the descriptions of the parametrizations are added to them. Default: none.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A tensor or a name that the format cannot hold, or metadata that contradict the descriptions of the parametrizations;
    /// nothing is written.
    /// </exception>
    public static void Save(string path, nn.Module model, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var targets = StateTarget.Current(model);
        Save(path, StateTarget.StateOf(model, targets), StateDescription.Of(targets, metadata));
    }

    /// <summary>Writes the state of a model to a stream, from its present position; the stream stays open.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="metadata">
    /// Further texts, by name; the descriptions of the parametrizations are added to them. Default: none.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A tensor or a name that the format cannot hold, or metadata that contradict the descriptions of the parametrizations;
    /// nothing is written.
    /// </exception>
    public static void Save(Stream stream, nn.Module model, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var targets = StateTarget.Current(model);
        Save(stream, StateTarget.StateOf(model, targets), StateDescription.Of(targets, metadata));
    }

    /// <summary>
    /// Reads the tensors of a file to the CPU. The caller disposes them. Loading them into a model compares the parametrizations
    /// that the file names.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// The file does not follow the format; the message says what was expected and what was found.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static LoadedTensors Load(string path) => Load(path, out _);

    /// <inheritdoc cref="Load(string)"/>
    /// <param name="metadata">What the file says about the tensors; empty when it says nothing.</param>
    public static LoadedTensors Load(string path, out Dictionary<string, string> metadata)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            return SafetensorsReader.Read(stream, out metadata);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException(
                $"{path} is not a valid safetensors file: {error.Message}{Advice(path)}",
                error
            );
        }
    }

    /// <summary>What to do with files of other formats that hold weights.</summary>
    private static string Advice(string path)
    {
        Span<byte> start = stackalloc byte[2];
        using (var stream = File.OpenRead(path))
            stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return start.SequenceEqual("PK"u8)
                ? " It looks like a file of torch.save: in Python, save the state with save_file of safetensors.torch."
            : Path.GetExtension(path) is ".dat"
                ? " If it is a file of TorchSharp's save: load it into its model, and write that with Safetensors.Save."
            : "";
    }

    /// <summary>
    /// Reads the tensors of a stream, from its present position to its end, to the CPU; they are the caller's to
    /// dispose. The stream stays open. One that cannot seek is copied to a temporary file first.
    /// </summary>
    /// <param name="stream">A readable stream.</param>
    /// <exception cref="InvalidDataException">
    /// The data do not follow the format; the message says what was expected and what was found.
    /// </exception>
    public static LoadedTensors Load(Stream stream) => Load(stream, out _);

    /// <inheritdoc cref="Load(Stream)"/>
    /// <param name="stream">A readable stream.</param>
    /// <param name="metadata">What the file says about the tensors; empty when it says nothing.</param>
    public static LoadedTensors Load(Stream stream, out Dictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (stream.CanSeek)
            return SafetensorsReader.Read(stream, out metadata);

        // The sizes in a header can be checked only when the length is known.
        using var copy = WholeFile.Temporary();
        stream.CopyTo(copy);
        copy.Position = 0;
        return SafetensorsReader.Read(copy, out metadata);
    }

    private static void Write(Stream stream, SafetensorsLayout layout, IReadOnlyDictionary<string, Tensor> tensors)
    {
        stream.Write(layout.Header());
        foreach (var entry in layout.Entries)
            TensorBytes.Write(stream, tensors[entry.Name]);
    }
}
