using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>Copies a 64-bit ELF library, marking one of the symbol versions that it needs as weak.</summary>
/// <remarks>The loader goes on without a weak version; only calling a symbol of that version would fail.</remarks>
public class WeakenVersionNeed : Task
{
    private const uint SectionIsVersionNeeds = 0x6ffffffe;
    private const byte Weak = 0x2;

    [Required]
    public string Source { get; set; }

    [Required]
    public string Destination { get; set; }

    [Required]
    public string Version { get; set; }

    public override bool Execute()
    {
        var elf = File.ReadAllBytes(Source);
        if (!IsElf64LittleEndian(elf))
        {
            Log.LogError("{0} is not a 64-bit little-endian ELF file.", Source);
            return false;
        }

        var count = WeakenIn(elf);
        Log.LogMessage(MessageImportance.Normal, "{0}: {1} need(s) of {2} made weak.", Source, count, Version);

        // A new file each time: the old one may be hard-linked from an output folder.
        Directory.CreateDirectory(Path.GetDirectoryName(Destination));
        File.Delete(Destination);
        File.WriteAllBytes(Destination, elf);
        return true;
    }

    private static bool IsElf64LittleEndian(byte[] elf) =>
        elf.Length > 64
        && elf[0] == 0x7f
        && elf[1] == 'E'
        && elf[2] == 'L'
        && elf[3] == 'F'
        && elf[4] == 2
        && elf[5] == 1;

    private int WeakenIn(byte[] elf)
    {
        var table = (int)BitConverter.ToUInt64(elf, 0x28);
        var entrySize = BitConverter.ToUInt16(elf, 0x3A);
        var count = BitConverter.ToUInt16(elf, 0x3C);

        int Header(int index) => table + index * entrySize;
        int Offset(int header) => (int)BitConverter.ToUInt64(elf, header + 24);

        for (var index = 0; index < count; index++)
        {
            if (BitConverter.ToUInt32(elf, Header(index) + 4) != SectionIsVersionNeeds)
                continue;
            var names = Offset(Header((int)BitConverter.ToUInt32(elf, Header(index) + 40)));
            return WeakenIn(elf, Offset(Header(index)), names);
        }
        return 0;
    }

    /// <summary>Walks the needed libraries (Elf64_Verneed) and, within each, its needed versions (Elf64_Vernaux).</summary>
    private int WeakenIn(byte[] elf, int need, int names)
    {
        var weakened = 0;
        for (var nextNeed = -1; nextNeed != 0; need += nextNeed)
        {
            var version = need + (int)BitConverter.ToUInt32(elf, need + 8);
            for (var nextVersion = -1; nextVersion != 0; version += nextVersion)
            {
                if (NameAt(elf, names + (int)BitConverter.ToUInt32(elf, version + 8)) == Version)
                {
                    elf[version + 4] |= Weak;
                    weakened++;
                }
                nextVersion = (int)BitConverter.ToUInt32(elf, version + 12);
            }
            nextNeed = (int)BitConverter.ToUInt32(elf, need + 12);
        }
        return weakened;
    }

    private static string NameAt(byte[] elf, int start) =>
        Encoding.ASCII.GetString(elf, start, Array.IndexOf(elf, (byte)0, start) - start);
}
