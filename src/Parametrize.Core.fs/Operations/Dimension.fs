namespace Parametrize

/// The dimensions of spaces as manifolds, in real numbers: complex entries count twice.
[<RequireQualifiedAccess>]
module Dimension =

    let private product (sizes: int64[]) : int64 = Array.fold (*) 1L sizes

    /// Matrices of one form: their number, their sides, and the real numbers in an entry.
    type internal Matrices = { Count: int64; Rows: int64; Columns: int64; Reals: int64 }

    /// None where the form has no matrices.
    let internal matrices (form: Form) : Matrices option =
        let count = form.Shape.Length

        if count < 2 then
            None
        else
            Some
                {
                    Count = product form.Shape[.. count - 3]
                    Rows = form.Shape[count - 2]
                    Columns = form.Shape[count - 1]
                    Reals = (if Form.isComplex form.Dtype then 2L else 1L)
                }

    /// The dimension of a space of matrices, from that of one.
    let internal ofMatrices (one: Matrices -> int64) (form: Form) : System.Nullable<int64> =
        match matrices form with
        | Some matrices -> System.Nullable(matrices.Count * one matrices)
        | None -> System.Nullable()

    /// The entries on and to one side of the diagonal: of the lower triangle, row i has i + 1 of them.
    let internal ofTriangle (triangle: Triangle) (one: Matrices) : int64 =
        let high, wide =
            match triangle with
            | Triangle.Lower -> one.Rows, one.Columns
            | Triangle.Upper -> one.Columns, one.Rows

        Seq.sumBy (fun row -> min (row + 1L) wide) (seq { 0L .. high - 1L })

    let internal onDiagonal (one: Matrices) : int64 = min one.Rows one.Columns

    /// n (n - 1) / 2 entries off the diagonal, plus the given number of reals for each diagonal entry.
    let internal ofHalf (onDiagonal: int64) (one: Matrices) : int64 =
        one.Reals * (one.Rows * (one.Rows - 1L) / 2L) + onDiagonal * one.Rows

    /// Whether the outputs may not fill their space, as those of adapters: what is known of the space need then not be true of them.
    let internal fallsShort (form: Form) (space: Space, dimension: int64 option) : bool =
        match Option.ofNullable (space.Dimension form), dimension with
        | Some whole, Some part -> part < whole
        | Some _, None -> true
        | None, _ -> false

    /// The dimension of inputs that are scaled onto a sphere: each ray of a cone meets the sphere once; a set within a sphere keeps
    /// its dimension.
    let internal onSphere (form: Form) (input: Space * int64 option) : int64 option =
        match input with
        | short when fallsShort form short -> None
        | space, dimension when space.IsClosedUnder Closure.Scaling ->
            dimension |> Option.map (fun cone -> max 0L (cone - 1L))
        | _, dimension -> dimension

    let private isFree (form: Form) (space: Space, dimension: int64 option) : bool =
        space = Space.all && dimension = Some(Form.reals form)

    /// The dimension of a node's outputs: the node tells it, or it is that of the codomain if all inputs are free.
    let private behind (node: Node) (form: Form) (inputs: (Form * (Space * int64 option)) list) buffers =
        match box node with
        | :? IDimension as known -> known.Dimension(form, List.map snd inputs, buffers)
        | _ when inputs |> List.forall (fun (form, input) -> isFree form input) ->
            (node.Codomain(inputs |> List.map (snd >> fst))).Dimension form |> Option.ofNullable
        | _ -> None

    /// The form and the dimension of every register; None for what is not known.
    let internal registers (program: Program) (form: Form) (parts: Parts) : (Form * int64 option)[] option =
        match Program.forms program form with
        | Error _ -> None
        | Ok forms ->
            let known: (Space * int64 option)[] = Array.create program.RegisterCount (Space.all, None)

            for leaf in 0 .. program.LeafCount - 1 do
                known[leaf] <- Space.all, Some(Form.reals forms[leaf])

            program.Steps
            |> Array.iteri (fun index step ->
                let register = program.LeafCount + index

                known[register] <-
                    match step with
                    | Step.Into(view, source, _) ->
                        let space, dimension = known[source]
                        (if space = Space.all then space else View.spaceInto view space), dimension
                    | Step.OutOf(view, source) ->
                        let space, dimension = known[source]
                        View.space view space, dimension
                    | Step.Compute(node, sources, position, _) ->
                        let inputs = [ for source in sources -> forms[source], known[source] ]
                        let spaces = inputs |> List.map (snd >> fst)
                        node.Codomain spaces, behind node forms[register] inputs parts.BufferArrays[position])

            Some(Array.map2 (fun form (_, dimension) -> form, dimension) forms known)

    let internal ofForm (form: Form) (value: Parametrization) (parts: Parts) : int64 option =
        registers value.Program form parts |> Option.bind (fun known -> snd known[value.Program.Result])

    /// The dimension, in real numbers, of the set of tensors that these parts can yield. None if a user's node does not tell it.
    let tryOf (value: Parametrization) (parts: Parts) : int64 option = ofForm (Evaluation.outputForm parts) value parts
