/// F# Interactive loads this script with the package, because of its name and place: content/Parametrize.Core.fsx.
///
/// No build prepares the native libraries of a script: they stay in the folders of their packages, where TorchSharp's does not
/// find libtorch, and where the build target that makes it load on older systems never sees it. This does both when the library
/// is first asked for. Nothing stays on the disk.
module internal Parametrize.Interactive.NativeLibrary

open System
open System.IO
open System.Runtime.InteropServices
open System.Runtime.Loader

let private torchSharp = typeof<TorchSharp.torch>.Assembly

/// Looks where F# Interactive looks: in the packages that the script refers to.
let private isLoaded (name: string) : bool = NativeLibrary.TryLoad(name, torchSharp, Nullable()) |> fst

/// The handle of a library, or zero.
let private load (path: string) : nativeint = NativeLibrary.TryLoad path |> snd

/// The library in the package of TorchSharp: lib/net8.0/TorchSharp.dll stands beside runtimes/.
let private packaged =
    let folder = Path.GetDirectoryName torchSharp.Location
    Path.GetFullPath(Path.Combine(folder, "../../runtimes/linux-x64/native/libLibTorchSharp.so"))

/// The hash that the ELF format gives a name.
let private elfHash (name: string) : uint32 =
    let add (hash: uint32) (letter: char) =
        let sum = (hash <<< 4) + uint32 letter
        let high = sum &&& 0xf0000000u
        (sum ^^^ (high >>> 24)) &&& ~~~high

    Seq.fold add 0u name

/// Marks the need of a symbol version as weak: an entry of the table of needs is the hash of the name, then 16 bits of flags.
/// False if there is not exactly one.
let private weaken (version: string) (elf: byte[]) : bool =
    let entry = Array.append (BitConverter.GetBytes(elfHash version)) [| 0uy; 0uy |]
    let found = elf.AsSpan().IndexOf entry
    let isOnlyOne = found >= 0 && elf.AsSpan(found + 1).IndexOf entry < 0

    if isOnlyOne then
        elf[found + 4] <- 2uy

    isOnlyOne

/// Debian 12, Ubuntu 22.04 and RHEL 9 lack the version for one symbol, which is never called. See the build target.
let private loadWeakened () : nativeint =
    let elf = File.ReadAllBytes packaged

    if weaken "GLIBCXX_3.4.32" elf then
        let folder = Directory.CreateTempSubdirectory "parametrize-"

        try
            let copy = Path.Combine(folder.FullName, Path.GetFileName packaged)
            File.WriteAllBytes(copy, elf)
            load copy
        finally
            // Linux keeps a loaded file until the process ends.
            folder.Delete(recursive = true)
    else
        0n

let private resolve (name: string) : nativeint =
    if name = "LibTorchSharp" && File.Exists packaged && isLoaded "torch" then
        match load packaged with
        | 0n -> loadWeakened ()
        | handle -> handle
    else
        0n

if OperatingSystem.IsLinux() then
    let context = AssemblyLoadContext.GetLoadContext torchSharp
    context.add_ResolvingUnmanagedDll (fun _ name -> resolve name)
