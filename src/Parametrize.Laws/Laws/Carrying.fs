/// What is carried beside the parameters: what rounding does to it, and what no value can carry.
module internal Parametrize.Laws.Carrying

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private types: torch.ScalarType list =
    [
        torch.ScalarType.BFloat16
        torch.ScalarType.Float16
        torch.ScalarType.Float32
        torch.ScalarType.Float64
        torch.ScalarType.ComplexFloat32
        torch.ScalarType.ComplexFloat64
    ]

/// The element types of the same kind that are finer than the case's, or coarser; float16 has little room.
let private others (isFiner: bool) (case: Case) : torch.ScalarType list =
    types
    |> List.filter (fun dtype ->
        let mine, its = Form.epsilon case.Dtype, Form.epsilon dtype
        let hasRoom = dtype <> torch.ScalarType.Float16 || case.Scale >= 1e-3 && case.Scale <= 1.0

        hasRoom
        && Form.isComplex dtype = Case.isComplex case
        && (if isFiner then its < mine else its > mine))

/// All tensors in another element type, permutations aside.
let private converted (dtype: torch.ScalarType) (value: Parametrization) (parts: Parts) : Parts =
    let convert (tensor: torch.Tensor) =
        match tensor.dtype with
        | torch.ScalarType.Int64 -> tensor
        | old when Form.isComplex old || not (Form.isComplex dtype) -> tensor.``to`` dtype
        // The magnitudes of complex numbers.
        | _ when dtype = torch.ScalarType.ComplexFloat64 -> tensor.``to`` torch.ScalarType.Float64
        | _ -> tensor.``to`` torch.ScalarType.Float32

    Parametrization.ofTensorsLike parts (Seq.map convert parts.Parameters) (Seq.map convert parts.Buffers) value

/// What cannot be carried in an element type.
let private misfits (dtype: torch.ScalarType) (value: Parametrization) (parts: Parts) : Faults =
    Parametrization.misfits value (Form.epsilon dtype) parts
    |> List.map (fun (name, violation) -> Fault.said $"{name} is refused in {dtype}: {violation}")

/// A model goes to a finer element type: what was inside is inside, and where it was.
let private mendsRounding (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let coarse = Parametrization.forward value parts

        others true case
        |> List.collect (fun dtype ->
            let moved = converted dtype value parts
            let mended = Parametrization.repair value moved
            let tensor = Parametrization.forward value mended
            let before = Parametrization.forward value moved
            let roundoff = Subject.slack subject case coarse

            near $"forward (mend parts) in {dtype}" roundoff before tensor
            @ misfits dtype value mended
            @ List.concat (Seq.map2 (same $"a parameter in {dtype}") moved.Parameters mended.Parameters)
            @ (if Subject.learns subject then
                   []
               else
                   isOk $"contains (forward (mend parts)) in {dtype}" (Parametrization.contains value tensor))))

/// There is nothing to mend in what is right; nothing wrong with it, and not with what rounding leaves of it.
let private leavesWhatIsRight (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let mended = Parametrization.repair value parts

        let unchanged (old: torch.Tensor) (next: torch.Tensor) =
            near "mend" (8.0 * Form.epsilon old.dtype * float (Array.max (Array.append [| 4L |] old.shape))) old next

        List.concat (Seq.map2 unchanged parts.Buffers mended.Buffers)
        @ misfits case.Dtype value parts
        @ misfits case.Dtype value mended
        @ misfits case.Dtype value (Parametrization.advance value parts)
        @ List.collect
            (fun dtype -> parts |> converted dtype value |> converted case.Dtype value |> misfits dtype value)
            (others false case))

let private checkedNames: string list = [ "base"; "_u"; "_v"; "mask"; "order"; "sign" ]

let private nameOf (path: string) : string = path.Substring(path.IndexOf '.' + 1)

let private carries (subject: Subject) : bool =
    Subject.isOfLibrary subject
    && Parametrization.bufferNames subject.Value
       |> List.exists (fun path -> List.contains (nameOf path) checkedNames)

/// No buffer of the library's values can be anything.
let private findsMisfits (subject: Subject) (case: Case) : Faults =
    let value = subject.Value

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let names = Parametrization.bufferNames value

        [
            for position, damaged in List.indexed names do
                if List.contains (nameOf damaged) checkedNames then
                    let spoil (buffer: torch.Tensor) : torch.Tensor =
                        match nameOf damaged with
                        | "order" -> buffer + 1L
                        | "mask" -> buffer * 0.5 + 0.25
                        // Shorter: beside long columns, rounding to 16 bits hides what a longer base is off by.
                        | _ -> buffer * 0.1

                    let buffers =
                        parts.Buffers |> Seq.mapi (fun i buffer -> if i = position then spoil buffer else buffer)

                    let worse = Parametrization.ofTensorsLike parts parts.Parameters buffers value

                    let found =
                        Parametrization.misfits value (Form.epsilon torch.ScalarType.BFloat16) worse |> List.map fst

                    yield! fault (found <> [ damaged ]) $"damaged {damaged}, found {found}"
                    // What is not rounding stays for the caller to see.
                    let mended = Parametrization.repair value worse
                    yield! fault (mended.Buffers.Count <> names.Length) "mend loses buffers"
        ])

let laws: Law list =
    [
        law
            "12"
            "what was rounded is mended"
            "Parts that went to a finer element type are put right: allowed there, and the same up to rounding."
            mendsRounding
        |> onlyFor "a right inverse" Subject.hasRightInverse
        |> onlyFor "several element types" (fun subject -> subject.Dtypes.Length > 1)
        law
            "12b"
            "what is right is left"
            "Parts that are right are left as they are, and nothing is said against them."
            leavesWhatIsRight
        law "12c" "what cannot be carried is found" "What the value cannot carry is found and named." findsMisfits
        |> onlyFor "what the library carries (bases, masks, singular vectors)" carries
    ]
