namespace Parametrize

open System
open TorchSharp

/// How large compact spaces are, by the measure of the Frobenius norm.
[<RequireQualifiedAccess>]
module internal UniformMeasure =

    /// The log volume of the space of one problem, and how many last dimensions a problem has.
    type Volumes = { Dimensions: int; LogVolume: float }

    /// Rectangular matrices with k orthonormal columns of n numbers: one column after the other is on a sphere. Along a rotation of
    /// two columns the norm is larger by sqrt 2, and a complex one is one of two real numbers.
    let ofOrthonormal (isComplex: bool) (rows: int64) (columns: int64) : float =
        let n, k = max rows columns, min rows columns
        let reals = if isComplex then 2L else 1L
        let spheres = Seq.sumBy (fun size -> Special.logArea (reals * size)) (seq { n - k + 1L .. n })
        spheres + float (reals * k * (k - 1L)) / 4.0 * log 2.0

    /// Of correlation matrices with the density `det^(shape - 1)` by the entries below the diagonal (Lewandowski, Kurowicka & Joe
    /// 2009): `prod_k pi^(k/2) Gamma(shape + (n-1-k)/2) / Gamma(shape + (n-1)/2)` for k < n.
    let ofCorrelations (shape: float) (size: int64) : float =
        let last = float (size - 1L)

        Seq.sumBy
            (fun k ->
                float k / 2.0 * log Math.PI + Special.logGamma (shape + (last - float k) / 2.0)
                - Special.logGamma (shape + last / 2.0))
            (seq { 1L .. size - 1L })

    /// The log of the factor sqrt 2 for each entry below the diagonal, which a symmetric matrix has twice.
    let ofTwice (size: int64) : float = float (size * (size - 1L)) / 4.0 * log 2.0

    let private ofMatrix (form: Form) (volume: int64 -> int64 -> float) : Volumes =
        let count = form.Shape.Length

        {
            Dimensions = 2
            LogVolume = volume form.Shape[count - 2] form.Shape[count - 1]
        }

    let private ofSpace (space: Space) (form: Form) : Volumes option =
        let isComplex = Form.isComplex form.Dtype
        let ofMatrix (volume: int64 -> int64 -> float) = Some(ofMatrix form volume)

        if space = SimplexSpaces.simplex then
            let size = Array.last form.Shape

            Some
                {
                    Dimensions = 1
                    LogVolume = log (float size) / 2.0 - Special.logGamma (float size)
                }
        elif space = CorrelationSpaces.correlation then
            ofMatrix (fun size _ -> ofCorrelations 1.0 size + ofTwice size)
        elif space = CorrelationSpaces.factor then
            // Each row is on half a sphere.
            ofMatrix (fun size _ -> Seq.sumBy (fun row -> Special.logArea row - log 2.0) (seq { 1L .. size }))
        elif space = StiefelSpaces.stiefel || space = GroupSpaces.unitary then
            ofMatrix (ofOrthonormal isComplex)
        elif space = GroupSpaces.specialOrthogonal then
            ofMatrix (fun rows columns -> ofOrthonormal false rows columns - log 2.0)
        elif space = GroupSpaces.specialUnitary then
            // The unitary group is the product of this one and the circle of length 2 pi sqrt n, which covers it n times.
            ofMatrix (fun rows columns ->
                ofOrthonormal true rows columns + log (float rows) / 2.0 - log (2.0 * Math.PI))
        else
            None

    let private ofNode (node: Node) (space: Space) (form: Form) : Volumes option =
        match box node with
        | :? SphereNode as node ->
            let radius = (node :> IHoldsNumbers).Factors.Head

            if space = SphereSpaces.sphere radius then
                let reals = (if Form.isComplex form.Dtype then 2L else 1L) * Array.last form.Shape
                let volume = Special.logArea reals + float (reals - 1L) * log radius
                Some { Dimensions = 1; LogVolume = volume }
            else
                None
        | :? BoundedNode as node ->
            match (node :> IHoldsNumbers).Offsets with
            | [ lo; hi ] when space = BoundedSpaces.interval lo hi && Double.IsFinite lo && Double.IsFinite hi ->
                Some { Dimensions = 0; LogVolume = log (hi / 2.0 - lo / 2.0) + log 2.0 }
            | _ -> None
        | _ -> ofSpace space form

    /// None for spaces that are not compact, or whose volume is not known.
    let rec ofTree (tree: Tree) (form: Form) : Volumes option =
        match tree with
        | Tree.Apply(node, _, _) -> ofNode node (Tree.space tree) form
        | Tree.OutOf(view, inner) ->
            let shown = View.formInto view form

            ofTree inner shown
            |> Option.map (fun volumes ->
                match view, volumes.Dimensions with
                | View.Transpose, 1 ->
                    // A column is no last dimension: all of a matrix are one problem.
                    let columns = float shown.Shape[shown.Shape.Length - 2]
                    { Dimensions = 2; LogVolume = columns * volumes.LogVolume }
                | View.Kernel, count when count > 0 -> { volumes with Dimensions = form.Shape.Length - 2 + count }
                | _ -> volumes)
        | _ -> None

    /// A form in which a value can be tried.
    let private tried (value: Parametrization) : Form option =
        [ [| 2L; 2L |]; [| 2L |]; [||] ]
        |> List.collect (fun shape ->
            [
                for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] ->
                    { Shape = shape; Dtype = dtype; Device = torch.CPU }
            ])
        |> List.tryFind (fun form ->
            match Parametrization.parameterForms value form with
            | Ok _ -> true
            | Error _ -> false)

    let isKnown (value: Parametrization) : bool =
        match tried value with
        | Some form -> (ofTree value.Tree form).IsSome
        | None -> false

/// The constant density of a compact space.
type internal UniformDensity(value: Parametrization) =
    inherit Density()

    let volumes (form: Form) : UniformMeasure.Volumes = (UniformMeasure.ofTree value.Tree form).Value

    /// A row of normal numbers has a uniform direction; with the diagonal made positive, it is uniform on half a sphere.
    let factors (form: Form) (generator: torch.Generator | null) =
        let lower = (Form.normal generator form).tril()
        let diagonal = Tensors.diagonal lower
        let rows = lower.tril -1L +. torch.diag_embed (diagonal.abs ())
        rows / rows.Squared().sum([| -1L |], keepdim = true).sqrt()

    override _.Code = Code.call "Prior.uniform" [ value.Description ]
    override _.Support = value

    override _.LogDensity tensor =
        let volumes = volumes (Form.ofTensor tensor)
        Tensors.forEach volumes.Dimensions -volumes.LogVolume tensor

    override _.Correction tensor =
        let form = Form.ofTensor tensor
        let space = Tree.space value.Tree
        let forEach (number: float) = ValueSome(Tensors.forEach (volumes form).Dimensions number tensor)

        if space = SimplexSpaces.simplex then
            forEach (log (float (Array.last form.Shape)) / 2.0)
        elif space = CorrelationSpaces.correlation then
            forEach (UniformMeasure.ofTwice (Array.last form.Shape))
        elif space = CorrelationSpaces.factor then
            ValueSome((Tensors.diagonal tensor).log().sum([| -1L |]).neg())
        elif (volumes form).Dimensions = 0 then
            ValueNone
        else
            forEach (volumes form).LogVolume

    override _.Settle samples =
        if Tree.space value.Tree = CorrelationSpaces.correlation then
            Definite.settled samples
        else
            samples

    override _.Sampler =
        if Tree.space value.Tree = CorrelationSpaces.factor then
            Some factors
        else
            Some(fun form generator -> Parametrization.sample value form (Option.ofObj generator))

    override _.Equals(other: obj) : bool =
        match other with
        | :? UniformDensity as density -> value.Equals density.Support
        | _ -> false

    override _.GetHashCode() : int = hash value
